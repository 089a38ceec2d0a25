import { attached } from "../base/realms.ts";
import { rowsOfSamples } from "../base/rows.ts";
import { escapeText } from "../base/show.ts";
import { sizeOf } from "../graph/operations.ts";
import type { Problem } from "./backend.ts";

/**
 * Copies the weights and fixed inputs of some of a problem's samples. A row that all samples share is copied once.
 *
 * @throws LatentflowError `invalid_argument` if an array was transferred since the call began
 */
export function ownRows(
  { decoder, weights, fixed }: Pick<Problem, "decoder" | "weights" | "fixed">,
  samples: Uint32Array,
): Pick<Problem, "sampleCount" | "weights" | "fixed"> {
  const rowsOf = (name: string, values: Float32Array, size: number) =>
    rowsOfSamples(attached(name, values), size, samples);
  return {
    sampleCount: samples.length,
    weights: weights && rowsOf("weights", weights, decoder.outputSize),
    fixed: decoder.fixedInputs.map(({ name, shape }, i) =>
      rowsOf(escapeText(`fixed.${name}`), fixed[i]!, sizeOf(shape)),
    ),
  };
}

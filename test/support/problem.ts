import type { Problem } from "../../src/backend/backend.ts";
import type { Decoder, Loss } from "../../src/index.ts";

/**
 * Samples to be solved by their loss alone, where no more is given.
 *
 * @param targets sampleCount × outputSize
 */
export function problemOf(
  decoder: Decoder,
  loss: Loss,
  targets: Float32Array,
  more: Partial<Problem> = {},
): Problem {
  return {
    decoder,
    loss,
    targets,
    sampleCount: targets.length / decoder.outputSize,
    weights: undefined,
    prior: undefined,
    batchSize: undefined,
    fixed: [],
    ...more,
  };
}

import { attached } from "../../base/realms.ts";
import { rowsOfSamples } from "../../base/rows.ts";
import { sizeOf } from "../../graph/operations.ts";
import { allRows } from "../../solver/objective.ts";
import type { Problem } from "../backend.ts";

/**
 * Returns the problem restricted to some samples, with copies of their data. Weights and fixed inputs that all samples share
 * are copied whole.
 */
export function chosenSamples<P extends Problem>(problem: P, samples: Int32Array): P {
  const { decoder, targets, weights, fixed } = problem;
  const n = decoder.outputSize;
  const gather = (name: string, values: Float32Array, size: number) =>
    rowsOfSamples(attached(name, values), size, samples);
  return {
    ...problem,
    sampleCount: samples.length,
    targets: gather("y", targets, n),
    weights: weights && gather("weights", weights, n),
    fixed: fixed.map((values, i) => {
      const { name, shape } = decoder.fixedInputs[i]!;
      return gather(name, values, sizeOf(shape));
    }),
  };
}

/** Returns the problem restricted to its first samples, at most `most`, with copies of their data. */
export function firstSamples<P extends Problem>(problem: P, most: number): P {
  return chosenSamples(problem, allRows(Math.min(problem.sampleCount, most)));
}

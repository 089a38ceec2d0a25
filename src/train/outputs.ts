import type { Dataset } from "../api/dataset.ts";
import { ownRows } from "../backend/own-rows.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Control } from "../solver/base.ts";
import { type ProblemSettings, pieces } from "./samples.ts";

/** What the samples of a data set have at each of a decoder's n outputs, [n] each. */
export interface OutputStatistics {
  /** Number of values that are missing: NaN where the weight is above 0. */
  readonly missing: Uint32Array;
  /** Weighted mean of the values that are seen, neither NaN nor of weight 0; 0 without any. */
  readonly means: Float64Array;
  /** Weighted standard deviation of the values that are seen, √(Σ w·(y - mean)² / Σ w); 0 where they are all the same. */
  readonly deviations: Float64Array;
}

/** Computes the statistics of a data set at each output, in one pass, by West's update of mean and sum of squares. */
export async function outputStatistics(
  dataset: Dataset,
  { decoder, weights }: { readonly decoder: Decoder; readonly weights: ProblemSettings["weights"] },
  control: Control,
): Promise<OutputStatistics> {
  const n = decoder.outputSize;
  const missing = new Uint32Array(n);
  const sums = new Float64Array(n);
  const means = new Float64Array(n);
  const squares = new Float64Array(n);
  for (const samples of pieces(dataset)) {
    if (control.aborted()) break;
    const y = dataset.rows(samples);
    const own = ownRows({ decoder, weights, fixed: [] }, samples).weights;
    for (let at = 0; at < y.length; at++) {
      const output = at % n;
      const weight = own ? own[at % own.length]! : 1;
      const value = y[at]!;
      if (weight === 0) continue;
      if (Number.isNaN(value)) {
        missing[output]!++;
        continue;
      }
      sums[output]! += weight;
      const difference = value - means[output]!;
      means[output]! += difference * (weight / sums[output]!);
      squares[output]! += weight * difference * (value - means[output]!);
    }
    await control.pause();
  }
  const deviations = squares.map((sum, i) => (sum > 0 ? Math.sqrt(sum / sums[i]!) : 0));
  return { missing, means, deviations };
}

/** Number of outputs that a warning lists by their indices. */
const MOST_LISTED = 5;

/** Returns a warning about outputs, by their indices, which are counted from 0; [] if there are none. */
export function warningOf(outputs: readonly number[], problem: string): string[] {
  if (outputs.length === 0) return [];
  const listed = outputs.slice(0, MOST_LISTED).join(", ");
  const more = outputs.length > MOST_LISTED ? ` and ${outputs.length - MOST_LISTED} more` : "";
  return [`${outputs.length === 1 ? "output" : "outputs"} ${listed}${more} (counted from 0): ${problem}`];
}

/** Returns the indices of the values for which `test` is true. */
export function indicesWhere(values: ArrayLike<number>, test: (value: number) => boolean): number[] {
  return Array.from(values, (value, i) => (test(value) ? i : -1)).filter((i) => i >= 0);
}

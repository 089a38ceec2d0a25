import type { Dataset } from "../api/dataset.ts";
import { ownRows } from "../backend/own-rows.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { Control } from "../solver/base.ts";
import { type ProblemSettings, pieces } from "./samples.ts";

/** What the samples of a data set have at each of a decoder's n outputs, [n] each. */
export interface OutputStatistics {
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
      if (weight === 0 || Number.isNaN(value)) continue;
      sums[output]! += weight;
      const difference = value - means[output]!;
      means[output]! += difference * (weight / sums[output]!);
      squares[output]! += weight * difference * (value - means[output]!);
    }
    await control.pause();
  }
  const deviations = squares.map((sum, i) => (sum > 0 ? Math.sqrt(sum / sums[i]!) : 0));
  return { means, deviations };
}

import { elementCount } from "../../files/array.ts";

/** Sizes and contents of a run's results, known before they are computed. */
export interface ResultsPlan {
  /** Number of samples of the whole run. */
  readonly samples: number;
  readonly latentSize: number;
  /** Shape of one sample's data, without the axis of samples. */
  readonly sampleShape: readonly number[];
  /** True if the results have a prior's value for each sample. */
  readonly hasPrior: boolean;
  /** True if the reconstruction D(z) of each sample is saved. */
  readonly hasReconstructions: boolean;
  /** Number of codes drawn from the posterior of each sample; 0 without `--samples`. */
  readonly codesPerSample: number;
}

/** Bytes of a sample's losses, status and counts in a part's file, rounded up. */
const FIGURE_BYTES = 80;

/** Returns the number of bytes of a sample's results in a part's file, without an identifier. */
export function sampleBytes(plan: ResultsPlan): number {
  const { latentSize, sampleShape, hasReconstructions, codesPerSample } = plan;
  const values = latentSize * (1 + codesPerSample) + (hasReconstructions ? elementCount(sampleShape) : 0);
  // Each drawn code has a float64 weight.
  return FIGURE_BYTES + 4 * values + 8 * codesPerSample;
}

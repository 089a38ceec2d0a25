import type { StagedOutputs } from "../output/output-files.ts";
import type { Part } from "./part.ts";

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

/** A file format of results: .npy with CSV, or Parquet. */
export interface ResultsFormat {
  /** Lists the files that a run writes, with descriptions. */
  files(plan: ResultsPlan): { readonly name: string; readonly content: string }[];
  /** Appends the results of a run to the files, one part (consecutive samples) after another, in order. */
  write(plan: ResultsPlan, outputs: StagedOutputs, parts: AsyncIterable<Part>): Promise<void>;
}

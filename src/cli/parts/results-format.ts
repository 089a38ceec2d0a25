import type { StagedOutputs } from "../output/output-files.ts";
import type { Part } from "./part.ts";

/** Sizes and contents of a run's results, known before they are computed. */
export interface ResultsPlan {
  readonly samples: number;
  readonly latentSize: number;
  readonly sampleShape: readonly number[];
  readonly hasPrior: boolean;
  readonly hasReconstructions: boolean;
  /** Number of codes drawn from the posterior of each sample; 0 without `--samples`. */
  readonly codesPerSample: number;
}

/** A file format of results: .npy with CSV, or Parquet. */
export interface ResultsFormat {
  /** Lists the files that a run writes, with descriptions. */
  files(plan: ResultsPlan): { readonly name: string; readonly content: string }[];
  /** Makes a writer that appends the results of a run to the files, one part (consecutive samples) after another. */
  writer(plan: ResultsPlan, outputs: StagedOutputs): ResultsWriter;
}

/** Writes the results of a run, one part at a time. */
export interface ResultsWriter {
  add(part: Part): Promise<void>;
  finish(): Promise<void>;
}

import type { StagedOutputs } from "../output/output-files.ts";
import type { Part } from "./part.ts";

/** Sizes and contents of a run's results, known before there are any. */
export interface ResultsPlan {
  readonly samples: number;
  readonly latentSize: number;
  readonly sampleShape: readonly number[];
  readonly hasPrior: boolean;
  readonly hasReconstructions: boolean;
  /** Codes drawn from each sample's posterior; 0 without --samples. */
  readonly codesPerSample: number;
}

/** A format of results. */
export interface ResultsFormat {
  /** Lists the files that a run writes, with their contents. */
  files(plan: ResultsPlan): { readonly name: string; readonly content: string }[];
  /** Makes a writer that appends parts, in order, to the files. */
  writer(plan: ResultsPlan, outputs: StagedOutputs): ResultsWriter;
}

/** Writer of the results of a run, a part at a time. */
export interface ResultsWriter {
  add(part: Part): Promise<void>;
  finish(): Promise<void>;
}

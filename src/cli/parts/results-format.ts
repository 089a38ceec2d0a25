import type { StagedOutputs } from "../output/output-files.ts";
import type { Part } from "./part.ts";
import type { ResultsPlan } from "./results-plan.ts";

/** A file format of results: .npy with CSV, or Parquet. */
export interface ResultsFormat {
  /** Lists the files that a run writes, with descriptions. */
  files(plan: ResultsPlan): { readonly name: string; readonly content: string }[];
  /** Appends the results of a run to the files, one part (consecutive samples) after another, in order. */
  write(plan: ResultsPlan, outputs: StagedOutputs, parts: AsyncIterable<Part>): Promise<void>;
}

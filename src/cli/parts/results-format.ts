import type { StagedOutputs } from "../output/output-files.ts";
import type { Part } from "./part.ts";
import type { ResultsPlan } from "./results-plan.ts";

/** Results of consecutive samples, which are written together. */
export type Group = Pick<Part, "first" | "count" | "results">;

/** A file format of results: .npy with CSV, or Parquet. */
export interface ResultsFormat {
  /** Lists the files that a run writes, with descriptions. */
  files(plan: ResultsPlan): { readonly name: string; readonly content: string }[];
  /** Appends the results of a run to the files, one group after another, in order. */
  write(plan: ResultsPlan, outputs: StagedOutputs, groups: AsyncIterable<Group>): Promise<void>;
}

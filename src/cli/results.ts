import { type Column, formatCsv } from "../data/csv.ts";
import type { Ids } from "./array-files/parquet-ids.ts";
import type { OutputFile } from "./output-files.ts";
import type { SampleResults } from "./parts/part.ts";

/** The table of results, a line per sample. */
export const resultsTableName = "results.csv";

/** The results of samples without their codes: what a table has room for. */
export type Results = Omit<SampleResults, "z" | "reconstructions" | "ids">;

/** The columns of results, in their order. `id`, `prior` and `objective` are absent where there are none. */
export type ResultColumn =
  | "index"
  | "id"
  | "initial_loss"
  | "loss"
  | "prior"
  | "objective"
  | "gradient_norm"
  | "status"
  | "accepted_steps"
  | "backtracks"
  | "t";

/**
 * Results as the columns of a table, a row per sample.
 *
 * @param first the index of the first sample
 */
export function resultColumns(
  { initialLoss, loss, prior, objective, gradientNorm, status, stats }: Results,
  first = 0,
  ids?: Ids,
): { readonly [name in ResultColumn]?: Column } {
  return {
    index: status.map((_, index) => first + index),
    ...(ids && { id: ids instanceof BigInt64Array ? Array.from(ids, String) : ids }),
    initial_loss: initialLoss,
    loss,
    ...(prior && { prior, objective }),
    gradient_norm: gradientNorm,
    status,
    accepted_steps: stats.acceptedSteps,
    backtracks: stats.backtracks,
    t: stats.t,
  };
}

/** What is in these columns, for the list of a command's outputs. */
export function showColumns(hasPrior: boolean): string {
  return (
    `losses, ${hasPrior ? "prior, objective, " : ""}gradient norm, status, steps and t (of lbfgs the sum of its steps), ` +
    "a line per sample"
  );
}

/** The table as a file. */
export function resultsFile(results: Results): OutputFile {
  const content = showColumns(results.prior !== undefined);
  return { name: resultsTableName, bytes: formatCsv(resultColumns(results)), content };
}

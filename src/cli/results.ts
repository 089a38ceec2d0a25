import { type Column, formatCsv } from "../data/csv.ts";
import type { Ids } from "./array-files/parquet-file.ts";
import type { OutputFile } from "./output-files.ts";
import type { SampleResults } from "./parts/part.ts";

/** The name of the file of what is known of each sample. */
export const resultsName = "results.csv";

/** What is known of each sample but its code. */
export type Results = Omit<SampleResults, "z" | "reconstructions" | "ids">;

/** What is known of each sample, by the names of its columns. @param first the index of the first one */
export function resultColumns(
  { initialLoss, loss, prior, objective, gradientNorm, status, stats }: Results,
  first = 0,
  ids?: Ids,
): Record<string, Column> {
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

/** A word on what is in these columns. */
export function showColumns(hasPrior: boolean): string {
  return (
    `losses, ${hasPrior ? "prior, objective, " : ""}gradient norm, status, steps and t (of lbfgs the sum of its steps), ` +
    "a line per sample"
  );
}

/** All of it, as a file. */
export function resultsFile(results: Results): OutputFile {
  const content = showColumns(results.prior !== undefined);
  return { name: resultsName, bytes: formatCsv(resultColumns(results)), content };
}

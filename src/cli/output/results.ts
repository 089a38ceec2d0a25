import { type Column, formatCsv } from "../../files/csv.ts";
import type { Ids } from "../input/array-files/parquet-ids.ts";
import type { SampleResults } from "../parts/part.ts";
import type { OutputFile } from "./output-files.ts";

/** Name of the table of results, a line per sample. */
export const resultsTableName = "results.csv";

/** Results of samples that only a followed flow has. */
type FlowResults = Pick<SampleResults, "initialLoss" | "status" | "stats">;

/** Results of samples that have a column. Codes from an encoder lack those of a flow, but may have a gap. */
export type Results = Pick<SampleResults, "loss" | "prior" | "objective" | "gradientNorm"> &
  (FlowResults | { readonly [Name in keyof FlowResults]?: undefined }) & {
    readonly sampling?: SampleResults["sampling"];
    readonly gap?: Float64Array | undefined;
  };

/** Columns of results, in their order. */
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
  | "t"
  | "effective_sample_size"
  | "gap";

/**
 * Columns of a table of results, a row per sample. Columns without values are absent.
 *
 * @param first index of the first sample
 */
export function resultColumns(
  { initialLoss, loss, prior, objective, gradientNorm, status, stats, sampling, gap }: Results,
  first = 0,
  ids?: Ids,
): { readonly [name in ResultColumn]?: Column } {
  return {
    index: Array.from(loss, (_, index) => first + index),
    ...(ids && { id: ids instanceof BigInt64Array ? Array.from(ids, String) : ids }),
    ...(initialLoss && { initial_loss: initialLoss }),
    loss,
    ...(prior && { prior, objective }),
    gradient_norm: gradientNorm,
    ...(status && {
      status,
      accepted_steps: stats.acceptedSteps,
      backtracks: stats.backtracks,
      t: stats.t,
    }),
    ...(sampling && { effective_sample_size: sampling.effectiveSampleSize }),
    ...(gap && { gap }),
  };
}

/** Describes the columns for the list of a command's outputs. */
export function showColumns(has: {
  readonly prior: boolean;
  readonly flow?: boolean;
  readonly sampling?: boolean;
  readonly gap?: boolean;
}): string {
  const { prior, flow = true, sampling, gap } = has;
  return [
    "losses",
    ...(prior ? ["prior", "objective"] : []),
    "gradient norm",
    ...(flow ? ["status", "steps and t (of lbfgs the sum of its steps)"] : []),
    ...(sampling ? ["effective sample size"] : []),
    ...(gap ? ["gap"] : []),
    "a line per sample",
  ].join(", ");
}

/** Table of results as a file. */
export function resultsFile(results: Results): OutputFile {
  const { prior, status, gap } = results;
  const content = showColumns({
    prior: prior !== undefined,
    flow: status !== undefined,
    gap: gap !== undefined,
  });
  return { name: resultsTableName, bytes: formatCsv(resultColumns(results)), content };
}

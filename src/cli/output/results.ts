import { type Column, formatCsv } from "../../files/csv.ts";
import type { CodeSamples, EncodeResult, SolveStatistics } from "../../index.ts";
import type { FieldOfCall } from "../../solver/result.ts";
import type { Ids } from "../input/array-files/parquet-ids.ts";
import type { OutputFile } from "./output-files.ts";

/** Name of the file of per-sample results, with a line per sample. */
export const resultsTableName = "results.csv";

/** Results that exist only if flows were followed. */
interface FlowResults extends Pick<EncodeResult, "initialLoss" | "status"> {
  readonly stats: Pick<SolveStatistics, "acceptedSteps" | "backtracks" | "t">;
}

/**
 * Results of consecutive samples, which are saved together. Arrays have one value per sample, except `z`, [count, latentSize],
 * and the optional `reconstructions` and `sampling`.
 */
export interface SampleResults
  extends FlowResults,
    Pick<EncodeResult, "z" | "loss" | "prior" | "objective" | "gradientNorm" | "missing"> {
  /** Lower bound of each loss, the entropy of the targets, or NaN beside a loss that is not finite; undefined if it is 0. */
  readonly leastLoss: Float64Array | undefined;
  /** Decoded samples D(z), [count, outputSize]; undefined without `--reconstructions`. */
  readonly reconstructions: Float32Array | undefined;
  /** Codes drawn from the posterior of each sample; undefined without `--samples`. */
  readonly sampling: Omit<CodeSamples, "warnings"> | undefined;
  /** Identifiers of the samples: from `--id-column`, or the names of picture files; undefined if there is neither. */
  readonly ids: Ids | undefined;
}

/**
 * Results that become columns of results.csv. For codes of an encoder, the results of flows are missing, and `gap` may be
 * present: the loss of the encoder's code minus the loss of the flow's code.
 */
export type Results = Pick<SampleResults, "loss" | "prior" | "objective" | "gradientNorm"> &
  (FlowResults | { readonly [Name in keyof FlowResults]?: undefined }) &
  Partial<Pick<SampleResults, "sampling" | "ids">> & { readonly gap?: Float64Array | undefined };

/**
 * Each of encode's numbers per sample, and the effective sample size of its drawn codes: its name in tables, and a function that
 * selects it; undefined for a number that is not saved. The compiler reports a number that has no entry.
 */
const FIGURES = {
  initialLoss: { name: "initial_loss", of: ({ initialLoss }: Results) => initialLoss },
  loss: { name: "loss", of: ({ loss }: Results) => loss },
  prior: { name: "prior", of: ({ prior }: Results) => prior },
  objective: { name: "objective", of: ({ prior, objective }: Results) => prior && objective },
  gradientNorm: { name: "gradient_norm", of: ({ gradientNorm }: Results) => gradientNorm },
  status: { name: "status", of: ({ status }: Results) => status },
  acceptedSteps: { name: "accepted_steps", of: ({ stats }: Results) => stats?.acceptedSteps },
  backtracks: { name: "backtracks", of: ({ stats }: Results) => stats?.backtracks },
  t: { name: "t", of: ({ stats }: Results) => stats?.t },
  effectiveSampleSize: {
    name: "effective_sample_size",
    of: ({ sampling }: Results) => sampling?.effectiveSampleSize,
  },
  valueEvaluations: undefined,
  gradientEvaluations: undefined,
  matrixEvaluations: undefined,
  remainingFall: undefined,
  missing: undefined,
} as const satisfies {
  readonly [Name in
    | keyof SolveStatistics
    | "effectiveSampleSize"
    | Exclude<keyof EncodeResult, "z" | "v" | "stats" | "trajectory" | "starts" | FieldOfCall>]:
    | object
    | undefined;
};

/** Returns the per-sample results that are defined, with their names in tables. */
function figuresOf(results: Results): [name: string, values: Column][] {
  return Object.values(FIGURES).flatMap((figure): [string, Column][] => {
    const values = figure?.of(results);
    return figure && values ? [[figure.name, values]] : [];
  });
}

/**
 * Returns the columns of the table of results, with a row per sample. The index is a BigInt64Array so that Parquet stores
 * it as INT64.
 *
 * @param first index of the first sample
 */
export function resultColumns(results: Results, first = 0) {
  const { loss, ids, gap } = results;
  return {
    index: BigInt64Array.from({ length: loss.length }, (_, index) => BigInt(first + index)),
    ...(ids && { id: ids }),
    ...Object.fromEntries(figuresOf(results)),
    ...(gap && { gap }),
  };
}

/** Describes the columns of the table of results, for the list of output files. */
export function showColumns({
  prior,
  flow = true,
  sampling,
  gap,
}: { readonly [Name in "prior" | "flow" | "sampling" | "gap"]?: boolean }): string {
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

/** Makes the file results.csv. */
export function resultsFile(results: Results): OutputFile {
  const { prior, status, gap } = results;
  const content = showColumns({
    prior: prior !== undefined,
    flow: status !== undefined,
    gap: gap !== undefined,
  });
  return { name: resultsTableName, bytes: formatCsv(resultColumns(results)), content };
}

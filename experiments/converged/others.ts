import type { Row } from "../table.ts";
import { type CaseRecord, type MeasureName, SOLVER_NAMES, type SolverName } from "./measures.ts";
import { figuresOf, foundColumns, madeBy, percent } from "./summarise.ts";

/** Groups of calls that the question is asked for; a case may be in several. */
const GROUPS: Readonly<Record<string, (record: CaseRecord) => boolean>> = {
  "z0 = 0": ({ start }) => start === "0",
  "z0 of the caller's": ({ start }) => start !== "0",
  "normalised, z0 of the caller's": ({ family, start }) => family === "normalised" && start !== "0",
  "fixed inputs": ({ family }) => family === "fixed inputs",
  points: ({ family }) => family === "points",
  "weights and sums": ({ family }) => family === "weights and sums",
  priors: ({ family }) => family === "priors",
  "custom losses": ({ family }) => family === "custom losses",
  "trained decoders": ({ family }) => family === "trained",
  "published architectures": ({ family }) => family === "published",
  all: () => true,
};

/** A row for each group and solver. */
export function byGroup(records: readonly CaseRecord[]): Row[] {
  const measures = madeBy(records);
  return Object.entries(GROUPS).flatMap(([group, isIn]) =>
    SOLVER_NAMES.flatMap((solver) => {
      const of = records.filter((record) => record.solver === solver && isIn(record));
      return of.length > 0 ? [rowOf(group, solver, of, measures)] : [];
    }),
  );
}

function rowOf(
  group: string,
  solver: SolverName,
  records: readonly CaseRecord[],
  measures: readonly MeasureName[],
): Row {
  const figures = figuresOf(records, measures);
  return {
    group,
    solver,
    samples: figures.samples,
    converged: percent(figures.converged, figures.samples),
    ...foundColumns(figures),
    passes: figures.passes.toFixed(1),
  };
}

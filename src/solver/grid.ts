import { type Complete, checkNumber, checkOptions, orDefault } from "../base/check.ts";
import { power } from "../base/elementary-functions.ts";
import { checkPlain } from "../base/plain-value.ts";
import { MAX_COUNT } from "./base.ts";

/** Equal steps, t_i = t1 i/N: a plain immutable value made by `linearGrid(…)`. */
export interface LinearGrid extends Readonly<LinearGridOptions> {
  readonly name: "linearGrid";
}

/** Steps that grow, t_i = t1 (b^(i/N) - 1)/(b - 1): a plain immutable value made by `logGrid(…)`. */
export interface LogGrid extends Readonly<Complete<LogGridOptions>> {
  readonly name: "logGrid";
}

/** The times between the steps of a fixed-grid solver, from 0 to t1. */
export type Grid = LinearGrid | LogGrid;

/** Options of `linearGrid`. */
export interface LinearGridOptions {
  /** The end of the flow, τ > 0. */
  t1: number;
  /** The number of steps, N ≥ 1. */
  slices: number;
}

/** Options of `logGrid`. */
export interface LogGridOptions extends LinearGridOptions {
  /** b > 1: the last steps are about b times as long as the first. Default 4. */
  base?: number | undefined;
}

/**
 * A grid that is denser near t = 0, where the flow is fast: t_i = t1 (b^(i/N) - 1)/(b - 1).
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const solver = rk4({ grid: logGrid({ t1: 100, slices: 100, base: 10 }) });
 */
export function logGrid(options: LogGridOptions): LogGrid {
  checkOptions("logGrid", options, { t1: true, slices: true, base: true });
  const { t1, slices } = checkSlices("logGrid", options);
  const base = checkNumber("logGrid", "base", orDefault(options.base, 4), { above: 1 });
  return Object.freeze<LogGrid>({ name: "logGrid", t1, slices, base });
}

/**
 * A grid of equal steps, t_i = t1 i/N.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const solver = euler({ grid: linearGrid({ t1: 100, slices: 1000 }) });
 */
export function linearGrid(options: LinearGridOptions): LinearGrid {
  checkOptions("linearGrid", options, { t1: true, slices: true });
  const { t1, slices } = checkSlices("linearGrid", options);
  return Object.freeze<LinearGrid>({ name: "linearGrid", t1, slices });
}

const TIMES: {
  readonly [Name in Grid["name"]]: (grid: Extract<Grid, { readonly name: Name }>, i: number) => number;
} = {
  linearGrid: ({ t1, slices }, i) => t1 * (i / slices),
  logGrid: ({ t1, slices, base }, i) =>
    i === slices ? t1 : (t1 * (power(base, i / slices) - 1)) / (base - 1),
};

/** t_i of a grid, i from 0 to N. */
export function timeOf(grid: Grid, i: number): number {
  return (TIMES[grid.name] as (grid: Grid, i: number) => number)(grid, i);
}

/** Checks a grid that comes in: as its maker returned it, or a plain copy. */
export function checkGrid(where: string, grid: unknown): Grid {
  const expected = "a grid such as logGrid({ t1: 100, slices: 100 })";
  return checkPlain<Grid>(where, "grid", grid, { linearGrid, logGrid }, expected);
}

function checkSlices(where: string, options: LinearGridOptions): LinearGridOptions {
  const t1 = checkNumber(where, "t1", options?.t1, { above: 0 });
  const slices = checkNumber(where, "slices", options?.slices, { min: 1, max: MAX_COUNT, integer: true });
  return { t1, slices };
}

import type { Complete } from "../base/check.ts";
import { power } from "../base/elementary-functions.ts";
import { count, type FieldsOf, number, plainValue } from "../base/options.ts";
import { checkPlain } from "../base/plain-value.ts";
import { MAX_COUNT } from "./base.ts";

/** Time grid of N equal steps, t_i = t1 i/N: a plain immutable value made by `linearGrid(…)`. */
export interface LinearGrid extends Readonly<LinearGridOptions> {
  readonly name: "linearGrid";
}

/**
 * Time grid of N growing steps, t_i = t1 (b^(i/N) - 1)/(b - 1), with b the option `base`: a plain immutable value made by
 * `logGrid(…)`.
 */
export interface LogGrid extends Readonly<Complete<LogGridOptions>> {
  readonly name: "logGrid";
}

/** Times at which the steps of a fixed-grid solver begin and end, from 0 to t1. */
export type Grid = LinearGrid | LogGrid;

/** Options of `linearGrid`. */
export interface LinearGridOptions {
  /** End time of the flow, > 0. */
  t1: number;
  /** Number N of steps, ≥ 1. */
  slices: number;
}

/** Options of `logGrid`. */
export interface LogGridOptions extends LinearGridOptions {
  /** Growth b of the steps, > 1: the last one is about b times as long as the first. Default 4. */
  base?: number | undefined;
}

/** Checks of the options of `linearGrid`. */
export const LINEAR_GRID_FIELDS = {
  t1: number({ above: 0 }),
  slices: count(1, undefined, MAX_COUNT),
} satisfies FieldsOf<LinearGridOptions>;

/** Checks and defaults of the options of `logGrid`. */
export const LOG_GRID_FIELDS = {
  ...LINEAR_GRID_FIELDS,
  base: number({ above: 1 }, 4),
} satisfies FieldsOf<LogGridOptions>;

/**
 * Makes a time grid of N growing steps, short near t = 0, where the flow is fast: t_i = t1 (b^(i/N) - 1)/(b - 1), with b the
 * option `base`.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const solver = rk4({ grid: logGrid({ t1: 100, slices: 100, base: 10 }) });
 */
export function logGrid(options: LogGridOptions): LogGrid {
  return plainValue("logGrid", options, LOG_GRID_FIELDS);
}

/**
 * Makes a time grid of N equal steps, t_i = t1 i/N.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const solver = euler({ grid: linearGrid({ t1: 100, slices: 1000 }) });
 */
export function linearGrid(options: LinearGridOptions): LinearGrid {
  return plainValue("linearGrid", options, LINEAR_GRID_FIELDS);
}

const TIMES: {
  readonly [Name in Grid["name"]]: (grid: Extract<Grid, { readonly name: Name }>, i: number) => number;
} = {
  linearGrid: ({ t1, slices }, i) => t1 * (i / slices),
  logGrid: ({ t1, slices, base }, i) =>
    i === slices ? t1 : (t1 * (power(base, i / slices) - 1)) / (base - 1),
};

/** Returns the time t_i at the end of step i of a grid with N steps; 0 for i = 0. */
export function timeOf(grid: Grid, i: number): number {
  return (TIMES[grid.name] as (grid: Grid, i: number) => number)(grid, i);
}

/**
 * Returns the grid given as the option `name` if it was made by `linearGrid` or `logGrid`, or is a copy of such a value.
 *
 * @throws LatentflowError `invalid_argument` otherwise
 */
export function checkGrid(name: string, grid: unknown): Grid {
  return checkPlain<Grid>(name, grid, { linearGrid, logGrid });
}

import { checkNumber, checkOptions, invalid, orDefault, show } from "../check.ts";
import { power } from "../elementary-functions.ts";
import { refuseCopy, serializable } from "../serialize.ts";
import { MAX_COUNT } from "./base.ts";

/** The times between the steps of a fixed-grid solver: an immutable value. */
export interface Grid {
  readonly name: "logGrid" | "linearGrid";
  /** The last time; the first is 0. */
  readonly t1: number;
  /** The number of steps, N. */
  readonly slices: number;
  /** t_i, i from 0 to N. */
  time(i: number): number;
}

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
export function logGrid(options: LogGridOptions): Grid {
  checkOptions("logGrid", options, { t1: true, slices: true, base: true });
  const { t1, slices } = checkSlices("logGrid", options);
  const base = checkNumber("logGrid", "base", orDefault(options.base, 4), { above: 1 });
  const time = (i: number) => (i === slices ? t1 : (t1 * (power(base, i / slices) - 1)) / (base - 1));
  const grid: Grid & { base: number } = { name: "logGrid", t1, slices, base, time };
  return serializable(Object.freeze(grid), "logGrid", { t1, slices, base });
}

/**
 * A grid of equal steps, t_i = t1 i/N.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * const solver = euler({ grid: linearGrid({ t1: 100, slices: 1000 }) });
 */
export function linearGrid(options: LinearGridOptions): Grid {
  checkOptions("linearGrid", options, { t1: true, slices: true });
  const { t1, slices } = checkSlices("linearGrid", options);
  const grid: Grid = { name: "linearGrid", t1, slices, time: (i) => t1 * (i / slices) };
  return serializable(Object.freeze(grid), "linearGrid", { t1, slices });
}

/** Refuses what is no grid; returns it otherwise. */
export function checkGrid(where: string, grid: Grid): Grid {
  if (typeof grid?.time === "function") {
    refuseCopy(where, "grid", grid);
    return grid;
  }
  throw invalid(`${where}: grid is ${show(grid)}, expected a grid such as logGrid({ t1: 100, slices: 100 })`);
}

function checkSlices(where: string, options: LinearGridOptions): LinearGridOptions {
  const t1 = checkNumber(where, "t1", options?.t1, { above: 0 });
  const slices = checkNumber(where, "slices", options?.slices, { min: 1, max: MAX_COUNT, integer: true });
  return { t1, slices };
}

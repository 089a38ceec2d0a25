import { type FieldsOf, plainValue } from "../base/options.ts";
import { checkGrid, type Grid } from "./grid.ts";

/** Options of `euler`. */
export interface EulerOptions {
  /** Time grid of the steps, from `linearGrid(…)` or `logGrid(…)`. */
  grid: Grid;
}

/** Validation of the option `grid` of `euler`. */
export const EULER_FIELDS = { grid: { check: checkGrid } } satisfies FieldsOf<EulerOptions>;

/** Euler solver with its option: a plain immutable value made by `euler(…)`. */
export interface Euler extends Readonly<EulerOptions> {
  readonly name: "euler";
}

/**
 * Makes the forward Euler solver on a fixed time grid: first order, one forward and one backward pass of the decoder per
 * step.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or an invalid grid
 * @example
 * await encode(decoder, y, { solver: euler({ grid: linearGrid({ t1: 100, slices: 1000 }) }) });
 */
export function euler(options: EulerOptions): Euler {
  return plainValue("euler", options, EULER_FIELDS);
}

import type { Complete } from "../base/check.ts";
import { choice, type FieldsOf, plainValue } from "../base/options.ts";
import { checkGrid, type Grid } from "./grid.ts";

/** Options of `rk4`. */
export interface Rk4Options {
  /** Time grid of the steps, from `linearGrid(…)` or `logGrid(…)`. */
  grid: Grid;
  /** Tableau: `"classic"` (the default), or `"3/8"`, Kutta's rule, slightly more accurate at the same cost. */
  rule?: "classic" | "3/8" | undefined;
}

/** Checks and defaults of the options of `rk4`. */
export const RK4_FIELDS = {
  grid: { check: checkGrid },
  rule: choice("classic", "3/8"),
} satisfies FieldsOf<Rk4Options>;

/** RK4 solver with its options: a plain immutable value made by `rk4(…)`. */
export interface Rk4 extends Readonly<Complete<Rk4Options>> {
  readonly name: "rk4";
}

/**
 * Makes the fourth-order Runge-Kutta solver on a fixed time grid: four forward and backward passes of the decoder per step.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or rule, or an invalid grid
 * @example
 * await encode(decoder, y, { solver: rk4({ grid: logGrid({ t1: 100, slices: 100 }) }) });
 */
export function rk4(options: Rk4Options): Rk4 {
  return plainValue("rk4", options, RK4_FIELDS);
}

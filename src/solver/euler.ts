import { checkOptions } from "../check.ts";
import type { Flow } from "../flow.ts";
import { serializable } from "../serialize.ts";
import type { Solver } from "./base.ts";
import { gridSteps } from "./fixed-grid.ts";
import { checkGrid, type Grid } from "./grid.ts";
import { integrate } from "./integrate.ts";
import { EULER } from "./tableau.ts";

/** Options of `euler`. */
export interface EulerOptions {
  /** The times of the steps. */
  grid: Grid;
}

/** Forward Euler with its options. */
export interface Euler extends Solver<Flow> {
  readonly name: "euler";
  readonly grid: Grid;
}

/**
 * Forward Euler on a fixed grid: of first order, one decoder pass forward and back a step.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a grid that is none
 * @example
 * await encode(decoder, y, { solver: euler({ grid: linearGrid({ t1: 100, slices: 1000 }) }) });
 */
export function euler(options: EulerOptions): Euler {
  checkOptions("euler", options, { grid: true });
  const grid = checkGrid("euler", options?.grid);
  const solver: Euler = {
    name: "euler",
    flows: "any",
    tableau: EULER,
    t1: grid.t1,
    grid,
    solve: (...problem) => integrate(EULER, gridSteps(grid), ...problem),
  };
  return serializable(Object.freeze(solver), "euler", { grid });
}

import { checkOptions } from "../base/check.ts";
import { checkGrid, type Grid } from "./grid.ts";

/** Options of `euler`. */
export interface EulerOptions {
  /** The times of the steps. */
  grid: Grid;
}

/** Forward Euler with its options: a plain immutable value. */
export interface Euler extends Readonly<EulerOptions> {
  readonly name: "euler";
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
  return Object.freeze<Euler>({ name: "euler", grid });
}

import { completeOptions, type FieldsOf } from "../base/options.ts";
import { checkGrid, type Grid } from "./grid.ts";

/** Options of `euler`. */
export interface EulerOptions {
  /** The times of the steps. */
  grid: Grid;
}

/** Fields of the options of `euler`. */
export const EULER_FIELDS = { grid: { check: checkGrid } } satisfies FieldsOf<EulerOptions>;

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
  return Object.freeze<Euler>({ name: "euler", ...completeOptions("euler", options, EULER_FIELDS) });
}

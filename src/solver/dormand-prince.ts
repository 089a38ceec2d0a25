import type { Complete } from "../base/check.ts";
import { count, type FieldsOf, number, plainValue } from "../base/options.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `dormandPrince`. */
export interface DormandPrinceOptions {
  /** End time of the flow, > 0. Default 1e4. */
  t1?: number | undefined;
  /** Error allowed in a step, relative to the magnitude of the state, ≥ 0. Default 1e-3. */
  rtol?: number | undefined;
  /** Absolute error allowed in a step, added to the relative one, > 0. Default 1e-6. */
  atol?: number | undefined;
  /** Length of the first step that is tried, > 0. Default 1. */
  stepInit?: number | undefined;
  /**
   * Maximum number of steps per sample, accepted and rejected ones together, ≥ 0. Default 10,000.
   *
   * With 0 only the loss and its gradient at z0 are evaluated.
   */
  maxSteps?: number | undefined;
}

/** Dormand-Prince solver with all its options: a plain immutable value made by `dormandPrince(…)`. */
export interface DormandPrince extends Readonly<Complete<DormandPrinceOptions>> {
  readonly name: "dormandPrince";
}

/** Checks and defaults of the options of `dormandPrince`. */
export const DORMAND_PRINCE_FIELDS = {
  t1: number({ above: 0 }, 1e4),
  rtol: number({ min: 0 }, 1e-3),
  atol: number({ above: 0 }, 1e-6),
  stepInit: number({ above: 0 }, 1),
  maxSteps: count(0, 10_000, MAX_COUNT),
} satisfies FieldsOf<DormandPrinceOptions>;

/**
 * Makes the Dormand-Prince 5(4) solver, adaptive and for any flow: six forward and backward passes of the decoder per step.
 * Each sample has its own step lengths, chosen so that the root mean square of its estimated error, each component divided
 * by atol + rtol · |state|, is at most 1. On a stiff flow the steps are short even if the flow moves slowly.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { flow: nesterovFlow(), solver: dormandPrince({ t1: 100 }) });
 */
export function dormandPrince(options: DormandPrinceOptions = {}): DormandPrince {
  return plainValue("dormandPrince", options, DORMAND_PRINCE_FIELDS);
}

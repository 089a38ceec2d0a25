import { type Complete, checkNumber } from "../base/check.ts";
import { choice, completeOptions, count, type FieldsOf, type HelpOf, number } from "../base/options.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `amd`. */
export interface AmdOptions {
  /** The end of the flow, τ. Default 1e4. */
  t1?: number | undefined;
  /** The first step, and the smallest that a step is tried with, s_0. Default 1. */
  stepInit?: number | undefined;
  /** The largest step, s_max. Default 10, or `stepInit` where that is larger. */
  stepMax?: number | undefined;
  /** κ ≥ 1: growth from one step to the next. Default 1.1. */
  increaseFactor?: number | undefined;
  /** β in (0, 1): a step that does not lower the loss enough is multiplied by it. Default 0.75. */
  decreaseFactor?: number | undefined;
  /** c in [0, 1): how much a step must lower the loss, as a share of δt·‖∇_z l‖². Default 0, any decrease. */
  slope?: number | undefined;
  /** Growth from the accepted step ("accepted", the default) or from the one tried first ("trial"). */
  growFrom?: "accepted" | "trial" | undefined;
  /** Backtracks within one step before no step is said to lower the loss any more. Default 100. */
  maxBacktracks?: number | undefined;
  /** Accepted steps; 0 evaluates the loss and its gradient at z0 and no more. Default 10,000. */
  maxSteps?: number | undefined;
  /**
   * Converged when the recent losses fall by less than this a step; with 0 only where the gradient is 0, or where no
   * step lowers the loss any more.
   * Default 1e-5.
   */
  tolerance?: number | undefined;
  /** Number of accepted losses that count as recent, ≥ 2. Default 5. */
  window?: number | undefined;
  /** No convergence before t = settle · t1. Default 0.02. */
  settle?: number | undefined;
}

/** AMD with all its options: a plain immutable value. */
export interface Amd extends Readonly<Complete<AmdOptions>> {
  readonly name: "amd";
}

/** Fields of the options of `amd`. */
export const AMD_FIELDS = {
  t1: number({ above: 0 }, 1e4),
  stepInit: number({ above: 0 }, 1),
  stepMax: number({ above: 0 }, 10),
  increaseFactor: number({ min: 1 }, 1.1),
  decreaseFactor: number({ above: 0, below: 1 }, 0.75),
  slope: number({ min: 0, below: 1 }, 0),
  growFrom: choice("accepted", "trial"),
  maxBacktracks: count(0, 100, MAX_COUNT),
  maxSteps: count(0, 10_000, MAX_COUNT),
  tolerance: number({ min: 0 }, 1e-5),
  window: count(2, 5, 1000),
  settle: number({ min: 0, max: 1 }, 0.02),
} satisfies FieldsOf<AmdOptions>;

/** Help of the program for the options of `amd`. */
export const AMD_HELP: HelpOf<AmdOptions> = {
  t1: ["time", "end of the flow"],
  stepInit: ["time", "first step, and the least that a step is tried with"],
  stepMax: ["time", "largest step"],
  increaseFactor: ["factor", "growth from one step to the next"],
  decreaseFactor: ["factor", "a step that fails is multiplied by it"],
  slope: ["share", "least fall of the loss in a step, as a share of what its slope promises"],
  growFrom: ["step", "a step grows from the last one accepted, or the last one tried first"],
  maxBacktracks: ["n", "failures of one step until none is said to lower the loss"],
  maxSteps: ["n", "accepted steps of a sample"],
  tolerance: [
    "loss",
    "a sample has converged when its loss falls by less in a step; 0: when float32 shows no fall any more",
  ],
  window: ["n", "how many accepted losses are recent"],
  settle: ["share", "no convergence before this share of t1"],
};

/**
 * AMD, the paper's adaptive minimise-distance solver (equations 6 and 7): explicit steps along -∇_z l, each as long
 * as it lowers the sample's own loss. Every sample has its own step and its own end. It follows the gradient flow, where
 * `lbfgs()`, the default, goes to where the flow would come to rest, with fewer evaluations.
 *
 * The steps are the paper's; `t1`, `tolerance`, `window` and `settle` are its authors' code's. All are in units of the data:
 * for a loss of another scale (`reduction: "sum"`, data times 100) `stepInit`, `stepMax`, `t1` and `tolerance` want the
 * inverse scale. `"converged"` is the early stop of that code, where the loss falls by less than `tolerance` a step, and not
 * rest: the codes may still be far from where the flow ends. Where no step lowers the loss any more it is also `"converged"`
 * if what the last step's length promises is less than float32 can show, and `"stalled"` if it is more.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await encode(decoder, y, { solver: amd({ t1: 1000 }) });
 */
export function amd(options: AmdOptions = {}): Amd {
  const all = completeOptions("amd", options, AMD_FIELDS);
  if (options.stepMax === undefined) all.stepMax = Math.max(all.stepMax, all.stepInit);
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  return Object.freeze<Amd>({ name: "amd", ...all });
}

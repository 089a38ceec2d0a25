import { type Complete, checkChoice, checkNumber } from "../base/check.ts";
import { MAX_COUNT } from "./base.ts";
import { completeOptions } from "./descent-options.ts";

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
  /** How many accepted losses are recent, ≥ 2. Default 5. */
  window?: number | undefined;
  /** No convergence before t = settle · t1. Default 0.02. */
  settle?: number | undefined;
}

/** AMD with all its options: a plain immutable value. */
export interface Amd extends Readonly<Complete<AmdOptions>> {
  readonly name: "amd";
}

const DEFAULTS: Complete<AmdOptions> = {
  t1: 1e4,
  stepInit: 1,
  stepMax: 10,
  increaseFactor: 1.1,
  decreaseFactor: 0.75,
  slope: 0,
  growFrom: "accepted",
  maxBacktracks: 100,
  maxSteps: 10_000,
  tolerance: 1e-5,
  window: 5,
  settle: 0.02,
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
  const all = completeOptions("amd", DEFAULTS, options);
  checkNumber("amd", "t1", all.t1, { above: 0 });
  checkNumber("amd", "stepInit", all.stepInit, { above: 0 });
  if (options.stepMax === undefined) all.stepMax = Math.max(DEFAULTS.stepMax, all.stepInit);
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  checkNumber("amd", "increaseFactor", all.increaseFactor, { min: 1 });
  checkNumber("amd", "decreaseFactor", all.decreaseFactor, { above: 0, below: 1 });
  checkChoice("amd", "growFrom", all.growFrom, ["accepted", "trial"]);
  checkNumber("amd", "maxBacktracks", all.maxBacktracks, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber("amd", "window", all.window, { min: 2, max: 1000, integer: true });
  checkNumber("amd", "settle", all.settle, { min: 0, max: 1 });
  return Object.freeze<Amd>({ name: "amd", ...all });
}

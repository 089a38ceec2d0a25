import type { Complete } from "../check.ts";
import type { GradientFlow } from "../flow.ts";
import type { Solver } from "./base.ts";

// The solvers whose steps are in assembly/, as values: what makes them is in amd.ts and lbfgs.ts, what they have in
// common in descent.ts.

/** A solver that takes a step only if it lowers the sample's own loss. */
export type DescentSolver = Amd | Lbfgs;

/** Options of `lbfgs`. */
export interface LbfgsOptions {
  /**
   * Threshold of a step: this share of the loss, or of its fall so far if that is more, and 2⁻²³ of the loss, which float32
   * evaluations cannot tell from 0. A step that promises less, or has lowered the loss by less, leads to the look at the
   * end, see `lbfgs`. Many such steps may add up to more: `stats.remainingFall`. 0 asks for all that float32 shows.
   * Default 1e-6.
   */
  tolerance?: number | undefined;
  /** How many pairs of steps and changes of the gradient are kept of each sample, 1 to 1,000. Default 30. */
  memory?: number | undefined;
  /** Accepted steps; 0 evaluates the loss and its gradient at z0 and no more. Default 1,000. */
  maxSteps?: number | undefined;
  /**
   * c₁ in [0, 1): how much a step must lower the loss, as a share of what its slope promises. A sample's first eight steps
   * must lower it by 0.4 of that, or by this share if it is more. Default 1e-4.
   */
  slope?: number | undefined;
}

/** L-BFGS with all its options. */
export interface Lbfgs extends Solver<GradientFlow<1>>, Readonly<Complete<LbfgsOptions>> {
  readonly name: "lbfgs";
}

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

/** AMD with all its options. */
export interface Amd extends Solver<GradientFlow<1>>, Readonly<Complete<AmdOptions>> {
  readonly name: "amd";
}

import type { Complete } from "../base/check.ts";
import { completeOptions, count, type FieldsOf, type HelpOf, number } from "../base/options.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `lbfgs`. */
export interface LbfgsOptions {
  /**
   * Threshold of a step: this share of the loss, or of its fall so far if that is more, and 2⁻²³ of the loss, which float32
   * evaluations cannot tell from 0. A step that promises less, or has lowered the loss by less, leads to the look at the
   * end, see `lbfgs`. Many such steps may add up to more: `stats.remainingFall`. 0 asks for all that float32 shows.
   * Default 1e-6.
   */
  tolerance?: number | undefined;
  /** Number of pairs of steps and changes of the gradient that are kept of each sample, 1 to 1,000. Default 30. */
  memory?: number | undefined;
  /** Accepted steps; 0 evaluates the loss and its gradient at z0 and no more. Default 1,000. */
  maxSteps?: number | undefined;
  /**
   * Armijo constant c₁ of the line search, in [0, 1): a step of length t along p must lower the loss by more than c₁ · t · |gᵀp|.
   * A sample's first eight steps must lower it by 0.4 of that, or by this share if it is more. Default 1e-4.
   */
  slope?: number | undefined;
}

/** L-BFGS with all its options: a plain immutable value. */
export interface Lbfgs extends Readonly<Complete<LbfgsOptions>> {
  readonly name: "lbfgs";
}

/**
 * Fields of the options of `lbfgs`. The defaults were found by the passes that 36 decoders' samples take
 * (`npm run experiment -- baseline`), and none is sharp; see site/results/experiments.md.
 */
export const LBFGS_FIELDS = {
  tolerance: number({ min: 0 }, 1e-6),
  memory: count(1, 30, 1000),
  maxSteps: count(0, 1000, MAX_COUNT),
  slope: number({ min: 0, below: 1 }, 1e-4),
} satisfies FieldsOf<LbfgsOptions>;

/** Help of the program for the options of `lbfgs`. */
export const LBFGS_HELP: HelpOf<LbfgsOptions> = {
  tolerance: [
    "loss",
    "a sample has converged when its loss is expected to fall by less than this share of it, or of what it has fallen " +
      "by; 0: when float32 shows no fall any more",
  ],
  memory: ["n", "pairs of steps and changes of the gradient that are kept"],
  maxSteps: ["n", "accepted steps of a sample"],
  slope: ["share", "least fall of the loss in a step, as a share of what its slope promises"],
};

/**
 * L-BFGS for each sample, preconditioned by the decoder: the default solver.
 *
 * The gradient flow is stiff, mostly because of the decoder. J₀ = ∂D/∂z at the decoder's start (of the outputs before their
 * activation) is made once for a decoder, and A = J₀ᵀ W J₀, with W the curvature of the sample's loss at its outputs, is a
 * Gauss-Newton matrix that costs no pass. Its inverse stands in the middle of L-BFGS (Nocedal & Wright, Numerical
 * Optimization, algorithm 7.4): in continuous time, dz/dt = -H⁻¹ ∇_z l in place of dz/dt = -∇_z l. It comes to rest where
 * the gradient flow does, or in a minimum nearby.
 *
 * - H = A + λτI, τ = tr(A)/d; λ = 1 at first. After 1, 2, 4, 8, … steps λ becomes the one of 0.01, 0.1, 1, 10, 100 that
 *   fits the newest five pairs best, until A is the sample's own. Up to 8 steps W is renewed, unless that costs more than four passes or W is constant
 *   (squared error of a linear output; with weights once, after the first step).
 * - After every max(2d, 64) evaluations A is made at the sample's own z, which takes d passes (`stats.matrixEvaluations`).
 *   λ is chosen for it, for good, and the pairs start anew.
 * - A step is accepted if it lowers the loss by more than `slope` of what p promises (Armijo's condition), and else shortened by quadratic
 *   interpolation: δt = 1 nearly always. The first eight, whose curvature may be of another place, need 0.4. A first step
 *   that was shortened and fell by less than half of its promise may lie beyond the minimum: half of it is tried, and taken
 *   if it falls by 4 % more. A first step that falls as its slope promises, to 2 %, is lengthened while it does, to 10 %: in front
 *   of a normalisation (RMSNorm, LayerNorm, z/‖z‖) J₀ is far too large.
 * - A promise below the threshold at the first step, or right after a fall of 100 thresholds, is probed by a step so long that
 *   float32 shows what its slope promises.
 * - At the end λτI is replaced by the least that keeps A positive definite in float32, and the pairs are dropped: λτ hides
 *   directions of far less curvature than the steepest. If that promises in vain, one step along -∇_z l is tried.
 * - Beyond 512 latents, or 2²⁴ numbers of J₀, H is a multiple of I, as in plain L-BFGS; so it is for a `customLoss`
 *   without `curvature`. At the end it is the least curvature of the pairs.
 *
 * `"converged"` says that this look at the end found no way down: the undamped model promises a fall below the threshold
 * of `tolerance`, or steps along its direction, and along -∇_z l if it promised five thresholds or more, lower the loss by less.
 * It does not say that z is a minimum: a saddle point and a plateau look the same, and a gradient of exactly 0 is
 * `"converged"` with 0 accepted steps. `stats.remainingFall` estimates how much lower the loss could still be near z; where
 * it is large beside the loss, a second call with `z0: result.z` or another start may go on. `"stalled"`: no step lowers the
 * loss, though its slope says that it should fall. There is no end t1: t is the sum of the accepted δt, none of which counts as more than 1. No result depends on
 * the other samples of a call.
 *
 * @example
 * const { z, objective, stats } = await encode(decoder, y, { solver: lbfgs({ tolerance: 1e-9 }) });
 * const isSettled = objective.map((value, i) => (stats.remainingFall[i]! < 0.01 * value ? 1 : 0));
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function lbfgs(options: LbfgsOptions = {}): Lbfgs {
  return Object.freeze<Lbfgs>({ name: "lbfgs", ...completeOptions("lbfgs", options, LBFGS_FIELDS) });
}

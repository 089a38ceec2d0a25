import type { Complete } from "../base/check.ts";
import { count, type FieldsOf, number, plainValue } from "../base/options.ts";
import { MAX_COUNT } from "./base.ts";

/** Options of `lbfgs`. */
export interface LbfgsOptions {
  /**
   * Decrease of the loss in one step below which convergence is checked, ≥ 0: a fraction of its decrease so far, or of its
   * excess over its floor if that is larger; less near the floor. With 0 only the rounding of float32 counts. Default 1e-6.
   *
   * The threshold is θ = tolerance · √(F · min(F, 16 e)) + 2⁻²³ · |l|: e is the loss l less its floor, the targets' own entropy
   * for cross entropy and 0 for other losses; F is the decrease so far, or e if that is larger; 2⁻²³ is the rounding of
   * float32 evaluations. With a prior, l is the objective. Data that the decoder reaches, y = D(z), are thus met closely (see
   * site/results/experiments.md). A step that is expected to lower the loss by less than θ, or has done so, starts the final check
   * for convergence; see `lbfgs`. Many such steps may add up to more than θ: see `stats.remainingFall`.
   */
  tolerance?: number | undefined;
  /** Maximum number of pairs (step, change of the gradient) stored for each sample, 1 to 1,000. Default 30. */
  memory?: number | undefined;
  /**
   * Maximum number of accepted steps per sample, ≥ 0. Default 1,000.
   *
   * With 0 only the loss and its gradient at z0 are evaluated.
   */
  maxSteps?: number | undefined;
  /**
   * Decrease of the loss that a step must exceed, as a fraction of the decrease that the gradient predicts, in [0, 1).
   * Default 1e-4.
   *
   * It is the Armijo constant c₁ of the line search: a step of length t along the direction p must lower the loss by more than
   * c₁ · t · |gᵀp|, g = ∇_z l. For a sample's first eight steps c₁ is at least 0.4.
   */
  slope?: number | undefined;
}

/** L-BFGS solver with all its options: a plain immutable value made by `lbfgs(…)`. */
export interface Lbfgs extends Readonly<Complete<LbfgsOptions>> {
  readonly name: "lbfgs";
}

/**
 * Checks and defaults of the options of `lbfgs`. The defaults were chosen for few passes on the samples of 36 decoders
 * (`npm run experiment -- baseline`); the number of passes depends only weakly on each option. See site/results/experiments.md.
 */
export const LBFGS_FIELDS = {
  tolerance: number({ min: 0 }, 1e-6),
  memory: count(1, 30, 1000),
  maxSteps: count(0, 1000, MAX_COUNT),
  slope: number({ min: 0, below: 1 }, 1e-4),
} satisfies FieldsOf<LbfgsOptions>;

/**
 * Makes the L-BFGS solver, run for each sample and preconditioned by the decoder: the default solver.
 *
 * The gradient flow is stiff, mostly because of the decoder. J₀ = ∂D/∂z at the decoder's start latent, of the outputs before
 * their activation, is computed once for a decoder. A = J₀ᵀ W J₀, with W the curvature of the sample's loss with respect to
 * its outputs, is then a Gauss-Newton matrix that costs no pass. The inverse of H = A + λτI is the initial matrix of
 * L-BFGS's two-loop recursion (Nocedal & Wright, Numerical Optimization, algorithm 7.4). In continuous time, the solver
 * follows dz/dt = -H⁻¹ ∇_z l in place of dz/dt = -∇_z l, and comes to rest where the gradient flow does, or in a minimum
 * nearby.
 *
 * - Damping: τ = tr(A)/d for d latents, and λ = 1 at first. After 1, 2, 4, 8, … steps λ is set to the one of 0.003, 0.01,
 *   0.1, 1, 10, 100 that fits the newest five pairs (step, change of the gradient) best, until A is computed at the sample's own z. Up to 8
 *   steps W is recomputed as well, unless that costs more than four passes or W is constant (squared error of a linear output;
 *   with weights once, after the first step).
 * - Refresh: after every max(2d, 64) evaluations A is recomputed at the sample's own z, which takes d passes
 *   (`stats.matrixEvaluations`); λ is then chosen for the rest of the solve, and the pairs are dropped.
 * - Line search: a step is accepted if it lowers the loss by more than the fraction `slope` of the decrease to first order
 *   (Armijo's condition), and otherwise shortened by quadratic interpolation; nearly always the full step, δt = 1, is accepted.
 *   The first eight steps, for which the curvature at the start may be wrong, need a fraction of 0.4. If the first step was
 *   shortened and lowers the loss by less than half of its first-order decrease, it may lie beyond the minimum: half of it is
 *   tried, and taken if it lowers the loss by 4 % more. If the first step lowers the loss by its first-order decrease, to 2 %,
 *   it is lengthened, as long as that holds to 10 %: in front of a normalisation (RMSNorm, LayerNorm, z/‖z‖) J₀ is far too
 *   large.
 * - Probe: if the expected decrease is below the threshold, set by `tolerance`, at the first step, or right after a decrease of
 *   100 thresholds, the solver tries a step long enough for its first-order decrease to be visible in float32.
 * - Final check: λτI is replaced by the smallest damping that keeps A positive definite in float32, 2⁻²³d·diag(A), of a low-rank
 *   form 2⁻²³dτI, and the pairs are dropped, since λτ hides directions of far less curvature than the steepest. If the model without damping expects five
 *   thresholds or more, but its step lowers the loss by less than one threshold, a step along -∇_z l is tried.
 * - Many latents: above 64, unless recomputing W and factorising A take at most four passes each, A is the low-rank form
 *   VΛVᵀ + ρ(I - VVᵀ) of at most 64 Ritz vectors, found once for a decoder by random probes, and is never recomputed. A
 *   `customLoss` with `curvature` keeps the whole matrix, up to 512 latents. If the
 *   Ritz values hold less than 60 % of A's trace, if a step with 16 vectors takes longer than a pass, and for a `customLoss`
 *   without `curvature`, H is a multiple of I, as in plain L-BFGS; in the final check the multiple is the smallest curvature of
 *   the pairs.
 *
 * `"converged"` means that the final check found no descent: the undamped model expects a decrease below the threshold set
 * by `tolerance`, or a step along its direction lowers the loss by less than the threshold, and so does one along -∇_z l if
 * the model expected five thresholds or more. It does not mean that z is a minimum: a saddle point and a plateau look the
 * same, and a gradient of exactly 0 is `"converged"` with 0 accepted steps. `stats.remainingFall` estimates how much lower
 * the loss could still be near z; if it is large compared with the loss, a second call with `z0: result.z` or another start
 * may continue. `"stalled"` means that no step lowers the loss although its slope says that it should decrease. There is no
 * end time t1: t is the sum of the accepted δt, each counted as at most 1. No result depends on the other samples of a call.
 *
 * @example
 * const { z, objective, stats } = await encode(decoder, y, { solver: lbfgs({ tolerance: 1e-9 }) });
 * const isSettled = objective.map((value, i) => (stats.remainingFall[i]! < 0.01 * value ? 1 : 0));
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function lbfgs(options: LbfgsOptions = {}): Lbfgs {
  return plainValue("lbfgs", options, LBFGS_FIELDS);
}

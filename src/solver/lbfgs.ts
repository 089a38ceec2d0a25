import { type Complete, checkNumber } from "../check.ts";
import { serializable } from "../serialize.ts";
import { descend } from "./descend.ts";
import { completeOptions, makeDescentSolver } from "./descent.ts";
import type { Lbfgs, LbfgsOptions } from "./descent-solvers.ts";

export type { Lbfgs, LbfgsOptions };

/**
 * Found by the passes that 36 decoders' samples take (`npm run experiment -- baseline`). Nothing is sharp: a memory of 15
 * to 50 is alike, 5 takes a seventh more; 3e-7 in place of 1e-6 lowers the losses of decoders of 256 latents by another
 * half per mille for half as many passes more.
 */
const DEFAULTS: Complete<LbfgsOptions> = {
  tolerance: 1e-6,
  memory: 30,
  maxSteps: 1000,
  slope: 1e-4,
};

/**
 * L-BFGS for each sample, preconditioned by the decoder: the default solver.
 *
 * The gradient flow is stiff, and mostly so by the decoder's own make: J₀ = ∂D/∂z at the decoder's `start`, 0 unless it has
 * one (of the outputs before their activation), is made once for a decoder, and A = J₀ᵀ W J₀, with W the curvature of the sample's loss at its outputs,
 * is a Gauss-Newton matrix that costs no pass. Its inverse stands in the middle of L-BFGS (Nocedal & Wright, Numerical
 * Optimization, algorithm 7.4): in continuous time, dz/dt = -H⁻¹ ∇_z l in place of dz/dt = -∇_z l. It comes to rest where
 * the gradient flow does, or in a minimum nearby.
 *
 * - H = A + λτI, τ = tr(A)/d; λ = 1 at first. After 1, 2, 4, 8, … steps λ becomes the one of 0.01, 0.1, 1, 10, 100 that
 *   fits the newest five pairs best; up to 8 steps W is renewed too, unless that costs more than four passes, or W is
 *   constant (squared error of a linear output; with weights once, after the first step).
 * - After every max(2d, 64) evaluations A is made at the sample's own z, which takes d passes
 *   (`stats.matrixEvaluations`), λ is chosen for it, for good, and the pairs start anew.
 * - Before the end λτI is replaced by the least that keeps A positive definite in float32, 2⁻²³d of each number on its
 *   diagonal, and the pairs are dropped: λτ hides directions of far less curvature than the steepest. The sample goes on if
 *   that promises more, until it does so in vain.
 * - A step is accepted if it lowers the loss by more than `slope` of what p promises, and else made shorter by quadratic
 *   interpolation: δt = 1 nearly always. Of the first eight, whose curvature may be of another place, 0.4 is asked. A very
 *   first one that had to be made shorter and lowers the loss by less than half of what p promises may go beyond the minimum:
 *   half of it is tried, and taken if that lowers the loss by 4 % more.
 * - Beyond 512 latents, or 2²⁴ numbers of J₀, H is a multiple of I, as in plain L-BFGS; so it is for a `customLoss`
 *   without `curvature`, which it does not need. Before the end it is the least curvature of the pairs.
 *
 * `"converged"` is rest, as far as float32 evaluations and A show it, see `tolerance`; or a gradient of 0, which at z0 may
 * also be a saddle point, with 0 accepted steps. Where the loss is far from what A says of it, as of a decoder that saturates
 * between z0 and z, a second call with `z0: result.z` may go on. `"stalled"`: no step
 * lowers the loss, though its slope says that it should fall. It has no end t1: t is the sum of the accepted δt. No result
 * depends on the other samples of a call.
 *
 * @example
 * const { z, loss } = await encode(decoder, y, { solver: lbfgs({ tolerance: 1e-9 }) });
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function lbfgs(options: LbfgsOptions = {}): Lbfgs {
  const all = completeOptions("lbfgs", DEFAULTS, options);
  checkNumber("lbfgs", "memory", all.memory, { min: 1, max: 1000, integer: true });
  const solver: Lbfgs = {
    name: "lbfgs",
    flows: "unitGradient",
    t1: Number.POSITIVE_INFINITY,
    ...all,
    solve: (objective, _flow, solution, first, control) =>
      descend(solver, objective, solution, first, control),
  };
  return serializable(makeDescentSolver(solver), "lbfgs", all);
}

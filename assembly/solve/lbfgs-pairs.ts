import { addTimes, dot, solveLower, solveUpper } from "./cholesky";
import {
  changeAt,
  gradientOf,
  Lbfgs,
  LbfgsState,
  placeBefore,
  productAt,
  stepAt,
  takeIdentity,
} from "./lbfgs-state";
import { Sample } from "./line-search";
import { inverseFormLowRank, solveLowRank } from "./low-rank";

/**
 * Pairs of L-BFGS: steps s and the changes y of the gradient along them, and the two-loop recursion that multiplies a gradient
 * by the inverse Hessian's approximation (Nocedal & Wright, Numerical Optimization, algorithm 7.4).
 */

/** Minimum of sᵀy, as a fraction of |s||y|, for an L-BFGS pair (step s, gradient change y) to be stored. */
const LEAST_CURVATURE: f64 = 1e-8;

/**
 * Stores the new gradient, f32[d], and, if sᵀy is above LEAST_CURVATURE · |s||y|, the pair of the last step: s = δt·p, y =
 * change of the gradient.
 */
export function learnPair(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, newGradient: usize): void {
  const d = lbfgs.latentSize;
  // Computed in scratch, since their place in the ring buffer may be the oldest pair's.
  const step = lbfgs.vector;
  const change = lbfgs.otherVector;
  const gradient = gradientOf(lbfgs, sample);
  for (let k: usize = 0; k < <usize>d; k++) {
    const at = k << 3;
    store<f64>(step + at, sample.acceptedDt * load<f64>(sample.memory + at));
    store<f64>(change + at, <f64>load<f32>(newGradient + (k << 2)) - load<f64>(gradient + at));
  }
  copyGradient(newGradient, gradient, d);
  const product = dot(step, change, d);
  if (!(product > LEAST_CURVATURE * sqrt(dot(step, step, d) * dot(change, change, d)))) return;
  const place = (state.newest + 1) % lbfgs.pairs;
  memory.copy(stepAt(lbfgs, sample, place), step, (<usize>d) << 3);
  memory.copy(changeAt(lbfgs, sample, place), change, (<usize>d) << 3);
  store<f64>(productAt(lbfgs, sample, place), product);
  state.newest = place;
  state.pairs = min(state.pairs + 1, lbfgs.pairs);
}

/**
 * Sets the preconditioner H = c·I with c = min sᵀy/sᵀs over the stored pairs (step s, gradient change y), their smallest
 * curvature, which makes the longest steps. Returns false if no pair is stored.
 */
export function takeLongest(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): bool {
  if (state.pairs === 0) return false;
  const d = lbfgs.latentSize;
  takeIdentity(state, 0);
  for (let i: i32 = 0; i < state.pairs; i++) {
    const place = placeBefore(lbfgs, state, i);
    const s = stepAt(lbfgs, sample, place);
    state.inverseScale = max(state.inverseScale, dot(s, s, d) / load<f64>(productAt(lbfgs, sample, place)));
  }
  return true;
}

/**
 * Returns γ, the factor of the inverse matrix M between the two loops of L-BFGS: sᵀy/yᵀMy of the newest pair (step s, gradient
 * change y), or state.inverseScale if no pair is stored. M is (LLᵀ)⁻¹ with a Cholesky factor L, the inverse of the low-rank form if
 * state.shift > 0, else I.
 */
export function inverseScale(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): f64 {
  if (state.pairs === 0) return state.inverseScale;
  const y = changeAt(lbfgs, sample, state.newest);
  return load<f64>(productAt(lbfgs, sample, state.newest)) / inverseForm(lbfgs, state, y);
}

/**
 * Computes the L-BFGS direction p = -H⁻¹∇l by the two-loop recursion over the stored pairs, into the sample's memory, f64[d].
 * Between the loops the vector is multiplied by scale · M, M as in `inverseScale`.
 */
export function twoLoops(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, scale: f64): void {
  const d = lbfgs.latentSize;
  const q = sample.memory;
  const shares = lbfgs.vector;
  const gradient = gradientOf(lbfgs, sample);
  for (let k: usize = 0; k < (<usize>d) << 3; k += 8) store<f64>(q + k, -load<f64>(gradient + k));
  for (let i: i32 = 0; i < state.pairs; i++) {
    const place = placeBefore(lbfgs, state, i);
    const share = dot(stepAt(lbfgs, sample, place), q, d) / load<f64>(productAt(lbfgs, sample, place));
    store<f64>(shares + ((<usize>i) << 3), share);
    addTimes(q, -share, changeAt(lbfgs, sample, place), d);
  }
  if (state.shift > 0) {
    solveLowRank(lbfgs, state.shift, q);
  } else if (state.factor) {
    solveLower(state.factor, d, q);
    solveUpper(state.factor, d, q);
  }
  for (let k: usize = 0; k < (<usize>d) << 3; k += 8) store<f64>(q + k, load<f64>(q + k) * scale);
  for (let i = state.pairs - 1; i >= 0; i--) {
    const place = placeBefore(lbfgs, state, i);
    const other = dot(changeAt(lbfgs, sample, place), q, d) / load<f64>(productAt(lbfgs, sample, place));
    const share = load<f64>(shares + ((<usize>i) << 3));
    addTimes(q, share - other, stepAt(lbfgs, sample, place), d);
  }
}

/** Returns yᵀM⁻¹y with M the preconditioner's LLᵀ or low-rank form, or yᵀy if it has neither. */
function inverseForm(lbfgs: Lbfgs, state: LbfgsState, y: usize): f64 {
  const d = lbfgs.latentSize;
  if (state.shift > 0) return inverseFormLowRank(lbfgs, state.shift, y);
  if (!state.factor) return dot(y, y, d);
  memory.copy(lbfgs.otherVector, y, (<usize>d) << 3);
  solveLower(state.factor, d, lbfgs.otherVector);
  return dot(lbfgs.otherVector, lbfgs.otherVector, d);
}

/** Converts a gradient of d latents from f32[d] at `from` to f64[d] at `to`. */
export function copyGradient(from: usize, to: usize, d: i32): void {
  for (let k: usize = 0; k < <usize>d; k++) store<f64>(to + (k << 3), load<f32>(from + (k << 2)));
}

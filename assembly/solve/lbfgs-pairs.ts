import { addTimes, dot, solveLower, solveUpper } from "./cholesky";
import { Sample } from "./descent";
import { changeAt, gradientOf, Lbfgs, LbfgsState, placeBefore, productAt, stepAt } from "./lbfgs-state";

/**
 * The pairs of `lbfgs`: steps s and the changes y of the gradient along them, and the two loops over them that multiply a
 * gradient by the inverse Hessian's approximation (Nocedal & Wright, Numerical Optimization, algorithm 7.4).
 */

/** Least sᵀy of a kept pair, as a share of |s||y|. */
const LEAST_CURVATURE: f64 = 1e-8;

/** Keeps the new gradient, and the pair s = δt·p, y = change of the gradient, if sᵀy is above LEAST_CURVATURE. */
export function learnPair(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, newGradient: usize): void {
  const d = lbfgs.latentSize;
  // Not in the ring before they are kept: their place there may be the oldest pair's.
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
 * Sets H = min(sᵀy/sᵀs)·I over the pairs, their least curvature, which makes the longest steps. Returns false without pairs.
 */
export function takeLongest(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): bool {
  if (state.pairs === 0) return false;
  const d = lbfgs.latentSize;
  state.factor = 0;
  state.inverseScale = 0;
  for (let i: i32 = 0; i < state.pairs; i++) {
    const place = placeBefore(lbfgs, state, i);
    const s = stepAt(lbfgs, sample, place);
    state.inverseScale = max(state.inverseScale, dot(s, s, d) / load<f64>(productAt(lbfgs, sample, place)));
  }
  return true;
}

/**
 * Returns the factor of (LLᵀ)⁻¹ in the two loops: γ = sᵀy/yᵀH⁻¹y of the newest pair; without pairs the factor in the state.
 */
export function inverseScale(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): f64 {
  if (state.pairs === 0) return state.inverseScale;
  const y = changeAt(lbfgs, sample, state.newest);
  return load<f64>(productAt(lbfgs, sample, state.newest)) / inverseProduct(lbfgs, state.factor, y);
}

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
  if (state.factor) {
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

/** yᵀ(LLᵀ)⁻¹y, or yᵀy without a factor. */
function inverseProduct(lbfgs: Lbfgs, factor: usize, y: usize): f64 {
  const d = lbfgs.latentSize;
  if (!factor) return dot(y, y, d);
  memory.copy(lbfgs.otherVector, y, (<usize>d) << 3);
  solveLower(factor, d, lbfgs.otherVector);
  return dot(lbfgs.otherVector, lbfgs.otherVector, d);
}

export function copyGradient(from: usize, to: usize, d: i32): void {
  for (let k: usize = 0; k < <usize>d; k++) store<f64>(to + (k << 3), load<f32>(from + (k << 2)));
}

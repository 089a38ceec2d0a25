import { addTimes, dot, factorise, packedSize, solveLower, solveUpper } from "./cholesky";
import {
  CONVERGED,
  CURVATURE_ALONG_GRADIENT,
  Descent,
  finish,
  NONFINITE,
  OWN_MATRIX,
  residentOf,
  Sample,
  SHARED_JACOBIAN_MATRIX,
  STALLED,
} from "./descent";

/**
 * L-BFGS for each sample, preconditioned by the decoder: the rule, and where it comes from, is in src/solver/lbfgs.ts.
 *
 * H stands for the matrix whose inverse the two loops begin with: A + λτI by its Cholesky factor, one of the five of
 * the decoder's own A, which all samples share, or one of the sample's own A; or I, where there is no factor.
 */
@unmanaged
export class Lbfgs extends Descent {
  /** m, how many pairs are kept of a sample */
  pairs: i32; // 72
  /** 1: the sample's A is made anew of the decoder's Jacobian and its own curvature after 1, 2, 4 and 8 steps. */
  refreshes: i32; // 76
  /** 1: only after the first one, for its weights are all that makes its A differ from the decoder's. */
  refreshesOnce: i32; // 80
  /** 1: the decoder's curvature serves no sample before it is made its own, at z0. */
  refreshesFirst: i32; // 84
  /** 1: after max(2d, 64) evaluations the sample's A is made at its own z. */
  rescues: i32; // 88
  /** f64[5][packed d]: the factors of the decoder's own A + λτI, λ ascending; or 0 where it has none. */
  factors: usize; // 92
  /** f32[packed d]: the decoder's own A; or 0. */
  matrix: usize; // 96
  /** Scratch: f64[packed d], f64[max(d, m)], f64[d], f64[d][FITTED_ROW] */
  factor: usize; // 100
  vector: usize; // 104
  otherVector: usize; // 108
  changes: usize; // 112
  /** τ = tr(A)/d of the decoder's own A */
  damping: f64; // 120
}

/** What is kept of a sample, behind its p; then the arrays below. */
@unmanaged
class LbfgsState {
  /** How many pairs there are, and the place of the newest in its ring. */
  pairs: i32; // 0
  newest: i32; // 4
  /** Evaluations since z0, or since A was made at the sample's own z. */
  spent: i32; // 8
  /** Has A been made at the sample's own z? */
  isOwn: i32; // 12
  /** Is there an A of the sample's? */
  hasMatrix: i32; // 16
  /** Has a trial of this search been finite, and has one not been? */
  foundFinite: i32; // 20
  foundNonfinite: i32; // 24
  /** L of H = LLᵀ, or 0 for H = I. */
  factor: usize; // 28
  /** What H⁻¹ is multiplied by while there are no pairs to tell. */
  inverseScale: f64; // 32
  /** τ */
  damping: f64; // 40
  /** What the last step has lowered the loss by, and the threshold when it was begun. */
  fall: f64; // 48
  threshold: f64; // 56
}

/** λ in H = A + λτI */
const DAMPINGS: StaticArray<f64> = [0.01, 0.1, 1, 10, 100];
const FIRST_DAMPING: i32 = 2;
/** So many of the newest pairs say which λ fits. */
const FITTED_PAIRS: i32 = 5;
/** Their y lie side by side, one more so that vectors of two hold them; in bytes. */
const FITTED_ROW: usize = 6 << 3;
/** The curvature is refreshed up to this many steps. */
const LAST_REFRESH: i32 = 8;
/** A pair of less curvature than this share of |s||y| is not kept. */
const LEAST_CURVATURE: f64 = 1e-8;
/** The share of the loss that float32 evaluations cannot tell from 0: 2⁻²³. */
const NOISE: f64 = 1.0 / 8388608;
const SHORTEST_STEP: f64 = 1e-12;
/** Where nothing but a step shorter than this lowers the loss, by rounding perhaps, the gradient may be wrong. */
const SHORT_STEP: f64 = 1e-3;

/**
 * A factor of the decoder's own A + λτI; returns τ, or 0 where there is none.
 *
 * @param matrix A, f32[d][…], rows `stride` bytes apart
 * @param damping which λ, 0 to 4
 * @param factor f64[packed d]
 */
export function sharedFactorInto(matrix: usize, stride: usize, d: i32, damping: i32, factor: usize): f64 {
  let trace: f64 = 0;
  for (let i: i32 = 0; i < d; i++) trace += load<f32>(matrix + <usize>i * stride + ((<usize>i) << 2));
  const mean = trace / d;
  const added = unchecked(DAMPINGS[damping]) * mean;
  let to = factor;
  for (let i: i32 = 0; i < d; i++, matrix += stride) {
    for (let j: i32 = 0; j <= i; j++, to += 8) {
      store<f64>(to, <f64>load<f32>(matrix + ((<usize>j) << 2)) + (j === i ? added : 0));
    }
  }
  return isFinite(mean) && mean > 0 && factorise(factor, d) ? mean : 0;
}

/** A step has been accepted, and has lowered the loss by `fall`. Returns the status that the sample ends with, or -1. */
export function lbfgsAccepted(lbfgs: Lbfgs, sample: Sample, fall: f64): i32 {
  const state = stateOf(lbfgs, sample);
  state.spent++;
  state.fall = fall;
  return -1;
}

/** A step has not lowered the loss by enough: the minimum of the parabola through what is known, within bounds. */
export function lbfgsRejected(lbfgs: Lbfgs, row: usize, loss: f64): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const dt = sample.dt;
  state.spent++;
  let next = 0.1 * dt;
  if (!isFinite(loss)) {
    state.foundNonfinite = 1;
  } else {
    state.foundFinite = 1;
    const minimum = (-sample.slope * dt * dt) / (2 * (loss - sample.loss - dt * sample.slope));
    next = max(next, min(minimum, 0.5 * dt));
  }
  // By this the loss would fall at the minimum of a parabola that is reached at δt. A step that had to be made short
  // for the loss to be finite is at no such minimum; and while the loss has not fallen at all, a step that is short enough
  // promises little even where the gradient is wrong: it is the whole one that has to.
  const promised = hasFallen(sample) ? next : 1;
  if (!state.foundNonfinite && -0.5 * promised * sample.slope < state.threshold) {
    finish(lbfgs, row, CONVERGED);
  } else if (next < SHORTEST_STEP) {
    finish(lbfgs, row, state.foundFinite ? STALLED : NONFINITE);
  } else {
    sample.dt = next;
    sample.trial++;
    sample.backtracks++;
  }
}

/** Is the loss below the one at z0 by more than float32 evaluations may be off? */
function hasFallen(sample: Sample): bool {
  return sample.initialLoss - sample.loss > NOISE * abs(sample.initialLoss);
}

/** The gradient at z is known: what it says of the curvature, and the next direction or what that takes. */
export function lbfgsTurn(lbfgs: Lbfgs, row: usize, gradient: usize): void {
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  if (sample.acceptedSteps === 0) {
    begin(lbfgs, sample, state, gradient);
  } else {
    state.spent++;
    learnPair(lbfgs, sample, state, gradient);
    const isShort = !hasFallen(sample) && sample.acceptedDt < SHORT_STEP;
    if (!state.foundNonfinite && !isShort && state.fall < state.threshold) {
      finish(lbfgs, row, CONVERGED);
      return;
    }
    const steps = sample.acceptedSteps;
    if (lbfgs.rescues && state.spent >= max(2 * lbfgs.latentSize, 64)) {
      sample.due = OWN_MATRIX;
    } else if (!state.isOwn && (steps & (steps - 1)) === 0) {
      const isDue = lbfgs.refreshes ? steps <= LAST_REFRESH : lbfgs.refreshesOnce && steps === 1;
      if (isDue) sample.due = SHARED_JACOBIAN_MATRIX;
      else pickDamping(lbfgs, sample, state);
    }
  }
  if (sample.due === 0) setDirection(lbfgs, row);
}

/** The first gradient: there are no pairs yet. */
function begin(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, gradient: usize): void {
  const d = lbfgs.latentSize;
  copyGradient(gradient, gradientOf(lbfgs, sample), d);
  state.pairs = 0;
  state.newest = -1;
  state.spent = 0;
  state.isOwn = 0;
  state.hasMatrix = 0;
  state.fall = Infinity;
  state.factor = 0;
  state.inverseScale = 1 / sqrt(sample.gradientNormSquared);
  if (lbfgs.refreshesFirst) {
    sample.due = SHARED_JACOBIAN_MATRIX;
  } else if (lbfgs.factors) {
    state.factor = sharedFactor(lbfgs, FIRST_DAMPING);
    state.inverseScale = 1 / sample.curvatureScale;
    state.damping = sample.curvatureScale * lbfgs.damping;
  } else if (lbfgs.hasCurvature) {
    sample.due = CURVATURE_ALONG_GRADIENT;
  }
}

/** The curvature along the gradient is known at z0: the first step is the best one along it, Cauchy's. */
export function lbfgsCurvature(lbfgs: Lbfgs, row: usize, curvature: f64): void {
  const sample = residentOf(lbfgs, row);
  sample.valueEvaluations++;
  if (curvature > 0 && isFinite(curvature)) stateOf(lbfgs, sample).inverseScale = 1 / curvature;
  setDirection(lbfgs, row);
}

/** The matrix that the sample has asked for: of the decoder's Jacobian, or at its own z. */
export function lbfgsMatrix(lbfgs: Lbfgs, row: usize, matrix: usize, stride: usize): void {
  const d = lbfgs.latentSize;
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const own = ownMatrix(lbfgs, sample);
  let trace: f64 = 0;
  for (let i: i32 = 0; i < d; i++, matrix += stride) {
    memory.copy(own + (packedSize(i) << 2), matrix, (<usize>i + 1) << 2);
    trace += load<f32>(matrix + ((<usize>i) << 2));
  }
  state.hasMatrix = 1;
  const isOwn = sample.due === OWN_MATRIX;
  if (isOwn || sample.acceptedSteps === 0) state.damping = trace / d;
  // Without pairs nothing says which damping fits.
  const isFirst = sample.acceptedSteps === 0 || (isOwn && state.pairs === 0);
  if (isFirst) takeFactor(lbfgs, sample, state, FIRST_DAMPING);
  else pickDamping(lbfgs, sample, state);
  if (isOwn) {
    sample.matrixEvaluations++;
    state.isOwn = 1;
    state.pairs = 0;
    state.spent = 0;
  }
  setDirection(lbfgs, row);
}

/** Keeps s = δt·p and y, the change of the gradient, unless they show no curvature; and the new gradient. */
function learnPair(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, newGradient: usize): void {
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

/** p = -(two loops over the pairs, H⁻¹ between them) of the gradient; or the sample ends. */
function setDirection(lbfgs: Lbfgs, row: usize): void {
  const d = lbfgs.latentSize;
  const sample = residentOf(lbfgs, row);
  const state = stateOf(lbfgs, sample);
  const p = sample.memory;
  const gradient = gradientOf(lbfgs, sample);
  const scale = inverseScale(lbfgs, sample, state);
  sample.due = 0;
  twoLoops(lbfgs, sample, state, scale);
  sample.slope = dot(gradient, p, d);
  if (!(sample.slope < 0)) {
    state.pairs = 0;
    twoLoops(lbfgs, sample, state, scale);
    sample.slope = dot(gradient, p, d);
    if (!(sample.slope < 0)) {
      finish(lbfgs, row, STALLED);
      return;
    }
  }
  state.threshold =
    lbfgs.tolerance * max(sample.initialLoss - sample.loss, abs(sample.loss)) + NOISE * abs(sample.loss);
  if (sample.acceptedSteps > 0 && -0.5 * sample.slope < state.threshold) {
    finish(lbfgs, row, CONVERGED);
    return;
  }
  state.foundFinite = 0;
  state.foundNonfinite = 0;
  sample.dt = 1;
  sample.trial = 0;
}

/** What (LLᵀ)⁻¹ is multiplied by: γ, sᵀy/yᵀH⁻¹y of the newest pair, where there is one. */
function inverseScale(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): f64 {
  if (state.pairs === 0) return state.inverseScale;
  const y = changeAt(lbfgs, sample, state.newest);
  return load<f64>(productAt(lbfgs, sample, state.newest)) / inverseProduct(lbfgs, state.factor, y);
}

function twoLoops(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, scale: f64): void {
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

/**
 * Takes of the H = A + λτI the one that fits the newest pairs best: whose Π (sᵀy)²/(yᵀH⁻¹y · sᵀHs), each factor of
 * which is 1 at most, is greatest. Without pairs, or where none has a factor, H stays.
 */
function pickDamping(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.pairs === 0 || (!state.hasMatrix && !lbfgs.factors)) return;
  const d = lbfgs.latentSize;
  const matrix = state.hasMatrix ? ownMatrix(lbfgs, sample) : lbfgs.matrix;
  // The decoder's own A and its factors lack the sample's σ, which the fit does not depend on.
  const mean = state.hasMatrix ? state.damping : lbfgs.damping;
  const used = min(state.pairs, FITTED_PAIRS);
  const curvatures = lbfgs.vector;
  for (let i: i32 = 0; i < used; i++) {
    const s = stepAt(lbfgs, sample, placeBefore(lbfgs, state, i));
    store<f64>(curvatures + ((<usize>i) << 3), quadraticForm(matrix, d, s));
  }
  let best: f64 = -1;
  for (let damping: i32 = 0; damping < DAMPINGS.length; damping++) {
    if (state.hasMatrix && !dampedFactor(lbfgs, sample, state, damping)) continue;
    const factor = state.hasMatrix ? lbfgs.factor : sharedFactor(lbfgs, damping);
    solveForChanges(lbfgs, sample, state, factor, used);
    let fit: f64 = 1;
    for (let i: i32 = 0; i < used; i++) {
      const place = placeBefore(lbfgs, state, i);
      const product = load<f64>(productAt(lbfgs, sample, place));
      const s = stepAt(lbfgs, sample, place);
      const added = unchecked(DAMPINGS[damping]) * mean * dot(s, s, d);
      const direct = load<f64>(curvatures + ((<usize>i) << 3)) + added;
      fit *= (product / direct) * (product / load<f64>(lbfgs.otherVector + ((<usize>i) << 3)));
    }
    if (!(fit > best)) continue;
    best = fit;
    state.factor = state.hasMatrix ? ownFactor(lbfgs, sample) : factor;
    if (!state.hasMatrix) continue;
    memory.copy(state.factor, factor, packedSize(d) << 3);
    state.inverseScale = 1;
  }
}

/** yᵀ(LLᵀ)⁻¹y of the newest pairs, the newest first, into the other vector: all by one way through L. */
function solveForChanges(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, factor: usize, used: i32): void {
  const d = lbfgs.latentSize;
  const rows = lbfgs.changes;
  memory.fill(rows, 0, <usize>d * FITTED_ROW);
  for (let i: i32 = 0; i < used; i++) {
    const y = changeAt(lbfgs, sample, placeBefore(lbfgs, state, i));
    for (let k: usize = 0; k < <usize>d; k++) {
      store<f64>(rows + k * FITTED_ROW + ((<usize>i) << 3), load<f64>(y + (k << 3)));
    }
  }
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  let sum2 = f64x2.splat(0);
  let row = rows;
  for (let i: i32 = 0; i < d; i++, row += FITTED_ROW, factor += 8) {
    let u0 = v128.load(row);
    let u1 = v128.load(row, 16);
    let u2 = v128.load(row, 32);
    for (let before = rows; before < row; before += FITTED_ROW, factor += 8) {
      const l = v128.load64_splat(factor);
      u0 = f64x2.sub(u0, f64x2.mul(l, v128.load(before)));
      u1 = f64x2.sub(u1, f64x2.mul(l, v128.load(before, 16)));
      u2 = f64x2.sub(u2, f64x2.mul(l, v128.load(before, 32)));
    }
    const inverse = f64x2.splat(1 / load<f64>(factor));
    u0 = f64x2.mul(u0, inverse);
    u1 = f64x2.mul(u1, inverse);
    u2 = f64x2.mul(u2, inverse);
    v128.store(row, u0);
    v128.store(row, u1, 16);
    v128.store(row, u2, 32);
    sum0 = f64x2.add(sum0, f64x2.mul(u0, u0));
    sum1 = f64x2.add(sum1, f64x2.mul(u1, u1));
    sum2 = f64x2.add(sum2, f64x2.mul(u2, u2));
  }
  v128.store(lbfgs.otherVector, sum0);
  v128.store(lbfgs.otherVector, sum1, 16);
  v128.store(lbfgs.otherVector, sum2, 32);
}

/** sᵀAs */
function quadraticForm(matrix: usize, d: i32, s: usize): f64 {
  let sum: f64 = 0;
  for (let i: i32 = 0; i < d; i++) {
    let row: f64 = 0;
    for (let j: usize = 0; j < <usize>i; j++, matrix += 4)
      row += <f64>load<f32>(matrix) * load<f64>(s + (j << 3));
    const own = load<f64>(s + ((<usize>i) << 3));
    sum += own * (2 * row + <f64>load<f32>(matrix) * own);
    matrix += 4;
  }
  return sum;
}

/** H = A + λτI of the sample's own A; where it has no factor H stays. */
function takeFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, damping: i32): void {
  if (!dampedFactor(lbfgs, sample, state, damping)) return;
  state.factor = ownFactor(lbfgs, sample);
  state.inverseScale = 1;
  memory.copy(state.factor, lbfgs.factor, packedSize(lbfgs.latentSize) << 3);
}

/** The factor of the sample's own A + λτI into the scratch; false where it has none. */
function dampedFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, damping: i32): bool {
  const d = lbfgs.latentSize;
  const added = unchecked(DAMPINGS[damping]) * state.damping;
  let from = ownMatrix(lbfgs, sample);
  let to = lbfgs.factor;
  for (let i: i32 = 0; i < d; i++) {
    for (let j: i32 = 0; j <= i; j++, from += 4, to += 8) {
      store<f64>(to, <f64>load<f32>(from) + (j === i ? added : 0));
    }
  }
  return factorise(lbfgs.factor, d);
}

/** yᵀ(LLᵀ)⁻¹y, or yᵀy without a factor. */
function inverseProduct(lbfgs: Lbfgs, factor: usize, y: usize): f64 {
  const d = lbfgs.latentSize;
  if (!factor) return dot(y, y, d);
  memory.copy(lbfgs.otherVector, y, (<usize>d) << 3);
  solveLower(factor, d, lbfgs.otherVector);
  return dot(lbfgs.otherVector, lbfgs.otherVector, d);
}

function copyGradient(from: usize, to: usize, d: i32): void {
  for (let k: usize = 0; k < <usize>d; k++) store<f64>(to + (k << 3), load<f32>(from + (k << 2)));
}

/** The place in the ring of the pair before the newest by `back`. */
function placeBefore(lbfgs: Lbfgs, state: LbfgsState, back: i32): i32 {
  return (state.newest - back + lbfgs.pairs) % lbfgs.pairs;
}

function sharedFactor(lbfgs: Lbfgs, damping: i32): usize {
  return lbfgs.factors + (packedSize(lbfgs.latentSize) << 3) * damping;
}

// A sample's memory: f64[d] p, LbfgsState, f64[d] ∇l, f64[m][d] s, f64[m][d] y, f64[m] sᵀy, f64[packed d] L, f32[packed d] A.

function stateOf(lbfgs: Lbfgs, sample: Sample): LbfgsState {
  return changetype<LbfgsState>(sample.memory + ((<usize>lbfgs.latentSize) << 3));
}

function gradientOf(lbfgs: Lbfgs, sample: Sample): usize {
  return sample.memory + ((<usize>lbfgs.latentSize) << 3) + offsetof<LbfgsState>();
}

function stepAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return gradientOf(lbfgs, sample) + ((<usize>(lbfgs.latentSize * (1 + place))) << 3);
}

function changeAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, lbfgs.pairs + place);
}

function productAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, 2 * lbfgs.pairs) + ((<usize>place) << 3);
}

function ownFactor(lbfgs: Lbfgs, sample: Sample): usize {
  return productAt(lbfgs, sample, lbfgs.pairs);
}

function ownMatrix(lbfgs: Lbfgs, sample: Sample): usize {
  return ownFactor(lbfgs, sample) + (packedSize(lbfgs.latentSize) << 3);
}

import { dot, factorise, packedSize } from "./cholesky";
import { Sample } from "./descent";
import {
  changeAt,
  Lbfgs,
  LbfgsState,
  ownFactor,
  ownMatrix,
  placeBefore,
  productAt,
  stepAt,
} from "./lbfgs-state";

/** λ in H = A + λτI */
const DAMPINGS: StaticArray<f64> = [0.01, 0.1, 1, 10, 100];
const FIRST_DAMPING: i32 = 2;
/** So many of the newest pairs say which λ fits. */
const FITTED_PAIRS: i32 = 5;
/** Their y lie side by side, one more so that vectors of two hold them; in bytes. */
const FITTED_ROW: usize = (FITTED_PAIRS + 1) << 3;
/** Excess from which A's scale is corrected: a smaller one is ordinary where A was made at another z. */
const LEAST_EXCESS: f64 = 100;
/** 2⁻²³, by which A's entries may be off */
const FLOAT_EPSILON: f64 = 1.0 / 8388608;

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

/**
 * Takes of the H = A + λτI the one that fits the newest pairs best: whose Π (sᵀy)²/(yᵀH⁻¹y · sᵀHs), each factor of
 * which is 1 at most, is greatest. Without pairs, or where none has a factor, H stays.
 */
export function pickDamping(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
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
    const lambda = unchecked(DAMPINGS[damping]);
    if (state.hasMatrix && !dampedFactor(lbfgs, matrix, 0, lambda * mean)) continue;
    const factor = state.hasMatrix ? lbfgs.factor : sharedFactor(lbfgs, damping);
    solveForChanges(lbfgs, sample, state, factor, used);
    let fit: f64 = 1;
    for (let i: i32 = 0; i < used; i++) {
      const place = placeBefore(lbfgs, state, i);
      const product = load<f64>(productAt(lbfgs, sample, place));
      const s = stepAt(lbfgs, sample, place);
      const added = lambda * mean * dot(s, s, d);
      const direct = load<f64>(curvatures + ((<usize>i) << 3)) + added;
      fit *= (product / direct) * (product / load<f64>(lbfgs.otherVector + ((<usize>i) << 3)));
    }
    if (!(fit > best)) continue;
    best = fit;
    state.lambda = damping;
    if (state.hasMatrix) keepFactor(lbfgs, sample, state, 1);
    else state.factor = factor;
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

/** H = A + τI, before there is a pair. */
export function takeFirst(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  state.lambda = FIRST_DAMPING;
  retakeFactor(lbfgs, sample, state);
  if (!state.hasMatrix) state.damping = sample.curvatureScale * lbfgs.damping;
}

/** H = A + λτI with the λ chosen last. Without a factor H stays; without any A it becomes I. */
export function retakeFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.hasMatrix) {
    const added = unchecked(DAMPINGS[state.lambda]) * state.damping;
    if (dampedFactor(lbfgs, ownMatrix(lbfgs, sample), 0, added)) keepFactor(lbfgs, sample, state, 1);
  } else if (lbfgs.factors) {
    state.factor = sharedFactor(lbfgs, state.lambda);
    state.inverseScale = 1 / sample.curvatureScale;
  }
}

/**
 * H = A with the least added to its diagonal that keeps it positive definite in float32: a share of each number there, so
 * that the units of the latents do not matter. Divided by A's excess where A is far too large. False without a factor.
 */
export function takeUndamped(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): bool {
  const d = lbfgs.latentSize;
  const mean = state.hasMatrix ? state.damping : lbfgs.damping;
  const matrix = state.hasMatrix ? ownMatrix(lbfgs, sample) : lbfgs.matrix;
  const share = FLOAT_EPSILON * d;
  if (!dampedFactor(lbfgs, matrix, share, FLOAT_EPSILON * share * mean)) return false;
  const scale = state.hasMatrix ? 1 : sample.curvatureScale;
  const excess = scale * largestExcess(lbfgs, sample, state, matrix);
  keepFactor(lbfgs, sample, state, (excess > LEAST_EXCESS ? excess : 1) / scale);
  return true;
}

/** Largest sᵀAs/sᵀy of the newest pairs: by how many times A overestimates a curvature that was measured. */
function largestExcess(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, matrix: usize): f64 {
  let largest: f64 = 0;
  for (let i: i32 = 0; i < min(state.pairs, FITTED_PAIRS); i++) {
    const place = placeBefore(lbfgs, state, i);
    const curvature = quadraticForm(matrix, lbfgs.latentSize, stepAt(lbfgs, sample, place));
    largest = max(largest, curvature / load<f64>(productAt(lbfgs, sample, place)));
  }
  return largest;
}

/** The factor of M + share·diag(M) + added·I, M packed, into the scratch; false where it has none. */
function dampedFactor(lbfgs: Lbfgs, matrix: usize, share: f64, added: f64): bool {
  const d = lbfgs.latentSize;
  let to = lbfgs.factor;
  for (let i: i32 = 0; i < d; i++) {
    for (let j: i32 = 0; j <= i; j++, matrix += 4, to += 8) {
      const number: f64 = load<f32>(matrix);
      store<f64>(to, j === i ? number + share * number + added : number);
    }
  }
  return factorise(lbfgs.factor, d);
}

/** The factor in the scratch becomes the sample's. */
function keepFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, inverseScale: f64): void {
  state.factor = ownFactor(lbfgs, sample);
  state.inverseScale = inverseScale;
  memory.copy(state.factor, lbfgs.factor, packedSize(lbfgs.latentSize) << 3);
}

function sharedFactor(lbfgs: Lbfgs, damping: i32): usize {
  return lbfgs.factors + (packedSize(lbfgs.latentSize) << 3) * damping;
}

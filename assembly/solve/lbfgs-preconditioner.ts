import { dot, FACTORS_AT_ONCE, factorise, factoriseShifted, packedSize, SIDE_BY_SIDE, Six } from "./cholesky";
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
import { Sample } from "./line-search";
import { inverseFormsLowRank, quadraticFormLowRank } from "./low-rank";

/**
 * Choices of the damping λ in the preconditioner H = A + λτI, A the Gauss-Newton matrix, τ = tr(A)/d: as many as factors are
 * made at once. Of smaller ones for the first, 0.001 and 0.0005 take up to 4 % more passes on other trained decoders.
 */
const DAMPINGS: StaticArray<f64> = [0.003, 0.01, 0.1, 1, 10, 100];
const FIRST_DAMPING: i32 = 3;
/** Maximum number of newest L-BFGS pairs by which the damping λ of the preconditioner is chosen. */
const FITTED_PAIRS: i32 = 5;
/**
 * Excess of the Gauss-Newton matrix A, the largest sᵀAs/sᵀy of recent pairs (step s, gradient change y), above which A is
 * scaled down: a smaller excess is ordinary if A was made at another z.
 */
const LEAST_EXCESS: f64 = 100;
/**
 * Count of f64 numbers stored for each L-BFGS pair (step s, gradient change y) while the damping λ in H = A + λτI is chosen:
 * yᵀH⁻¹y for the six λ, sᵀAs and sᵀs.
 */
const NUMBERS_OF_FIT: i32 = 8;
/** Size in bytes of the numbers stored for each L-BFGS pair while the damping λ is chosen. */
const FITTED_SIZE: usize = (<usize>NUMBERS_OF_FIT) << 3;
/** Byte offset of sᵀAs, s the step and A the Gauss-Newton matrix, in the numbers stored for an L-BFGS pair. */
const QUADRATIC_FORM: usize = 48;
/** Byte offset of sᵀs, the squared length of the step s, in the numbers stored for an L-BFGS pair. */
const SQUARED_LENGTH: usize = 56;
/** Relative rounding error of the entries of the preconditioner's matrix A, which are float32: 2⁻²³. */
const FLOAT_EPSILON: f64 = 1.0 / 8388608;

/**
 * Factorises A + λτI for one of the six λ; returns τ = tr(A)/d, or 0 if there is no Cholesky factor.
 *
 * @param matrix A, the Gauss-Newton matrix at the decoder's start latent: f32[d][…], rows `stride` bytes apart
 * @param damping index of λ in DAMPINGS, 0 to 5
 * @param factor filled with L of A + λτI = LLᵀ: f64[d(d + 1)/2]
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
 * Chooses the damping λ in H = A + λτI, A the Gauss-Newton matrix and τ = tr(A)/d, with the largest Π (sᵀy)²/(yᵀH⁻¹y · sᵀHs) over
 * the newest five L-BFGS pairs (step s, gradient change y), each quotient ≤ 1, and sets H. Without pairs or A, H is unchanged.
 */
export function pickDamping(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.pairs === 0 || !knowsMatrix(lbfgs, state)) return;
  const used = min(state.pairs, FITTED_PAIRS);
  // The decoder's shared A and its factors lack the sample's σ, which the fit does not depend on.
  const mean = state.hasMatrix ? state.damping : lbfgs.damping;
  quadraticForms(lbfgs, sample, state, used);
  if (state.hasMatrix) solveByOwn(lbfgs, sample, state, used);
  else if (lbfgs.rank) solveByLowRank(lbfgs, sample, state, used);
  else solveByShared(lbfgs, sample, state, used);
  let best: f64 = -1;
  let chosen: i32 = -1;
  for (let damping: i32 = 0; damping < DAMPINGS.length; damping++) {
    const added = unchecked(DAMPINGS[damping]) * mean;
    let fit: f64 = 1;
    for (let i: i32 = 0; i < used; i++) {
      const known = fitted(lbfgs, i);
      const product = load<f64>(productAt(lbfgs, sample, placeBefore(lbfgs, state, i)));
      const direct = load<f64>(known, QUADRATIC_FORM) + added * load<f64>(known, SQUARED_LENGTH);
      fit *= (product / direct) * (product / load<f64>(known + ((<usize>damping) << 3)));
    }
    // NaN, from a matrix that has no Cholesky factor, never wins.
    if (!(fit > best)) continue;
    best = fit;
    chosen = damping;
  }
  if (chosen < 0) return;
  state.lambda = chosen;
  if (state.hasMatrix) keepOneOfSix(lbfgs, sample, state, chosen);
  else takeShared(lbfgs, state, chosen);
}

/** Returns true if there is a Gauss-Newton matrix A to precondition the sample, its own or one that all samples share. */
export function knowsMatrix(lbfgs: Lbfgs, state: LbfgsState): bool {
  return state.hasMatrix !== 0 || isShared(lbfgs);
}

/** Returns true if all samples share a Gauss-Newton matrix A: its Cholesky factors or its low-rank form. */
export function isShared(lbfgs: Lbfgs): bool {
  return lbfgs.factors !== 0 || lbfgs.rank > 0;
}

/** Makes the shared A + λτI the preconditioner, without the sample's σ. */
function takeShared(lbfgs: Lbfgs, state: LbfgsState, damping: i32): void {
  if (lbfgs.rank) {
    state.factor = 0;
    state.shift = unchecked(DAMPINGS[damping]) * lbfgs.damping;
  } else {
    state.factor = sharedFactor(lbfgs, damping);
  }
}

/**
 * Computes sᵀAs and sᵀs of the steps s of the newest `used` pairs, A the Gauss-Newton matrix, for the choice of the damping λ:
 * by the low-rank form of A, or in one pass over A.
 */
function quadraticForms(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, used: i32): void {
  const d = lbfgs.latentSize;
  if (!state.hasMatrix && lbfgs.rank) {
    for (let i: i32 = 0; i < used; i++) {
      const s = stepAt(lbfgs, sample, placeBefore(lbfgs, state, i));
      store<f64>(fitted(lbfgs, i), quadraticFormLowRank(lbfgs, s), QUADRATIC_FORM);
      store<f64>(fitted(lbfgs, i), dot(s, s, d), SQUARED_LENGTH);
    }
    return;
  }
  let matrix = state.hasMatrix ? ownMatrix(lbfgs, sample) : lbfgs.matrix;
  const rows = sideBySide(lbfgs);
  memory.fill(rows, 0, <usize>d * SIDE_BY_SIDE);
  for (let i: i32 = 0; i < used; i++) {
    const s = stepAt(lbfgs, sample, placeBefore(lbfgs, state, i));
    layBeside(rows, i, s, d);
    store<f64>(fitted(lbfgs, i), dot(s, s, d), SQUARED_LENGTH);
  }
  let sum0 = f64x2.splat(0);
  let sum1 = f64x2.splat(0);
  let sum2 = f64x2.splat(0);
  const two = f64x2.splat(2);
  let row = rows;
  for (let i: i32 = 0; i < d; i++, row += SIDE_BY_SIDE, matrix += 4) {
    let before0 = f64x2.splat(0);
    let before1 = f64x2.splat(0);
    let before2 = f64x2.splat(0);
    for (let before = rows; before < row; before += SIDE_BY_SIDE, matrix += 4) {
      const a = f64x2.promote_low_f32x4(v128.load32_splat(matrix));
      before0 = f64x2.add(before0, f64x2.mul(a, v128.load(before)));
      before1 = f64x2.add(before1, f64x2.mul(a, v128.load(before, 16)));
      before2 = f64x2.add(before2, f64x2.mul(a, v128.load(before, 32)));
    }
    const a = f64x2.promote_low_f32x4(v128.load32_splat(matrix));
    const s0 = v128.load(row);
    const s1 = v128.load(row, 16);
    const s2 = v128.load(row, 32);
    sum0 = f64x2.add(sum0, f64x2.mul(s0, f64x2.add(f64x2.mul(two, before0), f64x2.mul(a, s0))));
    sum1 = f64x2.add(sum1, f64x2.mul(s1, f64x2.add(f64x2.mul(two, before1), f64x2.mul(a, s1))));
    sum2 = f64x2.add(sum2, f64x2.mul(s2, f64x2.add(f64x2.mul(two, before2), f64x2.mul(a, s2))));
  }
  Six.store(rows, sum0, sum1, sum2);
  for (let i: i32 = 0; i < used; i++) {
    store<f64>(fitted(lbfgs, i), load<f64>(rows + ((<usize>i) << 3)), QUADRATIC_FORM);
  }
}

/**
 * Computes yᵀH⁻¹y of the gradient changes y of the newest `used` pairs for each damping λ, with H = A + λτI, A the sample's own
 * Gauss-Newton matrix and τ = tr(A)/d, from the Cholesky factors of the matrices H, to which the y are appended as rows.
 */
function solveByOwn(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, used: i32): void {
  const d = lbfgs.latentSize;
  const size = packedSize(d);
  const vector = (<usize>d) << 3;
  const changes = lbfgs.factor + (size << 3);
  promote(ownMatrix(lbfgs, sample), size, lbfgs.factor);
  for (let i: i32 = 0; i < used; i++) {
    memory.copy(changes + <usize>i * vector, changeAt(lbfgs, sample, placeBefore(lbfgs, state, i)), vector);
  }
  const shifts = lbfgs.otherVector;
  writeShifts(shifts, state.damping);
  let row = sideBySide(lbfgs);
  factoriseShifted(lbfgs.factor, shifts, d, used, row);
  row += size * SIDE_BY_SIDE;
  for (let i: i32 = 0; i < used; i++) {
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let sum2 = f64x2.splat(0);
    for (const end = row + <usize>d * SIDE_BY_SIDE; row < end; row += SIDE_BY_SIDE) {
      const u0 = v128.load(row);
      const u1 = v128.load(row, 16);
      const u2 = v128.load(row, 32);
      sum0 = f64x2.add(sum0, f64x2.mul(u0, u0));
      sum1 = f64x2.add(sum1, f64x2.mul(u1, u1));
      sum2 = f64x2.add(sum2, f64x2.mul(u2, u2));
    }
    const known = fitted(lbfgs, i);
    Six.store(known, sum0, sum1, sum2);
  }
}

/**
 * Computes yᵀH⁻¹y of the gradient changes y of the newest `used` pairs for each damping λ into `fitted`, with H = A + λτI and
 * the low-rank form of A.
 */
function solveByLowRank(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, used: i32): void {
  const shifts = lbfgs.otherVector;
  writeShifts(shifts, lbfgs.damping);
  for (let i: i32 = 0; i < used; i++) {
    const y = changeAt(lbfgs, sample, placeBefore(lbfgs, state, i));
    inverseFormsLowRank(lbfgs, y, shifts, DAMPINGS.length, fitted(lbfgs, i));
  }
}

/** Writes the six shifts λτ, f64[6]. */
function writeShifts(shifts: usize, mean: f64): void {
  for (let k: i32 = 0; k < FACTORS_AT_ONCE; k++) {
    store<f64>(shifts + ((<usize>k) << 3), unchecked(DAMPINGS[k]) * mean);
  }
}

/**
 * Computes yᵀH⁻¹y of the gradient changes y of the newest `used` pairs for each damping λ into `fitted`, with H = A + λτI, A
 * the Gauss-Newton matrix that all samples share and τ = tr(A)/d, from the shared Cholesky factors, reading each factor once.
 */
function solveByShared(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, used: i32): void {
  const d = lbfgs.latentSize;
  const rows = sideBySide(lbfgs);
  memory.fill(rows, 0, <usize>d * SIDE_BY_SIDE);
  for (let damping: i32 = 0; damping < DAMPINGS.length; damping++) {
    for (let i: i32 = 0; i < used; i++) {
      layBeside(rows, i, changeAt(lbfgs, sample, placeBefore(lbfgs, state, i)), d);
    }
    let factor = sharedFactor(lbfgs, damping);
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let sum2 = f64x2.splat(0);
    let row = rows;
    for (let i: i32 = 0; i < d; i++, row += SIDE_BY_SIDE, factor += 8) {
      let u0 = v128.load(row);
      let u1 = v128.load(row, 16);
      let u2 = v128.load(row, 32);
      for (let before = rows; before < row; before += SIDE_BY_SIDE, factor += 8) {
        const l = v128.load64_splat(factor);
        u0 = f64x2.sub(u0, f64x2.mul(l, v128.load(before)));
        u1 = f64x2.sub(u1, f64x2.mul(l, v128.load(before, 16)));
        u2 = f64x2.sub(u2, f64x2.mul(l, v128.load(before, 32)));
      }
      const inverse = f64x2.splat(1 / load<f64>(factor));
      u0 = f64x2.mul(u0, inverse);
      u1 = f64x2.mul(u1, inverse);
      u2 = f64x2.mul(u2, inverse);
      Six.store(row, u0, u1, u2);
      sum0 = f64x2.add(sum0, f64x2.mul(u0, u0));
      sum1 = f64x2.add(sum1, f64x2.mul(u1, u1));
      sum2 = f64x2.add(sum2, f64x2.mul(u2, u2));
    }
    Six.store(rows, sum0, sum1, sum2);
    for (let i: i32 = 0; i < used; i++) {
      store<f64>(fitted(lbfgs, i) + ((<usize>damping) << 3), load<f64>(rows + ((<usize>i) << 3)));
    }
  }
}

/**
 * Returns the address of the numbers f64[NUMBERS_OF_FIT] stored for L-BFGS pair i while the damping λ is chosen; pair 0 is
 * the newest.
 */
function fitted(lbfgs: Lbfgs, i: i32): usize {
  return lbfgs.changes + <usize>i * FITTED_SIZE;
}

/** Returns the address of the scratch for six interleaved vectors or Cholesky factors: f64[d(d + 1)/2 + 5d][6]. */
function sideBySide(lbfgs: Lbfgs): usize {
  return lbfgs.changes + <usize>FITTED_PAIRS * FITTED_SIZE;
}

/** Writes a vector, f64[d], as number i of the six interleaved vectors at `rows`. */
function layBeside(rows: usize, i: i32, vector: usize, d: i32): void {
  const to = rows + ((<usize>i) << 3);
  for (let k: usize = 0; k < <usize>d; k++) store<f64>(to + k * SIDE_BY_SIDE, load<f64>(vector + (k << 3)));
}

/**
 * Sets the preconditioner H = A + λτI, A the Gauss-Newton matrix and τ = tr(A)/d, with λ = 1, for a sample that has no L-BFGS
 * pairs yet.
 */
export function takeFirst(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  state.lambda = FIRST_DAMPING;
  retakeFactor(lbfgs, sample, state);
  if (!state.hasMatrix) state.damping = sample.curvatureScale * lbfgs.damping;
}

/**
 * Sets the preconditioner H = A + λτI, A the Gauss-Newton matrix and τ = tr(A)/d, with the damping λ chosen last. Leaves H
 * unchanged if A + λτI has no Cholesky factor, or if there is no A.
 */
export function retakeFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): void {
  if (state.hasMatrix) {
    const added = unchecked(DAMPINGS[state.lambda]) * state.damping;
    if (dampedFactor(lbfgs, ownMatrix(lbfgs, sample), 0, added)) keepFactor(lbfgs, sample, state, 1);
  } else if (isShared(lbfgs)) {
    takeShared(lbfgs, state, state.lambda);
    state.inverseScale = 1 / sample.curvatureScale;
  }
}

/**
 * Sets the preconditioner H = A + 2⁻²³d·diag(A), A the Gauss-Newton matrix, or A + 2⁻²³dτI if A has a low-rank form, with the
 * smallest damping that keeps A positive definite in float32 for latents of any scale. If A's excess, the largest sᵀAs/sᵀy of recent L-BFGS pairs (step s, gradient
 * change y), is above LEAST_EXCESS, divides H by the excess. Returns false if H has no Cholesky factor.
 */
export function takeUndamped(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): bool {
  const mean = state.hasMatrix ? state.damping : lbfgs.damping;
  const share = FLOAT_EPSILON * lbfgs.latentSize;
  const isLowRank = !state.hasMatrix && lbfgs.rank > 0;
  if (!isLowRank) {
    const matrix = state.hasMatrix ? ownMatrix(lbfgs, sample) : lbfgs.matrix;
    if (!dampedFactor(lbfgs, matrix, share, FLOAT_EPSILON * share * mean)) return false;
  }
  const scale = state.hasMatrix ? 1 : sample.curvatureScale;
  const excess = scale * largestExcess(lbfgs, sample, state);
  const inverseScale = (excess > LEAST_EXCESS ? excess : 1) / scale;
  if (isLowRank) {
    state.factor = 0;
    state.shift = share * mean;
    state.inverseScale = inverseScale;
  } else {
    keepFactor(lbfgs, sample, state, inverseScale);
  }
  return true;
}

/**
 * Returns the largest sᵀAs/sᵀy of the newest pairs (step s, gradient change y): the factor by which the Gauss-Newton matrix A
 * overestimates a measured curvature. 0 without pairs.
 */
function largestExcess(lbfgs: Lbfgs, sample: Sample, state: LbfgsState): f64 {
  const used = min(state.pairs, FITTED_PAIRS);
  quadraticForms(lbfgs, sample, state, used);
  let largest: f64 = 0;
  for (let i: i32 = 0; i < used; i++) {
    const product = load<f64>(productAt(lbfgs, sample, placeBefore(lbfgs, state, i)));
    largest = max(largest, load<f64>(fitted(lbfgs, i), QUADRATIC_FORM) / product);
  }
  return largest;
}

/**
 * Computes the Cholesky factor of M + share·diag(M) + added·I, M packed f32[d(d + 1)/2], into lbfgs.factor; returns false if
 * there is none.
 */
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

/** Converts `count` numbers from f32 to f64. */
function promote(from: usize, count: usize, to: usize): void {
  for (const end = from + (count << 2); from < end; from += 4, to += 8) store<f64>(to, load<f32>(from));
}

/**
 * Copies Cholesky factor `which`, of the six interleaved ones, to the sample's own memory, as the factor of its preconditioner
 * H.
 */
function keepOneOfSix(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, which: i32): void {
  state.factor = ownFactor(lbfgs, sample);
  state.shift = 0;
  state.inverseScale = 1;
  const from = sideBySide(lbfgs) + ((<usize>which) << 3);
  for (let k: usize = 0; k < packedSize(lbfgs.latentSize); k++) {
    store<f64>(state.factor + (k << 3), load<f64>(from + k * SIDE_BY_SIDE));
  }
}

/**
 * Copies the Cholesky factor L in lbfgs.factor to the sample's own memory, and makes inverseScale · (LLᵀ)⁻¹ the inverse of the
 * sample's preconditioner.
 */
function keepFactor(lbfgs: Lbfgs, sample: Sample, state: LbfgsState, inverseScale: f64): void {
  state.factor = ownFactor(lbfgs, sample);
  state.shift = 0;
  state.inverseScale = inverseScale;
  memory.copy(state.factor, lbfgs.factor, packedSize(lbfgs.latentSize) << 3);
}

function sharedFactor(lbfgs: Lbfgs, damping: i32): usize {
  return lbfgs.factors + (packedSize(lbfgs.latentSize) << 3) * damping;
}

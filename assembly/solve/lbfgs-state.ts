import { packedSize } from "./cholesky";
import { LineSearch, Sample } from "./line-search";

/**
 * Memory of the solver `lbfgs`: options and scratch of a call, and state of each sample. The algorithm is in lbfgs.ts.
 *
 * H is the preconditioner, the matrix whose inverse the two-loop recursion starts from: A + λτI, with A the Gauss-Newton matrix
 * and τ = tr(A)/d, stored as a Cholesky factor, one of the six that all samples share or the sample's own; or the low-rank form of
 * low-rank.ts, with its shift; or a multiple of I.
 */
@unmanaged
export class Lbfgs extends LineSearch {
  /** Number m of L-BFGS pairs (step s, gradient change y) stored per sample. */
  pairs: i32; // 72
  /**
   * Matrix requested at z0: SHARED_JACOBIAN_MATRIX for J₀ᵀWJ₀, J₀ the Jacobian at the decoder's start latent and W the loss's
   * curvature at z0; OWN_MATRIX if the decoder has fixed inputs; or 0 for none.
   */
  firstMatrix: i32; // 76
  /**
   * Number of the last step after which W, the loss's curvature in A = J₀ᵀWJ₀, is recomputed: steps 1, 2, 4, … up to this
   * number are followed by a recomputation.
   */
  lastRefresh: i32; // 80
  /** 1 if the Gauss-Newton matrix A is recomputed at the sample's own z after every max(2d, 64) evaluations; else 0. */
  makesOwn: i32; // 84
  /**
   * f64[6][d(d + 1)/2]: Cholesky factors of A₀ + λτI, λ ascending, shared by all samples: A₀ = J₀ᵀWJ₀ with Jacobian J₀ and loss
   * curvature W at the decoder's start latent, τ = tr(A₀)/d. 0 if there are none.
   */
  factors: usize; // 88
  /**
   * f32[d(d + 1)/2]: packed lower triangle of A₀ = J₀ᵀWJ₀, with Jacobian J₀ and loss curvature W at the decoder's start latent;
   * 0 if there is none.
   */
  matrix: usize; // 92
  /**
   * Scratch, f64[d(d + 1)/2 + 5d]: a Cholesky factor, and the gradient changes y of the newest five pairs behind it. With Ritz
   * vectors f32[2][…] and f64[r]: a vector x, a combination of the Ritz vectors, and Vᵀx.
   */
  factor: usize; // 96
  /** Scratch, f64[max(d, m)]: a step s, or a number of each pair in the two-loop recursion. */
  vector: usize; // 100
  /** Scratch, f64[max(d, 6)]: a gradient change y, L⁻¹y with a Cholesky factor L, or the six shifts λτ. */
  otherVector: usize; // 104
  /** Scratch for the choice of the damping λ: f64[5][8], and behind it f64[d(d + 1)/2 + 5d][6]. */
  changes: usize; // 108
  /** τ = tr(A₀)/d, the scale of the damping λτI for the matrix A₀ made at the decoder's start latent. */
  damping: f64; // 112
  /**
   * f32[r][…]: Ritz vectors of A₀, d numbers each, padded with zeros to a multiple of eight; behind them f64[r], their Ritz
   * values Λ. 0 if there are none.
   */
  vectors: usize; // 120
  /** Number r of Ritz vectors, a multiple of four; 0 if A₀ has no low-rank form. */
  rank: i32; // 124
  /** ρ > 0, which stands for the eigenvalues of A₀ orthogonal to the Ritz vectors. */
  rest: f64; // 128
}

/** L-BFGS state of a sample, stored behind its direction p and followed by its arrays. */
@unmanaged
export class LbfgsState {
  /** Number of stored L-BFGS pairs (step s, gradient change y). */
  pairs: i32; // 0
  /** Index of the newest L-BFGS pair in the pairs' ring buffer; -1 until a pair is stored. */
  newest: i32; // 4
  /** Number of loss and gradient evaluations since z0, or since the Gauss-Newton matrix A was last made at the sample's own z. */
  spent: i32; // 8
  /** 1 if A = JᵀWJ was made at the sample's own z; 0 if A is J₀ᵀWJ₀ with the Jacobian at the decoder's start latent. */
  isOwn: i32; // 12
  /**
   * 1 if the sample has a matrix A of its own: made at its z, or from the Jacobian J₀ at the decoder's start latent with its own
   * loss curvature W.
   */
  hasMatrix: i32; // 16
  /** 1 if a trial of this line search gave a finite loss; else 0. */
  foundFinite: i32; // 20
  /** 1 if a trial of this line search gave a loss that is not finite; else 0. */
  foundNonfinite: i32; // 24
  /** Stage of the final check before the sample ends as converged: NO_LOOK, UNDAMPED or ALONG_GRADIENT of lbfgs.ts. */
  look: i32; // 28
  /**
   * Number of consecutive trials of this line search whose ratio rise/(δt·|slope|), with the loss's rise above its value at z,
   * was above PROPORTIONAL times the ratio of the trial before: a symptom of a wrong gradient.
   */
  contrary: i32; // 32
  /** Phase of the line search: BACKTRACKING, LENGTHENING, PROBING, HALVING or RETURNING of lbfgs.ts. */
  phase: i32; // 36
  /** 1 if a probe, a trial step at the end of a solve, was not accepted from the current z. */
  wasProbed: i32; // 40
  /** Pointer to the Cholesky factor L, packed f64, of the preconditioner H, a multiple of LLᵀ; 0 if H is of low rank or a multiple of I. */
  factor: usize; // 44
  /** Factor of (LLᵀ)⁻¹, or of I, that gives the inverse preconditioner H⁻¹ while no L-BFGS pair is stored. */
  inverseScale: f64; // 48
  /** τ = tr(A)/d, the scale of the damping λτI for the sample's matrix A. */
  damping: f64; // 56
  /** Decrease of the loss by the last accepted step. */
  fall: f64; // 64
  /** θ, the smallest decrease of the loss that counts as progress, as computed with the latest direction. */
  threshold: f64; // 72
  /**
   * rise/(δt·|slope|), with the loss's rise above its value at z and slope = gᵀp, of the last trial whose rise is above
   * float32's rounding.
   */
  riseShare: f64; // 80
  /**
   * Length δt of the best trial so far, to which the line search returns if the next trial is no better; 0 if there is none.
   */
  bestDt: f64; // 88
  /** Decrease of the loss by the trial of length `bestDt`. */
  bestFall: f64; // 96
  /**
   * Decrease of the loss that the last direction p predicted, |gᵀp|/2 with the gradient g; steps along -g in the final check
   * before convergence do not set it.
   */
  promise: f64; // 104
  /**
   * Number of stored L-BFGS pairs that the final check before convergence leaves unused. They are used again, counted in
   * `pairs`, if the check's stage along the gradient lowers the loss.
   */
  keptPairs: i32; // 112
  /** Index in DAMPINGS of the damping λ chosen last. */
  lambda: i32; // 116
  /** Shift > 0 in the low-rank form of the preconditioner H, see low-rank.ts; 0 if H has another form. */
  shift: f64; // 120
}

/** Makes inverseScale · I the inverse of the sample's preconditioner. */
export function takeIdentity(state: LbfgsState, inverseScale: f64): void {
  state.factor = 0;
  state.shift = 0;
  state.inverseScale = inverseScale;
}

/** Returns the ring buffer's index of the pair that is `back` pairs older than the newest. */
export function placeBefore(lbfgs: Lbfgs, state: LbfgsState, back: i32): i32 {
  return (state.newest - back + lbfgs.pairs) % lbfgs.pairs;
}

// Memory of a sample: f64[d] p, LbfgsState, f64[d] ∇l, f64[m][d] s, f64[m][d] y, f64[m] sᵀy, f64[d(d + 1)/2] L, f32[d(d + 1)/2]
// A.

/** Returns the sample's L-BFGS state, which lies behind its direction p, f64[d]. */
export function stateOf(lbfgs: Lbfgs, sample: Sample): LbfgsState {
  return changetype<LbfgsState>(sample.memory + ((<usize>lbfgs.latentSize) << 3));
}

/** Returns the pointer to the objective's gradient at the sample's z, f64[d]. */
export function gradientOf(lbfgs: Lbfgs, sample: Sample): usize {
  return sample.memory + ((<usize>lbfgs.latentSize) << 3) + offsetof<LbfgsState>();
}

/** Returns the pointer to the step s of the L-BFGS pair at index `place` of the sample's ring buffer, f64[d]. */
export function stepAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return gradientOf(lbfgs, sample) + ((<usize>(lbfgs.latentSize * (1 + place))) << 3);
}

/** Returns the pointer to the gradient's change y of the L-BFGS pair at index `place` of the sample's ring buffer, f64[d]. */
export function changeAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, lbfgs.pairs + place);
}

/** Returns the pointer to the product sᵀy, one f64, of the L-BFGS pair at index `place` of the sample's ring buffer. */
export function productAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, 2 * lbfgs.pairs) + ((<usize>place) << 3);
}

/** Returns the pointer to the memory for a Cholesky factor of the sample's own, f64[d(d + 1)/2]. */
export function ownFactor(lbfgs: Lbfgs, sample: Sample): usize {
  return productAt(lbfgs, sample, lbfgs.pairs);
}

/**
 * Returns the pointer to the memory for a Gauss-Newton matrix of the sample's own, its packed lower triangle, f32[d(d +
 * 1)/2].
 */
export function ownMatrix(lbfgs: Lbfgs, sample: Sample): usize {
  return ownFactor(lbfgs, sample) + (packedSize(lbfgs.latentSize) << 3);
}

/**
 * Copies the lower triangle of a matrix, f32[d][…] with rows `stride` bytes apart, as the sample's own Gauss-Newton matrix A;
 * returns τ = tr(A)/d.
 */
export function copyMatrix(lbfgs: Lbfgs, sample: Sample, matrix: usize, stride: usize): f64 {
  const d = lbfgs.latentSize;
  const own = ownMatrix(lbfgs, sample);
  let trace: f64 = 0;
  for (let i: i32 = 0; i < d; i++, matrix += stride) {
    memory.copy(own + (packedSize(i) << 2), matrix, (<usize>i + 1) << 2);
    trace += load<f32>(matrix + ((<usize>i) << 2));
  }
  return trace / d;
}

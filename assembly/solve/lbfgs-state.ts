import { packedSize } from "./cholesky";
import { Descent, Sample } from "./descent";

/**
 * Memory of `lbfgs`: options and scratch of a call, and state of each sample. The rule is in lbfgs.ts.
 *
 * H stands for the matrix whose inverse the two loops begin with: A + λτI by its Cholesky factor, one of the five of
 * the decoder's own A, which all samples share, or one of the sample's own A; or I, where there is no factor.
 */
@unmanaged
export class Lbfgs extends Descent {
  /** m, pairs kept of a sample. */
  pairs: i32; // 72
  /**
   * Request for a matrix at z0: SHARED_JACOBIAN_MATRIX for J₀ᵀWJ₀ with W there, OWN_MATRIX if the decoder has fixed inputs,
   * or 0.
   */
  firstMatrix: i32; // 76
  /** Last step after which W in A = J₀ᵀWJ₀ is renewed: it is after 1, 2, 4, … steps up to this number. */
  lastRefresh: i32; // 80
  /** 1 if A is made at the sample's own z after each max(2d, 64) evaluations; else 0. */
  makesOwn: i32; // 84
  /**
   * f64[5][packed d]: Cholesky factors of A₀ + λτI, λ ascending, shared by all samples: A₀ = J₀ᵀWJ₀ with J₀ and W at the
   * decoder's start. 0 without them.
   */
  factors: usize; // 88
  /** f32[packed d]: lower triangle of A₀ = J₀ᵀWJ₀, with J₀ and W at the decoder's start; 0 without it. */
  matrix: usize; // 92
  /**
   * Scratch: f64[packed d + 5d], f64[max(d, m)], f64[max(d, 6)], and for the choice of λ f64[5][8] and f64[packed d +
   * 5d][6].
   */
  factor: usize; // 96
  vector: usize; // 100
  otherVector: usize; // 104
  changes: usize; // 108
  /** τ = tr(A₀)/d, A₀ the matrix made at the decoder's start. */
  damping: f64; // 112
}

/** State of a sample, stored behind its direction p; its arrays follow it. */
@unmanaged
export class LbfgsState {
  /** Number of pairs, and index of the newest in their ring. */
  pairs: i32; // 0
  newest: i32; // 4
  /** Number of evaluations since z0, or since A was last made at the sample's own z. */
  spent: i32; // 8
  /** 1 if A was made at the sample's own z; 0 if it is J₀ᵀWJ₀. */
  isOwn: i32; // 12
  /** 1 if the sample has an A of its own, made at z or with a W of its own. */
  hasMatrix: i32; // 16
  /** 1 if a trial of this search came to a finite loss; and 1 if one came to a loss that is not finite. */
  foundFinite: i32; // 20
  foundNonfinite: i32; // 24
  /** Phase of the look at the end: a constant of lbfgs.ts. */
  look: i32; // 28
  /** Consecutive trials of this search in which the loss rose by as large a share of δt·|slope| as in the one before. */
  contrary: i32; // 32
  /** Phase of the line search: a constant of lbfgs.ts. */
  search: i32; // 36
  /** 1 if a probe from this z showed no fall. */
  wasProbed: i32; // 40
  /** Pointer to L of H = LLᵀ; 0 for H = I. */
  factor: usize; // 44
  /** Factor of H⁻¹ that is used without pairs. */
  inverseScale: f64; // 48
  /** τ = tr(A)/d of the sample's A. */
  damping: f64; // 56
  /** Fall of the loss by the last step; and θ, the least fall that counted, when that step was begun. */
  fall: f64; // 64
  threshold: f64; // 72
  /** rise/(δt·|slope|) of the last trial whose rise is above float32's rounding. */
  riseShare: f64; // 80
  /** Step length to which the search returns if the next one is no better, or 0; and the fall of the loss by it. */
  bestDt: f64; // 88
  bestFall: f64; // 96
  /** Fall that the last direction promised, half of |gᵀp|; steps along -g at the end do not set it. */
  promise: f64; // 104
  /** Number of pairs that the look at the end has set aside. */
  keptPairs: i32; // 112
  /** Index in DAMPINGS of the λ chosen last. */
  lambda: i32; // 116
}

/** Returns the place in the ring of the pair that is `back` older than the newest. */
export function placeBefore(lbfgs: Lbfgs, state: LbfgsState, back: i32): i32 {
  return (state.newest - back + lbfgs.pairs) % lbfgs.pairs;
}

// A sample's memory: f64[d] p, LbfgsState, f64[d] ∇l, f64[m][d] s, f64[m][d] y, f64[m] sᵀy, f64[packed d] L, f32[packed d] A.

export function stateOf(lbfgs: Lbfgs, sample: Sample): LbfgsState {
  return changetype<LbfgsState>(sample.memory + ((<usize>lbfgs.latentSize) << 3));
}

export function gradientOf(lbfgs: Lbfgs, sample: Sample): usize {
  return sample.memory + ((<usize>lbfgs.latentSize) << 3) + offsetof<LbfgsState>();
}

export function stepAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return gradientOf(lbfgs, sample) + ((<usize>(lbfgs.latentSize * (1 + place))) << 3);
}

export function changeAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, lbfgs.pairs + place);
}

export function productAt(lbfgs: Lbfgs, sample: Sample, place: i32): usize {
  return stepAt(lbfgs, sample, 2 * lbfgs.pairs) + ((<usize>place) << 3);
}

export function ownFactor(lbfgs: Lbfgs, sample: Sample): usize {
  return productAt(lbfgs, sample, lbfgs.pairs);
}

export function ownMatrix(lbfgs: Lbfgs, sample: Sample): usize {
  return ownFactor(lbfgs, sample) + (packedSize(lbfgs.latentSize) << 3);
}

/** Copies the lower triangle of a matrix, f32[d][…] with rows `stride` bytes apart, as the sample's A; returns its τ. */
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

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
  /** Matrix made at z0: SHARED_JACOBIAN_MATRIX, with W there; OWN_MATRIX, if the decoder has none; or 0. */
  firstMatrix: i32; // 76
  /** W in A = J₀ᵀWJ₀ is renewed after 1, 2, 4, … steps, up to so many. */
  lastRefresh: i32; // 80
  /** 1: after max(2d, 64) evaluations a sample's A is made at its own z. */
  makesOwn: i32; // 84
  /** f64[5][packed d]: the factors of the decoder's own A + λτI, λ ascending; or 0 where it has none. */
  factors: usize; // 88
  /** f32[packed d]: the decoder's own A; or 0. */
  matrix: usize; // 92
  /**
   * Scratch: f64[packed d + 5d], f64[max(d, m)], f64[max(d, 6)], and what lbfgs-preconditioner.ts chooses λ by, f64[5][8] and
   * f64[packed d + 5d][6]
   */
  factor: usize; // 96
  vector: usize; // 100
  otherVector: usize; // 104
  changes: usize; // 108
  /** τ = tr(A)/d of the decoder's own A */
  damping: f64; // 112
}

/** State of a sample, behind its p; the arrays below follow it. */
@unmanaged
export class LbfgsState {
  /** Number of pairs, and index of the newest in their ring. */
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
  /** Phase of the look at the end: a constant of lbfgs.ts. */
  look: i32; // 28
  /** Consecutive trials of this search in which the loss rose by as large a share of δt·|slope| as in the one before. */
  contrary: i32; // 32
  /** Phase of the line search: a constant of lbfgs.ts. */
  search: i32; // 36
  /** 1: a probe from this z has shown no fall. */
  wasProbed: i32; // 40
  /** L of H = LLᵀ, or 0 for H = I. */
  factor: usize; // 44
  /** Factor of H⁻¹ while there are no pairs. */
  inverseScale: f64; // 48
  /** τ */
  damping: f64; // 56
  /** Fall of the loss by the last step, and the threshold when that step was begun. */
  fall: f64; // 64
  threshold: f64; // 72
  /** rise/(δt·|slope|) of the last trial that rose by more than float32 may be off. */
  riseShare: f64; // 80
  /** Step length to which the search returns if the next one is no better, or 0; and the fall of the loss there. */
  bestDt: f64; // 88
  bestFall: f64; // 96
  /** Fall that the last direction promised, a probe along -g left out. */
  promise: f64; // 104
  /** Pairs set aside by the look. */
  keptPairs: i32; // 112
  /** Index of the λ chosen last. */
  lambda: i32; // 116
}

/** The place in the ring of the pair before the newest by `back`. */
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

/** Takes the lower triangle of a matrix, f32[d][…], rows `stride` bytes apart, as the sample's own A; returns its τ. */
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

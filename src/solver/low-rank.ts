import type { Arena } from "../kernels/arena.ts";
import { NO_SHARED_MATRIX, type SharedMatrix } from "./solver-block.ts";

/**
 * Low-rank form of the Gauss-Newton matrix A₀ at the decoder's start latent: VΛVᵀ + ρ(I - VVᵀ), by the r Ritz vectors V of its
 * largest Ritz values Λ. assembly/solve/low-rank.ts computes with it.
 */
export interface LowRank {
  /** Number r of Ritz vectors, a multiple of four. */
  readonly rank: number;
  /** Ritz vectors, one after the other, each padded with zeros to `paddedSize(d)` numbers. */
  readonly vectors: Float32Array;
  /** Ritz values Λ, [r]. */
  readonly values: Float64Array;
  /** ρ > 0, which stands for all other eigenvalues of A₀. */
  readonly rest: number;
  /** Scale τ = tr(A₀)/d of the damping. */
  readonly damping: number;
}

/** Returns the size in bytes of a low-rank form in WASM memory. */
export function lowRankBytes({ vectors, values }: LowRank): number {
  return vectors.byteLength + values.byteLength;
}

/** Copies a low-rank form into WASM memory at `pointer`, `lowRankBytes` long. */
export function writeLowRank(arena: Arena, pointer: number, lowRank: LowRank): SharedMatrix {
  const { vectors, values, rank, rest, damping } = lowRank;
  arena.f32(pointer, vectors.length).set(vectors);
  arena.f64(pointer + vectors.byteLength, rank).set(values);
  return { ...NO_SHARED_MATRIX, vectors: pointer, rank, rest, damping };
}

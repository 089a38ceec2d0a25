import type { Arena } from "../kernels/arena.ts";
import type { LowRankArrays } from "./objective.ts";
import { NO_SHARED_MATRIX, type SharedMatrixPointers } from "./solver-memory.ts";

/** Returns the size in bytes of a low-rank form in WASM memory. */
export function lowRankBytes({ vectors, values }: LowRankArrays): number {
  return vectors.byteLength + values.byteLength;
}

/** Copies a low-rank form into WASM memory at `pointer`, `lowRankBytes` long. */
export function writeLowRank(arena: Arena, pointer: number, lowRank: LowRankArrays): SharedMatrixPointers {
  const { vectors, values, rank, rest, damping } = lowRank;
  arena.f32(pointer, vectors.length).set(vectors);
  arena.f64(pointer + vectors.byteLength, rank).set(values);
  return { ...NO_SHARED_MATRIX, vectors: pointer, rank, rest, damping };
}

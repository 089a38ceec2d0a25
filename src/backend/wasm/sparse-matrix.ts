import type { LinearMap } from "../../graph/linear-map.ts";
import { SparseMatrix } from "../../kernels/layout.ts";

/** Allocates the SparseMatrix struct of a linear map, and the arrays it points to. */
export function allocateMatrix({ destinations, sources }: LinearMap, piece: (bytes: number) => number) {
  return {
    /** Pointer to the SparseMatrix struct. */
    pointer: piece(SparseMatrix.size),
    destinations: piece(4 * destinations.length),
    starts: piece(4 * (destinations.length + 1)),
    sources: piece(4 * sources.length),
    weights: piece(4 * sources.length),
  };
}

/** Writes a linear map into its SparseMatrix struct, with offsets in bytes. */
export function fillMatrix(
  memory: DataView,
  { pointer, ...pointers }: ReturnType<typeof allocateMatrix>,
  map: LinearMap,
): void {
  const { width, destinations, starts, sources, weights } = map;
  SparseMatrix.fill(memory, pointer, { ...pointers, width, blockCount: destinations.length });
  const integers = (at: number, count: number) => new Int32Array(memory.buffer, at, count);
  const inBytes = (at: number, numbers: Int32Array) => {
    const to = integers(at, numbers.length);
    for (let i = 0; i < numbers.length; i++) to[i] = 4 * numbers[i]!;
  };
  inBytes(pointers.destinations, destinations);
  inBytes(pointers.sources, sources);
  integers(pointers.starts, starts.length).set(starts);
  new Float32Array(memory.buffer, pointers.weights, weights.length).set(weights);
}

import type { LinearMap } from "../../graph/linear-map.ts";
import { SparseMatrix } from "../../kernels/layout.ts";

/** Allocates the SparseMatrix struct of a linear map, and the arrays it points to; `write` fills both, with offsets in bytes. */
export function allocateMatrix(map: LinearMap, piece: (bytes: number) => number) {
  const { width, destinations, starts, sources, weights } = map;
  const pointer = piece(SparseMatrix.size);
  const pointers = {
    destinations: piece(4 * destinations.length),
    starts: piece(4 * (destinations.length + 1)),
    sources: piece(4 * sources.length),
    weights: piece(4 * sources.length),
  };
  return {
    pointer,
    write(memory: DataView): void {
      SparseMatrix.fill(memory, pointer, { ...pointers, width, blockCount: destinations.length });
      const integers = (at: number, count: number) => new Int32Array(memory.buffer, at, count);
      const inBytes = (numbers: Int32Array) => numbers.map((number) => 4 * number);
      integers(pointers.destinations, destinations.length).set(inBytes(destinations));
      integers(pointers.sources, sources.length).set(inBytes(sources));
      integers(pointers.starts, starts.length).set(starts);
      new Float32Array(memory.buffer, pointers.weights, weights.length).set(weights);
    },
  };
}

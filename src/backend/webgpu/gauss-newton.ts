import { gaussNewtonGraph, LATENTS, MATRICES } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { DEFAULT_ROWS, type GpuProblem, paddedRows, shapeKey, shapeOf, writeWeights } from "./rows.ts";

/** How many samples' matrices are computed at once: each has d tangents, which are rows like any others. */
export function matricesAtOnce(largestRows: number, d: number): number {
  return Math.max(1, Math.floor(Math.min(DEFAULT_ROWS, largestRows) / d));
}

/**
 * The Gauss-Newton matrices of samples first + row of a problem, in a graph of their own: it is seldom asked for, and
 * for few samples.
 *
 * @param z [rows.length, d]
 * @returns [rows.length, d, d]
 */
export async function gaussNewtonOnGpu(
  loaded: LoadedDecoder,
  problem: GpuProblem,
  first: number,
  rows: Int32Array,
  z: Float64Array,
): Promise<Float64Array> {
  const d = problem.decoder.latentSize;
  if (rows.length === 0) return new Float64Array(0);
  const shape = shapeOf(problem, paddedRows(rows.length, matricesAtOnce(loaded.largestRows, d)));
  const lease = await loaded.acquire(`gauss-newton ${shapeKey(shape)}`, () => gaussNewtonGraph(shape));
  const { graph } = lease;
  const matrices = new Float64Array(rows.length * d * d);
  try {
    for (let from = 0; from < rows.length; from += shape.rows) {
      const chosen = rows.subarray(from, from + shape.rows);
      graph.write(LATENTS, Float32Array.from(z.subarray(from * d, (from + chosen.length) * d)));
      chosen.forEach((row, i) => void writeWeights(graph, problem, first + row, i));
      const outputs = await graph.run();
      matrices.set(outputs[MATRICES]!.subarray(0, chosen.length * d * d), from * d * d);
    }
    return matrices;
  } finally {
    lease.release();
  }
}

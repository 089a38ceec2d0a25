import { gaussNewtonGraph, LATENTS, MATRICES } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { type GpuProblem, paddedRows, shapeKey, shapeOf, writeWeights } from "./rows.ts";

/** So many samples' matrices are computed at once at most: each has d tangents of its own. */
const MOST_ROWS = 64;

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
  const most = Math.max(1, Math.min(MOST_ROWS, Math.floor(loaded.largestRows / d)));
  const shape = shapeOf(problem, paddedRows(rows.length, most));
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

import { attached } from "../../brand.ts";
import type { Control } from "../../solver/base.ts";
import { decodeGraph, LATENTS, OUTPUTS } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { paddedRows } from "./rows.ts";

/**
 * D(z) of B latents, some rows at a time.
 *
 * @param z B × latentSize
 * @returns B × outputSize; the rows after an abort are left 0
 */
export async function decodeOnGpu(
  loaded: LoadedDecoder,
  z: Float32Array,
  toLogits: boolean,
  rowsAtOnce: number,
  control: Control,
): Promise<Float32Array> {
  const { decoder } = loaded;
  const { latentSize: d, outputSize: n } = decoder;
  const sampleCount = z.length / d;
  const result = new Float32Array(sampleCount * n);
  const rows = paddedRows(rowsAtOnce, loaded.largestRows);
  const lease = await loaded.acquire(`decode ${toLogits} ${rows}`, () =>
    decodeGraph(decoder, rows, toLogits),
  );
  try {
    for (let first = 0; first < sampleCount && !control.aborted(); first += rows) {
      const count = Math.min(rows, sampleCount - first);
      lease.graph.write(LATENTS, attached("z", z).slice(first * d, (first + count) * d));
      const outputs = await lease.graph.run();
      result.set(outputs[OUTPUTS]!.subarray(0, count * n), first * n);
      await control.pause();
    }
  } finally {
    lease.release();
  }
  return result;
}

import type { Owned } from "../../base/owned.ts";
import { attached } from "../../base/realms.ts";
import type { FixedValues } from "../../decoder/fixed.ts";
import type { Control } from "../../solver/base.ts";
import { decodeGraph, LATENTS, OUTPUTS } from "./graphs.ts";
import type { LoadedDecoder } from "./loaded.ts";
import { paddedRows, sampleKey, sampleShape, writeOwn, writeShared } from "./rows.ts";

/**
 * Decodes B = z.length / latentSize latents on the GPU, a block of rows at a time.
 *
 * @param z latents, [B, latentSize]
 * @param fixed values of the decoder's fixed inputs for the B latents
 * @param toLogits true to leave out the output activation
 * @param rowsAtOnce number of rows per block, rounded up to a power of two
 * @returns outputs, [B, outputSize]; rows that an abort leaves out are 0
 */
export async function decodeOnGpu(
  loaded: LoadedDecoder,
  z: Float32Array,
  fixed: FixedValues,
  toLogits: boolean,
  rowsAtOnce: number,
  control: Control,
): Promise<Owned<Float32Array>> {
  const { decoder } = loaded;
  const { latentSize: d, outputSize: n } = decoder;
  const sampleCount = z.length / d;
  const result = new Float32Array(sampleCount * n);
  const rows = paddedRows(rowsAtOnce, loaded.largestRows);
  const shape = sampleShape(decoder, fixed, rows);
  const lease = await loaded.acquire(`decode ${toLogits} ${sampleKey(shape)}`, () =>
    decodeGraph(shape, toLogits),
  );
  try {
    writeShared(lease.graph, shape, fixed);
    for (let first = 0; first < sampleCount && !control.aborted(); first += rows) {
      const count = Math.min(rows, sampleCount - first);
      lease.graph.write(LATENTS, attached("z", z).slice(first * d, (first + count) * d));
      for (let row = 0; row < count; row++) writeOwn(lease.graph, shape, fixed, first + row, row);
      const outputs = await lease.graph.run();
      result.set(outputs[OUTPUTS]!.subarray(0, count * n), first * n);
      await control.pause();
    }
  } finally {
    lease.release();
  }
  return result;
}

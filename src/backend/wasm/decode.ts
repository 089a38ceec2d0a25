import type { Control } from "../../solver/base.ts";
import { allocateBatch } from "./batch.ts";
import type { PackedDecoder } from "./packed.ts";

/**
 * D(z) of B latents, `capacity` rows at a time.
 *
 * @param z B × latentSize
 * @returns B × outputSize; the rows after an abort are left 0
 */
export async function decodeRows(
  packed: PackedDecoder,
  z: Float32Array,
  toLogits: boolean,
  capacity: number,
  control: Control,
): Promise<Float32Array> {
  const { arena, decoder, kernels, plan } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const sampleCount = z.length / d;
  const result = new Float32Array(sampleCount * n);
  const batch = allocateBatch(packed, Math.min(capacity, sampleCount), decoder.loss?.name ?? "squaredError");
  try {
    for (let first = 0; first < sampleCount && !control.aborted(); first += capacity) {
      const count = Math.min(capacity, sampleCount - first);
      for (let row = 0; row < count; row++) {
        const sample = first + row;
        const latent = z.subarray(sample * d, (sample + 1) * d);
        arena.f32(batch.latents.pointer + row * batch.latents.stride, d).set(latent);
        arena.i32(batch.rows, count)[row] = row;
      }
      kernels.decode(plan, batch.batch, count, toLogits ? 1 : 0);
      for (let row = 0; row < count; row++) {
        const output = arena.f32(batch.outputs.pointer + row * batch.outputs.stride, n);
        result.set(output, (first + row) * n);
      }
      await control.pause();
    }
    return result;
  } finally {
    batch.free();
  }
}

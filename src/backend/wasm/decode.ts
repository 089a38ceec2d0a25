import { attached } from "../../brand.ts";
import type { Control } from "../../solver/base.ts";
import type { SampleFeed } from "../feed.ts";
import { allocateBatch } from "./batch.ts";
import type { PackedDecoder } from "./packed.ts";

/** Latents to be decoded, and where what becomes of them goes. */
export interface Decoding {
  /** B × latentSize. */
  readonly z: Float32Array;
  /** B × outputSize; what is not decoded stays. */
  readonly outputs: Float32Array;
  /** Leave out the output activation. */
  readonly toLogits: boolean;
}

/**
 * D(z), `capacity` rows at a time.
 *
 * @param feed the samples that are decoded
 */
export async function decodeRows(
  packed: PackedDecoder,
  { z, outputs, toLogits }: Decoding,
  capacity: number,
  feed: SampleFeed,
  control: Control,
): Promise<void> {
  const { arena, decoder, kernels, plan } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rows = Math.min(capacity, z.length / d);
  const batch = allocateBatch(packed, rows, decoder.loss?.name ?? "squaredError");
  try {
    while (!control.aborted()) {
      const range = feed.take(rows);
      if (!range) return;
      const { first, count } = range;
      for (let row = 0; row < count; row++) {
        const latent = attached("z", z).subarray((first + row) * d, (first + row + 1) * d);
        arena.f32(batch.latents.pointer + row * batch.latents.stride, d).set(latent);
        arena.i32(batch.rows, count)[row] = row;
      }
      kernels.decode(plan, batch.batch, count, toLogits ? 1 : 0);
      for (let row = 0; row < count; row++) {
        const output = arena.f32(batch.outputs.pointer + row * batch.outputs.stride, n);
        outputs.set(output, (first + row) * n);
      }
      await control.pause();
    }
  } finally {
    batch.free();
  }
}

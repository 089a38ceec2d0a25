import { attached } from "../../base/realms.ts";
import type { FixedValues } from "../../decoder/fixed.ts";
import { Blocks } from "../../kernels/arena.ts";
import type { Control } from "../../solver/base.ts";
import type { Feed } from "../feed.ts";
import { allocateFixed } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import type { Run } from "./team.ts";
import { allocateWorkspace } from "./workspace.ts";

/** Latents to decode, B = z.length / latentSize, and the array that receives their outputs. */
export interface Decoding {
  /** Latents z to decode, [B, latentSize]. */
  readonly z: Float32Array;
  /** Values of the decoder's fixed inputs for the B latents. */
  readonly fixed: FixedValues;
  /** Outputs D(z), [B, outputSize], filled in; rows that are not decoded keep their values. */
  readonly outputs: Float32Array;
  /** True to leave out the decoder's output activation. */
  readonly toLogits: boolean;
}

/**
 * Decodes latents into their outputs D(z) with kernels called by `run`, a block of rows at a time, until `feed` has none left or
 * the call is aborted.
 *
 * @param feed source of the indices of the rows to decode
 * @throws LatentflowError `out_of_memory`
 */
export async function decodeRows(
  packed: PackedDecoder,
  { z, fixed, outputs, toLogits }: Decoding,
  control: Control,
  feed: Feed,
  run: Run = packed.run,
): Promise<void> {
  const { arena, decoder, graph } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const rows = Math.min(packed.rows, z.length / d);
  const blocks = new Blocks();
  const workspace = blocks.add(() => allocateWorkspace(packed, rows, decoder.loss?.name ?? "squaredError"));
  const given = blocks.add(() => allocateFixed(packed, rows));
  given.point(workspace);
  try {
    while (!control.aborted()) {
      const range = feed.take(rows);
      if (!range) return;
      const { first, count } = range;
      for (let row = 0; row < count; row++) {
        const latent = attached("z", z).subarray((first + row) * d, (first + row + 1) * d);
        arena.f32(workspace.latents.pointer + row * workspace.latents.stride, d).set(latent);
        arena.i32(workspace.rows, count)[row] = row;
        given.write(row, fixed, first + row);
      }
      await run("decode", graph, workspace.pointer, count, toLogits);
      for (let row = 0; row < count; row++) {
        const output = arena.f32(workspace.outputs.pointer + row * workspace.outputs.stride, n);
        outputs.set(output, (first + row) * n);
      }
      feed.end(count);
      await control.pause();
    }
  } finally {
    blocks.free();
  }
}

import { attached } from "../../base/realms.ts";
import type { FixedValues } from "../../decoder/fixed.ts";
import { Blocks } from "../../kernels/arena.ts";
import type { Control } from "../../solver/base.ts";
import type { Feed, SampleRange } from "../feed.ts";
import { allocateFixed } from "./fixed-rows.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateWorkspace } from "./workspace.ts";

/** Latents to be decoded, and room for their outputs. */
export interface Decoding {
  /** B × latentSize. */
  readonly z: Float32Array;
  /** Values of the decoder's fixed inputs. */
  readonly fixed: FixedValues;
  /** B × outputSize; rows that are not decoded keep their values. */
  readonly outputs: Float32Array;
  /** True to leave out the output activation. */
  readonly toLogits: boolean;
}

/**
 * Decodes latents, D(z), a block of rows at a time.
 *
 * @param feed the samples that are decoded
 * @param onRows called with those whose outputs are there now
 * @throws LatentflowError `out_of_memory`
 */
export async function decodeRows(
  packed: PackedDecoder,
  { z, fixed, outputs, toLogits }: Decoding,
  control: Control,
  feed: Feed,
  onRows: (range: SampleRange) => void = () => {},
): Promise<void> {
  const { arena, decoder, kernels, graph } = packed;
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
      kernels.decode(graph, workspace.pointer, count, toLogits ? 1 : 0);
      for (let row = 0; row < count; row++) {
        const output = arena.f32(workspace.outputs.pointer + row * workspace.outputs.stride, n);
        outputs.set(output, (first + row) * n);
      }
      onRows(range);
      await control.pause();
    }
  } finally {
    blocks.free();
  }
}

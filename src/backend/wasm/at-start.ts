import { Blocks } from "../../kernels/arena.ts";
import type { Loss } from "../../terms/losses.ts";
import { takesLogits } from "../../terms/losses.ts";
import type { PriorComponents } from "../../terms/prior-numbers.ts";
import { allocateGaussNewton, type GaussNewtonUse, type GaussNewtonWork } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocatePrior } from "./prior-block.ts";
import { allocateWorkspace } from "./workspace.ts";

/**
 * Decodes one row at the decoder's `start` latent, z = 0 by default, and calls `use` with the workspace and with memory for
 * Gauss-Newton matrices or rows of a Jacobian. The memory is freed when `use` has settled.
 *
 * @param room purpose for which memory for Gauss-Newton matrices is allocated
 * @throws LatentflowError `out_of_memory`
 */
export async function atStart(
  packed: PackedDecoder,
  { loss, prior }: { readonly loss: Loss["name"]; readonly prior: PriorComponents | undefined },
  room: GaussNewtonUse,
  use: (at: { readonly workspace: number } & GaussNewtonWork) => Promise<void>,
): Promise<void> {
  const { arena, decoder, kernels, graph } = packed;
  const { start, latentSize } = decoder;
  const blocks = new Blocks();
  try {
    const { pointer } = blocks.add(() => allocatePrior(arena, prior));
    const rows = blocks.add(() => allocateWorkspace(packed, 1, loss, { prior: pointer }));
    const work = blocks.add(() => allocateGaussNewton(packed, room));
    arena.f32(rows.latents.pointer, latentSize).set(start ?? new Float32Array(latentSize));
    arena.i32(rows.rows, 1).fill(0);
    arena.i32(rows.weights, 1).fill(0);
    arena.f64(rows.scales, 1).fill(1 / decoder.outputSize);
    arena.f64(rows.priorScales, 1).fill(1 / decoder.outputSize);
    kernels.decode(graph, rows.pointer, 1, takesLogits({ name: loss }));
    await use({ workspace: rows.pointer, ...work });
  } finally {
    blocks.free();
  }
}

import type { Block } from "../../kernels/arena.ts";
import type { Control } from "../../solver/base.ts";
import { dividedSamples } from "../feed.ts";
import { atStart } from "./at-start.ts";
import { type Jacobian, jacobianStride, NO_MATRICES, panelBytes } from "./gauss-newton-memory.ts";
import type { PackedDecoder } from "./packed.ts";
import { onEach, type Run } from "./team.ts";

/**
 * Computes J₀ᵀ, the transposed Jacobian at the decoder's start latent, on several threads: each takes a block of rows at a time, and
 * has memory for one block. A row holds the derivatives of the logits with respect to one latent; its bits depend neither on the
 * threads nor on the other rows of its block.
 *
 * @param runs function that calls kernels, of each thread
 * @returns pointers to the rows and to their copy in panels (packed blocks of 8 latents), in one block of memory; undefined if the
 *   call was aborted
 * @throws LatentflowError `out_of_memory`; `worker_failed`
 */
export async function computeJacobian(
  packed: PackedDecoder,
  runs: readonly Run[],
  control: Control,
): Promise<(Block & { readonly layout: Jacobian }) | undefined> {
  const { arena, decoder, kernels, graph } = packed;
  const { latentSize: d, outputSize: n } = decoder;
  const stride = jacobianStride(packed);
  const block = arena.allocate((piece) => ({
    jacobian: piece(d * stride),
    jacobianPanels: piece(panelBytes(packed)),
  }));
  const { jacobian, jacobianPanels } = block.layout;
  const objective = { loss: "squaredError", prior: undefined } as const;
  const feeds = dividedSamples(d, runs.length);
  let computed = 0;
  try {
    await onEach(runs, control, async (run, { aborted, pause }, thread) => {
      const room = { ...NO_MATRICES, rows: true };
      await atStart(packed, objective, room, async ({ workspace, work, tangentsAtOnce }) => {
        const feed = feeds[thread]!;
        while (!aborted()) {
          const range = feed.take(tangentsAtOnce);
          if (!range) return;
          const { first, count } = range;
          await run("objectiveJacobian", graph, workspace, work, 0, jacobian, first, count);
          computed += count;
          feed.end(count);
          await pause();
        }
      });
    });
    if (computed < d) return undefined;
    kernels.packPanels(jacobian, d, n, stride, 4, jacobianPanels);
    return block;
  } finally {
    if (computed < d) block.free();
  }
}

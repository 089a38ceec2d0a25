import type { Trainer } from "../backend.ts";
import type { Optimizer } from "../optimizer.ts";
import { applyOptimizer } from "./apply-optimizer.ts";
import { differentiableWasmObjective } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";
import { parameterBlock } from "./parameter-block.ts";
import { forgetPreconditioner } from "./preconditioner.ts";
import { AT_ONCE, onEach, shareOf, type Team, teamOfOne } from "./team.ts";

/** Number of floats to a multiple of which the rows of parameters are padded. */
const ALIGNMENT = 8;

/**
 * Makes the trainer that updates a decoder's packed weights in place. Parameters, gradient and optimizer state are blocks of
 * the same layout, allocated once, so that an update is one loop over them.
 *
 * The team divides the samples of a mini-batch, and the parameters of an update; the bits are those of one thread.
 *
 * @param packed packed decoder that nothing else uses: its packed weights change, `decoder.parameters` do not
 * @param count number of parameters to update, the first ones of `decoder.parameters`; the others stay as they are
 */
export function wasmTrainer(
  packed: PackedDecoder,
  optimizer: Optimizer,
  team: Team = teamOfOne(packed.run),
  count = packed.decoder.parameterCount,
): Trainer {
  const { arena, decoder, kernels, graph, compiled } = packed;
  const shape = parameterBlock(decoder);
  /** Size of the beginning of each block that has the parameters to update. */
  const updated = shape.sizeOf(count);
  const blocks = arena.allocate((piece) => ({
    parameters: piece(4 * shape.size),
    gradients: piece(4 * shape.size),
    states: Array.from({ length: optimizer.stateVectors }, () => piece(4 * shape.size)),
  }));
  const { parameters, gradients, states } = blocks.layout;
  shape.write(arena, parameters, decoder.parameters);
  for (const block of [gradients, ...states]) clear(block);
  let updates = 0;

  function clear(block: number): void {
    arena.f32(block, shape.size).fill(0);
  }

  return {
    build: `wasm ${compiled.build} ${compiled.checksum}`,
    objective: (problem, copies) => differentiableWasmObjective(packed, problem, copies, gradients, team),
    async update({ learningRate, largestNorm }) {
      const norm = Math.sqrt(kernels.sumOfSquares(gradients, updated));
      // A gradient that is not finite would make the parameters nonfinite for good.
      if (Number.isFinite(norm)) {
        updates++;
        await team("parameter", updated, async (runs) => {
          await onEach(runs, AT_ONCE, async (run, _, thread) => {
            const { first, end } = shareOf(updated / ALIGNMENT, thread, runs.length);
            const size = ALIGNMENT * (end - first);
            const own = (block: number) => block + 4 * ALIGNMENT * first;
            if (norm > largestNorm) await run("scale", own(gradients), size, largestNorm / norm);
            await applyOptimizer(run, optimizer, {
              parameters: own(parameters),
              gradients: own(gradients),
              states: states.map(own),
              size,
              learningRate,
              updates,
            });
          });
          await onEach(runs, AT_ONCE, async (run, _, thread) => {
            await run("pack", graph, parameters, ALIGNMENT, thread, runs.length);
          });
        });
        forgetPreconditioner(packed);
      }
      clear(gradients);
      return norm;
    },
    parameters: () => shape.read(arena, parameters),
    state: () => ({
      updates,
      parameters: shape.read(arena, parameters),
      vectors: states.map((state) => shape.read(arena, state)),
    }),
    restore(state) {
      updates = state.updates;
      shape.write(arena, parameters, state.parameters);
      for (const [i, vector] of state.vectors.entries()) shape.write(arena, states[i]!, vector);
      kernels.pack(graph, parameters, ALIGNMENT, 0, 1);
      forgetPreconditioner(packed);
    },
    dispose: () => blocks.free(),
  };
}

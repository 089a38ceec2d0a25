import type { Trainer } from "../backend.ts";
import type { Optimizer } from "../optimizer.ts";
import { applyOptimizer } from "./apply-optimizer.ts";
import { differentiableWasmObjective } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";
import { parameterBlock } from "./parameter-block.ts";
import { forgetPreconditioner } from "./preconditioner.ts";

/**
 * Makes the trainer that updates a decoder's packed weights in place. Parameters, gradient and optimizer state are blocks of
 * the same layout, allocated once, so that an update is one loop over them.
 *
 * @param packed packed decoder that nothing else uses: its packed weights change, `decoder.parameters` do not
 */
export function wasmTrainer(packed: PackedDecoder, optimizer: Optimizer): Trainer {
  const { arena, decoder, kernels, graph, compiled } = packed;
  const shape = parameterBlock(decoder);
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

  function pack(): void {
    kernels.pack(graph, parameters, 8, 0, 1);
    forgetPreconditioner(packed);
  }

  return {
    build: `wasm ${compiled.build} ${compiled.checksum}`,
    objective: (problem, copies) => differentiableWasmObjective(packed, problem, copies, gradients),
    update({ learningRate, largestNorm }) {
      const norm = Math.sqrt(kernels.sumOfSquares(gradients, shape.size));
      // A gradient that is not finite would make the parameters nonfinite for good.
      if (Number.isFinite(norm)) {
        if (norm > largestNorm) kernels.scale(gradients, shape.size, largestNorm / norm);
        updates++;
        applyOptimizer(kernels, optimizer, { ...blocks.layout, size: shape.size, learningRate, updates });
        pack();
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
      pack();
    },
    dispose: () => blocks.free(),
  };
}

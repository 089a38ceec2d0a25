import type { Optimizer } from "../../optimizer.ts";
import type { Trainer } from "../backend.ts";
import type { CompiledKernels } from "./instance.ts";
import { differentiableWasmObjective } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";
import { parameterBlock } from "./parameter-block.ts";
import { forgetPreconditioner } from "./preconditioner.ts";

/**
 * Updates a decoder's weights where they are packed. Its own memory, taken once: the parameters, their gradient
 * and the optimizer's state, blocks of one layout, so that an update is one loop over them.
 *
 * @param packed of a decoder that nobody else uses: its description stays, its packed weights change
 */
export function wasmTrainer(
  packed: PackedDecoder,
  optimizer: Optimizer,
  { build, checksum }: CompiledKernels,
): Trainer {
  const { arena, decoder, kernels, graph } = packed;
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

  function applyOptimizer(learningRate: number): void {
    updates++;
    if (optimizer.name === "rmsprop") {
      const { alpha, epsilon } = optimizer;
      const [squares] = states as [number];
      kernels.rmsprop(parameters, gradients, squares, shape.size, learningRate, alpha, 1 - alpha, epsilon);
    } else if (optimizer.name === "adam") {
      const { beta1, beta2, epsilon, weightDecay } = optimizer;
      const [means, squares] = states as [number, number];
      const stepSize = learningRate / (1 - beta1 ** updates);
      const rootCorrection = Math.sqrt(1 - beta2 ** updates);
      const betas = [beta1, 1 - beta1, beta2, 1 - beta2] as const;
      const decay = 1 - learningRate * weightDecay;
      kernels.adam(
        ...([parameters, gradients, means, squares, shape.size, stepSize, rootCorrection] as const),
        ...betas,
        ...([epsilon, decay] as const),
      );
    } else {
      // Without momentum there is no state: the gradient itself is the velocity, 0 · g + g.
      const [velocities = gradients] = states;
      kernels.sgd(parameters, gradients, velocities, shape.size, learningRate, optimizer.momentum);
    }
    pack();
  }

  function pack(): void {
    kernels.pack(graph, parameters, 8);
    forgetPreconditioner(packed);
  }

  return {
    build: `wasm ${build} ${checksum}`,
    objective: (problem, copies) =>
      differentiableWasmObjective(packed, problem, 0, problem.sampleCount, copies, gradients),
    update({ learningRate, largestNorm }) {
      const norm = Math.sqrt(kernels.sumOfSquares(gradients, shape.size));
      // What is not finite would stay in the parameters for good.
      if (Number.isFinite(norm)) {
        if (norm > largestNorm) kernels.scale(gradients, shape.size, largestNorm / norm);
        applyOptimizer(learningRate);
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

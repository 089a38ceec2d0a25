import type { Optimiser } from "../../optimiser.ts";
import type { Trainer } from "../base.ts";
import { bindRows } from "./objective.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocateParameterSums } from "./parameter-gradient.ts";

/**
 * Updates a decoder's weights where they are packed. Its own memory, taken once: the parameters, their gradient
 * and the optimiser's state, blocks of one layout, so that an update is one loop over them.
 *
 * @param packed of a decoder that nobody else uses: its description stays, its packed weights change
 * @param capacity the most samples in a mini-batch
 */
export function wasmTrainer(packed: PackedDecoder, optimiser: Optimiser, capacity: number): Trainer {
  const { arena, decoder, kernels, plan } = packed;
  const sums = allocateParameterSums(packed, capacity);
  const { shape, gradients } = sums;
  const blocks = arena.allocate((piece) => ({
    parameters: piece(4 * shape.size),
    states: Array.from({ length: optimiser.stateVectors }, () => piece(4 * shape.size)),
  }));
  const { parameters, states } = blocks.layout;
  shape.write(arena, parameters, decoder.parameters);
  for (const state of states) arena.f32(state, shape.size).fill(0);
  let updates = 0;

  /** ∂_θ of the sum of the samples' losses, z held fixed; returns their losses. */
  async function accumulate(problem: Parameters<Trainer["update"]>[0], z: Float64Array) {
    const count = problem.sampleCount;
    const { objective, batch } = bindRows(packed, problem, 0, count);
    try {
      const rows = Int32Array.from({ length: count }, (_, row) => row);
      const losses = await objective.value(rows, z);
      await objective.gradient(rows);
      sums.clear();
      kernels.objectiveParameterGradient(plan, batch.batch, sums.sums, count);
      return losses;
    } finally {
      objective.dispose();
    }
  }

  function applyOptimiser(learningRate: number): void {
    updates++;
    if (optimiser.name === "rmsprop") {
      const { alpha, epsilon } = optimiser;
      const [squares] = states as [number];
      kernels.rmsprop(parameters, gradients, squares, shape.size, learningRate, alpha, 1 - alpha, epsilon);
    } else if (optimiser.name === "adam") {
      const { beta1, beta2, epsilon, weightDecay } = optimiser;
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
      kernels.sgd(parameters, gradients, velocities, shape.size, learningRate, optimiser.momentum);
    }
    kernels.pack(plan, parameters, 8);
  }

  return {
    async update(problem, z, { learningRate, gradientClip }) {
      const losses = await accumulate(problem, z);
      const norm = Math.sqrt(kernels.sumOfSquares(gradients, shape.size));
      const largest = (gradientClip ?? Number.POSITIVE_INFINITY) * problem.sampleCount;
      // What is not finite would stay in the parameters for good.
      if (!Number.isFinite(norm)) return { losses, gradientNorm: norm };
      if (norm > largest) kernels.scale(gradients, shape.size, largest / norm);
      applyOptimiser(learningRate);
      return { losses, gradientNorm: norm };
    },
    parameters: () => shape.read(arena, parameters),
    dispose() {
      blocks.free();
      sums.free();
    },
  };
}

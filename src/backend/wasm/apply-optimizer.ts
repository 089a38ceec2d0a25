import { power } from "../../base/elementary-functions.ts";
import type { Kernels } from "../../kernels/instance.ts";
import type { Optimizer } from "../optimizer.ts";

/**
 * One update of parameters by an optimizer: pointers to the memory blocks that the optimizer reads and writes, all of the
 * same layout, the learning rate, and the update's number in the training.
 */
export interface Update {
  /** Pointer to the parameters, which the update changes. */
  readonly parameters: number;
  /** Pointer to the gradients for the parameters. */
  readonly gradients: number;
  /** Pointers to the optimizer's state vectors, one block each. */
  readonly states: readonly number[];
  /** Length of each parameter block, in floats, padding included. */
  readonly size: number;
  /** Learning rate of this update: the optimizer's option `learningRate` times the schedule's factor. */
  readonly learningRate: number;
  /** Number t of updates, this one included: 1 in the first. */
  readonly updates: number;
}

/** Updates parameters in WASM memory by their gradients and an optimizer's rule; src/backend/optimizer.ts has the formulas. */
export function applyOptimizer(kernels: Kernels, optimizer: Optimizer, update: Update): void {
  (UPDATES[optimizer.name] as Apply<Optimizer>)(kernels, optimizer, update);
}

type Apply<O extends Optimizer> = (kernels: Kernels, optimizer: O, update: Update) => void;

const UPDATES: { readonly [Name in Optimizer["name"]]: Apply<Extract<Optimizer, { readonly name: Name }>> } =
  {
    rmsprop(kernels, { alpha, epsilon }, { parameters, gradients, states, size, learningRate }) {
      const [squares] = states as [number];
      kernels.rmsprop(parameters, gradients, squares, size, learningRate, alpha, 1 - alpha, epsilon);
    },
    adam(kernels, { beta1, beta2, epsilon, weightDecay }, update) {
      const { parameters, gradients, states, size, learningRate, updates } = update;
      const [means, squares] = states as [number, number];
      const stepSize = learningRate / (1 - power(beta1, updates));
      const rootCorrection = Math.sqrt(1 - power(beta2, updates));
      const betas = [beta1, 1 - beta1, beta2, 1 - beta2] as const;
      const decay = 1 - learningRate * weightDecay;
      const blocks = [parameters, gradients, means, squares, size] as const;
      kernels.adam(...blocks, stepSize, rootCorrection, ...betas, epsilon, decay);
    },
    sgd(kernels, { momentum }, { parameters, gradients, states, size, learningRate }) {
      // Without momentum there is no state: the gradient itself serves as the velocity, 0 · g + g.
      const [velocities = gradients] = states;
      kernels.sgd(parameters, gradients, velocities, size, learningRate, momentum);
    },
  };

import { power } from "../../base/elementary-functions.ts";
import type { Optimizer } from "../optimizer.ts";
import type { Run } from "./team.ts";

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
export async function applyOptimizer(run: Run, optimizer: Optimizer, update: Update): Promise<void> {
  await (UPDATES[optimizer.name] as Apply<Optimizer>)(run, optimizer, update);
}

type Apply<O extends Optimizer> = (run: Run, optimizer: O, update: Update) => unknown;

const UPDATES: { readonly [Name in Optimizer["name"]]: Apply<Extract<Optimizer, { readonly name: Name }>> } =
  {
    rmsprop(run, { alpha, epsilon }, { parameters, gradients, states, size, learningRate }) {
      const [squares] = states as [number];
      return run("rmsprop", parameters, gradients, squares, size, learningRate, alpha, 1 - alpha, epsilon);
    },
    adam(run, { beta1, beta2, epsilon, weightDecay }, update) {
      const { parameters, gradients, states, size, learningRate, updates } = update;
      const [means, squares] = states as [number, number];
      const stepSize = learningRate / (1 - power(beta1, updates));
      const rootCorrection = Math.sqrt(1 - power(beta2, updates));
      const betas = [beta1, 1 - beta1, beta2, 1 - beta2] as const;
      const decay = 1 - learningRate * weightDecay;
      const blocks = [parameters, gradients, means, squares, size] as const;
      return run("adam", ...blocks, stepSize, rootCorrection, ...betas, epsilon, decay);
    },
    sgd(run, { momentum }, { parameters, gradients, states, size, learningRate }) {
      // Without momentum there is no state: the gradient itself serves as the velocity, 0 · g + g.
      const [velocities = gradients] = states;
      return run("sgd", parameters, gradients, velocities, size, learningRate, momentum);
    },
  };

import type { Optimizer } from "../backend/optimizer.ts";
import { power } from "../base/elementary-functions.ts";

/** Code of one sample, with the state of its optimizer. */
export interface KeptCode {
  /** [d], the code itself. */
  readonly values: Float64Array;
  /** State vectors of the optimizer, [d] each. */
  readonly vectors: readonly Float64Array[];
  /** Number of updates, including the current one. */
  readonly updates: number;
}

/**
 * Updates a code by the gradient of its sample's loss, in float64 by the formulas of backend/optimizer.ts.
 *
 * @param gradient [d]
 * @param rate learning rate times the schedule's factor
 */
export function updateCode(optimizer: Optimizer, code: KeptCode, gradient: Float64Array, rate: number): void {
  const update = UPDATES[optimizer.name] as Update<Optimizer>;
  gradient.forEach((g, i) => {
    code.values[i]! -= rate * update(optimizer, code, g, i);
  });
}

/** Computes the step of number i of a code, at a learning rate of 1, and updates the state vectors. */
type Update<O extends Optimizer> = (optimizer: O, code: KeptCode, g: number, i: number) => number;

/** Updates of all optimizers. */
const UPDATES: { readonly [Name in Optimizer["name"]]: Update<Extract<Optimizer, { readonly name: Name }>> } =
  {
    rmsprop({ alpha, epsilon }, { vectors: [v] }, g, i) {
      v![i] = alpha * v![i]! + (1 - alpha) * g * g;
      return g / (Math.sqrt(v![i]!) + epsilon);
    },
    adam({ beta1, beta2, epsilon, weightDecay }, { values, vectors: [m, v], updates }, g, i) {
      m![i] = beta1 * m![i]! + (1 - beta1) * g;
      v![i] = beta2 * v![i]! + (1 - beta2) * g * g;
      const mean = m![i]! / (1 - power(beta1, updates));
      const square = v![i]! / (1 - power(beta2, updates));
      return weightDecay * values[i]! + mean / (Math.sqrt(square) + epsilon);
    },
    sgd({ momentum }, { vectors: [u] }, g, i) {
      if (!u) return g;
      u[i] = momentum * u[i]! + g;
      return u[i]!;
    },
  };

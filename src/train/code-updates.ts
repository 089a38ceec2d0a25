import type { Optimizer } from "../backend/optimizer.ts";
import { power } from "../base/elementary-functions.ts";

/** Code of one sample, with the state of the optimizer for it. */
export interface KeptCode {
  /** Values of the code, [d]. */
  readonly values: Float64Array;
  /** State vectors of the optimizer for this code, [d] each. */
  readonly vectors: readonly Float64Array[];
  /** Number of updates of this code, including the current one. */
  readonly updates: number;
}

/**
 * Updates a code in place by the gradient of its sample's loss, in float64, with the formulas of backend/optimizer.ts.
 *
 * @param gradient gradient with respect to the code, [d]
 * @param rate learning rate times the schedule's factor
 */
export function updateCode(optimizer: Optimizer, code: KeptCode, gradient: Float64Array, rate: number): void {
  const update = UPDATES[optimizer.name] as Update<Optimizer>;
  gradient.forEach((g, i) => {
    code.values[i]! -= rate * update(optimizer, code, g, i);
  });
}

/** Returns the decrease of element i of a code at a learning rate of 1, given its gradient g; updates the state vectors. */
type Update<O extends Optimizer> = (optimizer: O, code: KeptCode, g: number, i: number) => number;

/** Update rule of each optimizer. */
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

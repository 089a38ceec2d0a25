import type { Adam, Optimizer, Rmsprop, Sgd } from "../backend/optimizer.ts";
import { power } from "../base/elementary-functions.ts";

/** One sample's code and what its optimizer keeps of it, [d] each. */
export interface KeptCode {
  readonly values: Float64Array;
  /** The optimizer's state vectors. */
  readonly vectors: readonly Float64Array[];
  /** How many updates there have been with this one. */
  readonly updates: number;
}

/**
 * Updates a code by the gradient of its sample's loss, as optimizers update parameters; see ../optimizer.ts.
 *
 * @param gradient [d]
 * @param rate the learning rate times the schedule's factor
 */
export function updateCode(optimizer: Optimizer, code: KeptCode, gradient: Float64Array, rate: number): void {
  const update = UPDATES[optimizer.name] as Update<Optimizer>;
  gradient.forEach((g, i) => {
    code.values[i]! -= rate * update(optimizer, code, g, i);
  });
}

/** What number i of a code moves by, at a learning rate of 1. */
type Update<O extends Optimizer> = (optimizer: O, code: KeptCode, g: number, i: number) => number;

const UPDATES: { readonly [Name in Optimizer["name"]]: Update<Extract<Optimizer, { readonly name: Name }>> } =
  {
    rmsprop({ alpha, epsilon }: Rmsprop, { vectors: [v] }, g, i) {
      v![i] = alpha * v![i]! + (1 - alpha) * g * g;
      return g / (Math.sqrt(v![i]!) + epsilon);
    },
    adam({ beta1, beta2, epsilon, weightDecay }: Adam, { values, vectors: [m, v], updates }, g, i) {
      m![i] = beta1 * m![i]! + (1 - beta1) * g;
      v![i] = beta2 * v![i]! + (1 - beta2) * g * g;
      const mean = m![i]! / (1 - power(beta1, updates));
      const square = v![i]! / (1 - power(beta2, updates));
      return weightDecay * values[i]! + mean / (Math.sqrt(square) + epsilon);
    },
    sgd({ momentum }: Sgd, { vectors: [u] }, g, i) {
      if (!u) return g;
      u[i] = momentum * u[i]! + g;
      return u[i]!;
    },
  };

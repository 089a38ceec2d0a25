import type { Complete } from "../base/check.ts";
import { type Field, type FieldsOf, number, plainValue } from "../base/options.ts";
import { checkPlain } from "../base/plain-value.ts";
import type { Bounds } from "../base/show.ts";

// In the formulas θ is a parameter, g its gradient (of the mini-batch), lr the learning rate times the schedule's factor, and t
// the number of updates, 1 in the first. All states start at 0. The definitions are PyTorch's.

/** Optimizer of a training run: a rule that updates parameters by their gradients. An immutable value, applied by backends. */
export type Optimizer = Rmsprop | Adam | Sgd;

/** Bounds of an optimizer's decay rates: below 1, also in float32, since at 1 a state never changes and Adam divides by 0. */
const DECAY: Bounds = { min: 0, max: 1 - 2 ** -24 };

/** Bounds of an optimizer's ε: backends compute in float32, where a smaller ε is 0 and a parameter's update may be 0 / 0. */
const EPSILON: Bounds = { min: 1e-37 };

/** Options of the optimizer `rmsprop`. */
export interface RmspropOptions {
  /** Learning rate, ≥ 0. Default 5e-4. */
  learningRate?: number | undefined;
  /** Decay rate of v, the running mean of the squared gradients, in [0, 1). Default 0.9. */
  alpha?: number | undefined;
  /** Term ε added to the denominator √v, ≥ 1e-37. Default 1e-6. */
  epsilon?: number | undefined;
}

/** Bounds and defaults of the options of `rmsprop`. */
export const RMSPROP_FIELDS = {
  learningRate: number({ min: 0 }, 5e-4),
  alpha: number(DECAY, 0.9),
  epsilon: number(EPSILON, 1e-6),
} satisfies FieldsOf<RmspropOptions>;

/** Optimizer RMSprop with all its options: what `rmsprop()` returns. */
export interface Rmsprop extends Readonly<Complete<RmspropOptions>> {
  readonly name: "rmsprop";
  /** Number of RMSprop's state vectors, each of as many numbers as there are parameters: v alone. */
  readonly stateVectors: 1;
}

/**
 * Makes the optimizer RMSprop, with the settings of the paper (arXiv 2412.00864) as defaults. It updates a parameter θ by its
 * gradient g, lr being the learning rate times the schedule's factor:
 *
 *     v ← alpha · v + (1 - alpha) · g²
 *     θ ← θ - lr · g / (√v + epsilon)
 *
 * It has one state vector, v, which starts at 0.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: rmsprop({ learningRate: 1e-3 }) });
 */
export function rmsprop(options?: RmspropOptions): Rmsprop {
  return Object.freeze<Rmsprop>({ stateVectors: 1, ...plainValue("rmsprop", options, RMSPROP_FIELDS) });
}

/** Options of the optimizer `adam`. */
export interface AdamOptions {
  /** Learning rate, ≥ 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay rate β₁ of m, the running mean of the gradients, in [0, 1). Default 0.9. */
  beta1?: number | undefined;
  /** Decay rate β₂ of v, the running mean of the squared gradients, in [0, 1). Default 0.999. */
  beta2?: number | undefined;
  /** Term ε added to the denominator √v̂, v̂ the bias-corrected v, ≥ 1e-37. Default 1e-8. */
  epsilon?: number | undefined;
  /** Weight decay λ, decoupled from the gradient (AdamW), ≥ 0. Default 0. */
  weightDecay?: number | undefined;
}

/** Bounds and defaults of the options of `adam`. */
export const ADAM_FIELDS = {
  learningRate: number({ min: 0 }, 1e-3),
  beta1: number(DECAY, 0.9),
  beta2: number(DECAY, 0.999),
  epsilon: number(EPSILON, 1e-8),
  weightDecay: number({ min: 0 }, 0),
} satisfies FieldsOf<AdamOptions>;

/** Optimizer Adam with all its options: what `adam()` returns. */
export interface Adam extends Readonly<Complete<AdamOptions>> {
  readonly name: "adam";
  /** Number of Adam's state vectors, each of as many numbers as there are parameters: m and v. */
  readonly stateVectors: 2;
}

/**
 * Makes the optimizer Adam, with decoupled weight decay λ as an option (AdamW). In update number t, from 1 on, it changes a
 * parameter θ by its gradient g, lr being the learning rate times the schedule's factor:
 *
 *     θ ← θ - lr · λ · θ
 *     m ← beta1 · m + (1 - beta1) · g
 *     v ← beta2 · v + (1 - beta2) · g²
 *     θ ← θ - lr · (m / (1 - beta1^t)) / (√(v / (1 - beta2^t)) + epsilon)
 *
 * It has two state vectors, m and v, which start at 0, and the count t.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam({ weightDecay: 0.01 }), schedule: cosine() });
 */
export function adam(options?: AdamOptions): Adam {
  return Object.freeze<Adam>({ stateVectors: 2, ...plainValue("adam", options, ADAM_FIELDS) });
}

/** Options of the optimizer `sgd`. */
export interface SgdOptions {
  /** Learning rate, ≥ 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay rate of the velocity u, in [0, 1). Default 0, plain gradient descent. */
  momentum?: number | undefined;
}

/** Bounds and defaults of the options of `sgd`. */
export const SGD_FIELDS = {
  learningRate: number({ min: 0 }, 1e-3),
  momentum: number(DECAY, 0),
} satisfies FieldsOf<SgdOptions>;

/** Optimizer stochastic gradient descent with all its options: what `sgd()` returns. */
export interface Sgd extends Readonly<Complete<SgdOptions>> {
  readonly name: "sgd";
  /**
   * Number of state vectors, each of as many numbers as there are parameters: 1, the velocity u, if momentum is above 0; else
   * 0.
   */
  readonly stateVectors: 0 | 1;
}

/**
 * Makes the optimizer stochastic gradient descent, with momentum as an option. It updates a parameter θ by its gradient g, lr
 * being the learning rate times the schedule's factor:
 *
 *     u ← momentum · u + g
 *     θ ← θ - lr · u
 *
 * It has one state vector, u, which starts at 0; none without momentum, where u = g.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) });
 */
export function sgd(options?: SgdOptions): Sgd {
  const sgd = plainValue("sgd", options, SGD_FIELDS);
  return Object.freeze<Sgd>({ stateVectors: sgd.momentum > 0 ? 1 : 0, ...sgd });
}

/** Makers of the optimizers by name, each with the bounds and defaults of its options. */
export const OPTIMIZERS: {
  readonly [Name in Optimizer["name"]]: {
    readonly make: (options: never) => Extract<Optimizer, { readonly name: Name }>;
    readonly fields: Readonly<Record<string, Field<unknown>>>;
  };
} = {
  rmsprop: { make: rmsprop, fields: RMSPROP_FIELDS },
  adam: { make: adam, fields: ADAM_FIELDS },
  sgd: { make: sgd, fields: SGD_FIELDS },
};

/**
 * Rebuilds, and so checks, an optimizer, as `rmsprop()`, `adam()` and `sgd()` return, or a changed copy of one.
 *
 * @throws LatentflowError `invalid_argument` if it is of an unknown kind, or an option of it is wrong
 */
export function checkOptimizer(option: string, value: unknown): Optimizer {
  return checkPlain<Optimizer>(option, value, {
    rmsprop: rebuilt(OPTIMIZERS.rmsprop),
    adam: rebuilt(OPTIMIZERS.adam),
    sgd: rebuilt(OPTIMIZERS.sgd),
  });
}

/** Returns a maker that ignores a copy's `stateVectors`, which follow from its options. */
function rebuilt<Kind extends Optimizer>({ make }: { readonly make: (options: never) => Kind }) {
  return ({ stateVectors: _, ...options }: Kind) => make(options as never);
}

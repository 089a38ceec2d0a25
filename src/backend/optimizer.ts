import type { Complete } from "../base/check.ts";
import { completeOptions, type Field, type FieldsOf, type HelpOf, number } from "../base/options.ts";
import { refused } from "../base/refuse.ts";
import { alternatives, type Bounds, callHint, show } from "../base/show.ts";

// In the formulas θ is a parameter, g its gradient (of the mini-batch), lr the learning rate times the
// schedule's factor, and t the number of updates, 1 at the first. All states begin at 0. The definitions are
// PyTorch's.

/** Rule that updates parameters by their gradients: an immutable value, applied by backends. */
export type Optimizer = Rmsprop | Adam | Sgd;

/** Bounds of a decay rate: below 1, also in float32, since at 1 a state never changes and Adam divides by 0. */
const DECAY: Bounds = { min: 0, max: 1 - 2 ** -24 };

/** Bounds of ε: backends compute in float32, where a smaller ε is 0 and the update of a parameter may be 0 / 0. */
const EPSILON: Bounds = { min: 1e-37 };

/** Options of `rmsprop`. */
export interface RmspropOptions {
  /** >= 0. Default 5e-4. */
  learningRate?: number | undefined;
  /** Decay rate of v, the mean of the squared gradients, in [0, 1). Default 0.9. */
  alpha?: number | undefined;
  /** > 0. Default 1e-6. */
  epsilon?: number | undefined;
}

/** Fields of the options of `rmsprop`. */
export const RMSPROP_FIELDS = {
  learningRate: number({ min: 0 }, 5e-4),
  alpha: number(DECAY, 0.9),
  epsilon: number(EPSILON, 1e-6),
} satisfies FieldsOf<RmspropOptions>;

/** RMSprop with all its options. */
export interface Rmsprop extends Readonly<Complete<RmspropOptions>> {
  readonly name: "rmsprop";
  /** State vectors of as many numbers as there are parameters: v. */
  readonly stateVectors: 1;
}

/**
 * RMSprop, with the paper's settings as defaults:
 *
 *     v ← alpha · v + (1 - alpha) · g²
 *     θ ← θ - lr · g / (√v + epsilon)
 *
 * One state vector, v.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: rmsprop({ learningRate: 1e-3 }) });
 */
export function rmsprop(options?: RmspropOptions): Rmsprop {
  const all = completeOptions("rmsprop", options, RMSPROP_FIELDS);
  return Object.freeze<Rmsprop>({ name: "rmsprop", stateVectors: 1, ...all });
}

/** Options of `adam`. */
export interface AdamOptions {
  /** >= 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay rate β₁ of m, the mean of the gradients, in [0, 1). Default 0.9. */
  beta1?: number | undefined;
  /** Decay rate β₂ of v, the mean of the squared gradients, in [0, 1). Default 0.999. */
  beta2?: number | undefined;
  /** > 0. Default 1e-8. */
  epsilon?: number | undefined;
  /** λ, decoupled from the gradient (AdamW), >= 0. Default 0. */
  weightDecay?: number | undefined;
}

/** Fields of the options of `adam`. */
export const ADAM_FIELDS = {
  learningRate: number({ min: 0 }, 1e-3),
  beta1: number(DECAY, 0.9),
  beta2: number(DECAY, 0.999),
  epsilon: number(EPSILON, 1e-8),
  weightDecay: number({ min: 0 }, 0),
} satisfies FieldsOf<AdamOptions>;

/** Adam with all its options. */
export interface Adam extends Readonly<Complete<AdamOptions>> {
  readonly name: "adam";
  /** State vectors of as many numbers as there are parameters: m and v. */
  readonly stateVectors: 2;
}

/**
 * Adam, with decoupled weight decay λ as an option (AdamW):
 *
 *     θ ← θ - lr · λ · θ
 *     m ← beta1 · m + (1 - beta1) · g
 *     v ← beta2 · v + (1 - beta2) · g²
 *     θ ← θ - lr · (m / (1 - beta1^t)) / (√(v / (1 - beta2^t)) + epsilon)
 *
 * Two state vectors, m and v, and the count t.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: adam({ weightDecay: 0.01 }), schedule: cosine() });
 */
export function adam(options?: AdamOptions): Adam {
  const all = completeOptions("adam", options, ADAM_FIELDS);
  return Object.freeze<Adam>({ name: "adam", stateVectors: 2, ...all });
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** >= 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay rate of the velocity, in [0, 1). Default 0, plain gradient descent. */
  momentum?: number | undefined;
}

/** Fields of the options of `sgd`. */
export const SGD_FIELDS = {
  learningRate: number({ min: 0 }, 1e-3),
  momentum: number(DECAY, 0),
} satisfies FieldsOf<SgdOptions>;

/** Stochastic gradient descent with all its options. */
export interface Sgd extends Readonly<Complete<SgdOptions>> {
  readonly name: "sgd";
  /** State vectors of as many numbers as there are parameters: the velocity u, if momentum is above 0; else none. */
  readonly stateVectors: 0 | 1;
}

/**
 * Stochastic gradient descent, with momentum as an option:
 *
 *     u ← momentum · u + g
 *     θ ← θ - lr · u
 *
 * One state vector, u; none without momentum, where u = g.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 * @example
 * await train(decoder, images, { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) });
 */
export function sgd(options?: SgdOptions): Sgd {
  const all = completeOptions("sgd", options, SGD_FIELDS);
  return Object.freeze<Sgd>({ name: "sgd", stateVectors: all.momentum > 0 ? 1 : 0, ...all });
}

/** Help of the program for the options of optimizers. */
export const OPTIMIZER_HELP: HelpOf<RmspropOptions & AdamOptions & SgdOptions> = {
  learningRate: ["rate", "how far a step goes"],
  alpha: ["share", "decay rate of the mean of squared gradients"],
  beta1: ["share", "decay rate of the mean of gradients"],
  beta2: ["share", "decay rate of the mean of squared gradients"],
  epsilon: ["number", "keeps steps finite"],
  weightDecay: ["share", "how much of the weights a step takes away, times the rate"],
  momentum: ["share", "decay rate of the velocity"],
};

/** Makers of the optimizers, each with the fields of its options. */
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

/** Refuses a value that no maker of optimizers has returned; returns it otherwise. */
export function checkOptimizer(where: string, option: string, value: unknown): Optimizer {
  const { name, stateVectors, learningRate } = Object(value) as Partial<Optimizer>;
  const isOptimizer =
    Object.hasOwn(OPTIMIZERS, String(name)) &&
    typeof stateVectors === "number" &&
    typeof learningRate === "number" &&
    learningRate >= 0;
  if (isOptimizer) return value as Optimizer;
  const expected = alternatives(Object.keys(OPTIMIZERS).map((each) => `${each}()`));
  throw refused(where, option, "is", `${show(value)}${callHint(value)}`, expected);
}

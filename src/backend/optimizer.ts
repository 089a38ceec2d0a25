import { type Bounds, type Complete, checkNumber, checkOptions, withDefaults } from "../base/check.ts";

// In the formulas θ is a parameter, g its gradient (of the mini-batch), lr the learning rate times the
// schedule's factor, and t the number of updates, 1 at the first. All states begin at 0. The definitions are
// PyTorch's.

/** Rule that updates parameters by their gradients: an immutable value, applied by backends. */
export type Optimizer = Rmsprop | Adam | Sgd;

/** Options of `rmsprop`. */
export interface RmspropOptions {
  /** >= 0. Default 5e-4. */
  learningRate?: number | undefined;
  /** Decay rate of v, the mean of the squared gradients, in [0, 1). Default 0.9. */
  alpha?: number | undefined;
  /** > 0. Default 1e-6. */
  epsilon?: number | undefined;
}

/** RMSprop with all its options. */
export interface Rmsprop extends Readonly<Complete<RmspropOptions>> {
  readonly name: "rmsprop";
  /** State of the size of the parameters: v. */
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
  const defaults = { learningRate: 5e-4, alpha: 0.9, epsilon: 1e-6 };
  return Object.freeze({ name: "rmsprop", stateVectors: 1, ...fillIn("rmsprop", defaults, options) });
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

/** Adam with all its options. */
export interface Adam extends Readonly<Complete<AdamOptions>> {
  readonly name: "adam";
  /** States of the size of the parameters: m and v. */
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
  const defaults = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  return Object.freeze({ name: "adam", stateVectors: 2, ...fillIn("adam", defaults, options) });
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** >= 0. Default 1e-3. */
  learningRate?: number | undefined;
  /** Decay rate of the velocity, in [0, 1). Default 0, plain gradient descent. */
  momentum?: number | undefined;
}

/** Stochastic gradient descent with all its options. */
export interface Sgd extends Readonly<Complete<SgdOptions>> {
  readonly name: "sgd";
  /** State of the size of the parameters: the velocity u where there is momentum, else none. */
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
  const all = fillIn("sgd", { learningRate: 1e-3, momentum: 0 }, options);
  return Object.freeze({ name: "sgd", stateVectors: all.momentum > 0 ? 1 : 0, ...all });
}

const NAMES: { readonly [Name in Optimizer["name"]]: true } = { rmsprop: true, adam: true, sgd: true };

/** True for values as `rmsprop`, `adam` and `sgd` return them. */
export function isOptimizer(value: unknown): value is Optimizer {
  const { name, stateVectors, learningRate } = Object(value) as Partial<Optimizer>;
  return (
    Object.hasOwn(NAMES, String(name)) &&
    typeof stateVectors === "number" &&
    typeof learningRate === "number" &&
    learningRate >= 0
  );
}

// Backends compute in float32: a smaller epsilon would be 0 there, and 0 / 0 no parameter.
const smallestEpsilon = 1e-37;

/** Bounds of a decay rate, below 1 also in float32: at 1 a state never decays, and Adam divides by 0. */
const share: Bounds = { min: 0, max: 1 - 2 ** -24 };

type OptionOf<O> = O extends Optimizer ? Exclude<keyof O, "name" | "stateVectors"> : never;

/** Bounds of every option of an optimizer. */
const bounds: { readonly [Name in OptionOf<Optimizer>]: Bounds } = {
  learningRate: { min: 0 },
  alpha: share,
  beta1: share,
  beta2: share,
  momentum: share,
  epsilon: { min: smallestEpsilon },
  weightDecay: { min: 0 },
};

/** The defaults, with what the caller gave in their place, once it is checked. */
function fillIn<T extends { readonly [K in keyof T]: number }>(
  where: string,
  defaults: T,
  options: { readonly [Name in keyof T]?: T[Name] | undefined } | undefined,
): T {
  checkOptions(where, options as T | undefined, defaults);
  const all = withDefaults(defaults, options ?? {});
  for (const [name, value] of Object.entries(all)) {
    checkNumber(where, name, value, bounds[name as keyof typeof bounds]);
  }
  return all;
}

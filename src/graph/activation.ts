import type { Bounds } from "../base/show.ts";

/**
 * The function applied to each output of a layer: an immutable value.
 * - `elu`: x for x > 0, else alpha · (exp(x) - 1)
 * - `leakyRelu`: x for x > 0, else slope · x
 * - `relu`: max(x, 0)
 * - `tanh`
 * - `sigmoid`: 1 / (1 + exp(-x))
 * - `silu`: x · sigmoid(x), also called swish
 * - `gelu`: x · Φ(x), Φ the normal distribution, by erf: PyTorch's `GELU()`. `GELU(approximate="tanh")` is another
 *   function, off by up to 5e-4
 * - `softplus`: log(1 + exp(x))
 * - `sine`: sin(frequency · x); meant for phases of up to some thousands, since float32 hardly tells the periods of
 *   millions apart. Always within [-1, 1], NaN where the phase is infinite
 * - `identity`: x
 */
export type Activation =
  | { readonly name: "elu"; readonly alpha: number }
  | { readonly name: "leakyRelu"; readonly slope: number }
  | { readonly name: "sine"; readonly frequency: number }
  | { readonly name: PlainName };

/** Name of an activation without a parameter. */
type PlainName = "relu" | "tanh" | "sigmoid" | "silu" | "gelu" | "softplus" | "identity";

/** The name of an activation. */
export type ActivationName = Activation["name"];

/**
 * Name of an activation, or an object with its name and parameter. Defaults: elu's `alpha` 1 (it must be > 0),
 * leakyRelu's `slope` 0.01 (it must be >= 0), sine's `frequency` 1 (it must be > 0).
 */
export type ActivationLike =
  | ActivationName
  | { readonly name: "elu"; readonly alpha?: number }
  | { readonly name: "leakyRelu"; readonly slope?: number }
  | { readonly name: "sine"; readonly frequency?: number }
  | { readonly name: PlainName };

/** Traits of an activation besides its arithmetic, which each backend has. */
export interface ActivationTraits {
  /** Parameter of the activation, if it has one. */
  readonly parameter?: { readonly name: string; readonly default: number; readonly bounds: Bounds };
}

// Backends compute in float32, where a larger parameter would be infinite.
const largestParameter = 3e38;

/**
 * Traits of all activations. Their order numbers the constants of assembly/ops/activation-functions.ts, where the
 * identity has none.
 */
export const activations: Readonly<Record<ActivationName, ActivationTraits>> = {
  elu: {
    parameter: { name: "alpha", default: 1, bounds: { above: 0, max: largestParameter } },
  },
  leakyRelu: {
    parameter: { name: "slope", default: 0.01, bounds: { min: 0, max: largestParameter } },
  },
  relu: {},
  tanh: {},
  sigmoid: {},
  silu: {},
  gelu: {},
  softplus: {},
  sine: { parameter: { name: "frequency", default: 1, bounds: { above: 0, max: largestParameter } } },
  identity: {},
};

/** Returns an activation's parameters: none, or one. */
export function activationParameters(of: Activation): readonly number[] {
  const { parameter } = activations[of.name];
  return parameter ? [(of as unknown as Record<string, number>)[parameter.name]!] : [];
}

/** Tests for the name of an activation. */
export function isActivationName(name: unknown): name is ActivationName {
  return typeof name === "string" && Object.hasOwn(activations, name);
}

import type { Bounds } from "../base/show.ts";

/**
 * Function that a layer applies to each of its outputs: an immutable value.
 * - `elu`: x for x > 0, else alpha · (exp(x) - 1)
 * - `leakyRelu`: x for x > 0, else slope · x
 * - `relu`: max(x, 0)
 * - `tanh`: tanh(x)
 * - `sigmoid`: 1 / (1 + exp(-x))
 * - `silu`: x · sigmoid(x), also called swish
 * - `gelu`: x · Φ(x), Φ the normal distribution function, by erf: PyTorch's `GELU()`; `GELU(approximate="tanh")` is another
 *   function, which differs by up to 5e-4
 * - `softplus`: log(1 + exp(x))
 * - `sine`: sin(frequency · x), always within [-1, 1], NaN if the phase is infinite; meant for phases of up to some thousands,
 *   since float32 hardly resolves one period in millions
 * - `identity`: x
 */
export type Activation =
  | { readonly name: "elu"; readonly alpha: number }
  | { readonly name: "leakyRelu"; readonly slope: number }
  | { readonly name: "sine"; readonly frequency: number }
  | { readonly name: PlainName };

/** Name of an activation that has no parameter. */
type PlainName = "relu" | "tanh" | "sigmoid" | "silu" | "gelu" | "softplus" | "identity";

/** Name of an activation, such as `"relu"`. */
export type ActivationName = Activation["name"];

/**
 * Name of an activation, or an object with its name and parameter. Defaults: elu's `alpha` 1 (must be > 0), leakyRelu's `slope`
 * 0.01 (must be ≥ 0), sine's `frequency` 1 (must be > 0).
 */
export type ActivationLike =
  | ActivationName
  | { readonly name: "elu"; readonly alpha?: number }
  | { readonly name: "leakyRelu"; readonly slope?: number }
  | { readonly name: "sine"; readonly frequency?: number }
  | { readonly name: PlainName };

/** Traits of an activation other than its arithmetic, which each backend implements. */
export interface ActivationTraits {
  /** Name, default and bounds of the activation's parameter; absent if it has none. */
  readonly parameter?: { readonly name: string; readonly default: number; readonly bounds: Bounds };
  /** Least value; absent if there is none, or if it depends on the parameter. */
  readonly least?: number;
  /** Largest value; absent if there is none. */
  readonly most?: number;
}

// Backends compute in float32, where a larger parameter would be infinite.
const largestParameter = 3e38;

/**
 * Traits of all activations. Their order gives the codes in assembly/ops/activation-functions.ts, except for the identity,
 * which is last and has no code.
 */
export const activations: Readonly<Record<ActivationName, ActivationTraits>> = {
  elu: {
    parameter: { name: "alpha", default: 1, bounds: { above: 0, max: largestParameter } },
  },
  leakyRelu: {
    parameter: { name: "slope", default: 0.01, bounds: { min: 0, max: largestParameter } },
  },
  relu: { least: 0 },
  tanh: { least: -1, most: 1 },
  sigmoid: { least: 0, most: 1 },
  silu: { least: -0.28 },
  gelu: { least: -0.17 },
  softplus: { least: 0 },
  sine: {
    least: -1,
    most: 1,
    parameter: { name: "frequency", default: 1, bounds: { above: 0, max: largestParameter } },
  },
  identity: {},
};

/** Returns an activation's parameters as numbers: none, or one. */
export function activationParameters(of: Activation): readonly number[] {
  const { parameter } = activations[of.name];
  return parameter ? [(of as unknown as Record<string, number>)[parameter.name]!] : [];
}

/** Returns true if a value is the name of an activation. */
export function isActivationName(name: unknown): name is ActivationName {
  return typeof name === "string" && Object.hasOwn(activations, name);
}

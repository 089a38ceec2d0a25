import { type ActivationLike, isActivationName } from "../../graph/activation.ts";
import type { PointwiseFunction } from "../../graph/pointwise.ts";

// The functions of a number that operators of ONNX are made of. While a graph is written all are activations; which of
// them the graph has as other functions of numbers is told at its end.

export type NumberFunction = ActivationLike | PointwiseFunction;

/** True if the graph has the function as an activation. */
export function isActivation(of: NumberFunction): of is ActivationLike {
  return isActivationName(typeof of === "string" ? of : of.name);
}

export const RELU: ActivationLike = "relu";
export const TANH: ActivationLike = "tanh";
export const SIGMOID: ActivationLike = "sigmoid";
export const SILU: ActivationLike = "silu";
export const GELU: ActivationLike = "gelu";
export const SOFTPLUS: ActivationLike = "softplus";
export const EXP: NumberFunction = { name: "exp" };
export const LOG: NumberFunction = { name: "log" };
export const SQRT: NumberFunction = { name: "sqrt" };
/** The root of a sum of squares, whose gradient at 0 is 0. */
export const ROOT_OF_SQUARES: NumberFunction = { name: "rootOfSquares" };
export const RECIPROCAL: NumberFunction = { name: "reciprocal" };
export const ABS: NumberFunction = { name: "abs" };
/** 1 where x > 0, and 1 where x ≥ 0; else 0. */
export const IS_POSITIVE: NumberFunction = { name: "isPositive" };
export const IS_NOT_NEGATIVE: NumberFunction = { name: "isNotNegative" };
export const ERF: NumberFunction = { name: "erf" };
export const MISH: NumberFunction = { name: "mish" };
export const HARD_SWISH: NumberFunction = { name: "hardSwish" };

export const elu = (alpha: number): ActivationLike => ({ name: "elu", alpha });
export const leakyRelu = (slope: number): ActivationLike => ({ name: "leakyRelu", slope });
export const sine = (frequency: number): ActivationLike => ({ name: "sine", frequency });
/** scale · x + shift */
export const linear = (scale: number, shift: number): NumberFunction => ({ name: "linear", scale, shift });
export const power = (exponent: number): NumberFunction => ({ name: "power", exponent });
export const clip = (min: number, max: number): NumberFunction => ({ name: "clip", min, max });
/** slope · x + offset within [0, 1] */
export const hardSigmoid = (slope: number, offset: number): NumberFunction => ({
  name: "hardSigmoid",
  slope,
  offset,
});

/** The scale and shift of `linear`; undefined of any other. */
export function asLinear(
  activation: unknown,
): { readonly scale: number; readonly shift: number } | undefined {
  const { name, scale, shift } = Object(activation) as Record<string, unknown>;
  return name === "linear" ? { scale: scale as number, shift: shift as number } : undefined;
}

/** The frequency of `sine`. */
export function asSine(activation: unknown): number | undefined {
  const { name, frequency } = Object(activation) as Record<string, unknown>;
  return name === "sine" ? (frequency as number) : undefined;
}

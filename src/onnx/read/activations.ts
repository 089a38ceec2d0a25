import { type ActivationLike, isActivationName } from "../../graph/activation.ts";
import type { PointwiseFunction } from "../../graph/pointwise.ts";

// The functions of a number that operators of ONNX are made of. While a graph is written all are activations; which of
// them the graph has as other functions of numbers is told at its end.

/** Function of a number, as an activation or as another function of the graph. */
export type NumberFunction = ActivationLike | PointwiseFunction;

/** True if the graph has the function as an activation. */
export function isActivation(of: NumberFunction): of is ActivationLike {
  return isActivationName(typeof of === "string" ? of : of.name);
}

/** max(x, 0) */
export const RELU: ActivationLike = "relu";
/** tanh x */
export const TANH: ActivationLike = "tanh";
/** 1 / (1 + exp(-x)) */
export const SIGMOID: ActivationLike = "sigmoid";
/** x · sigmoid(x) */
export const SILU: ActivationLike = "silu";
/** x · Φ(x), Φ the normal distribution. */
export const GELU: ActivationLike = "gelu";
/** log(1 + exp x) */
export const SOFTPLUS: ActivationLike = "softplus";
/** exp x */
export const EXP: NumberFunction = { name: "exp" };
/** log x */
export const LOG: NumberFunction = { name: "log" };
/** √x */
export const SQRT: NumberFunction = { name: "sqrt" };
/** The root of a sum of squares, whose gradient at 0 is 0. */
export const ROOT_OF_SQUARES: NumberFunction = { name: "rootOfSquares" };
/** 1 / x */
export const RECIPROCAL: NumberFunction = { name: "reciprocal" };
/** |x| */
export const ABS: NumberFunction = { name: "abs" };
/** 1 where x > 0, and 1 where x ≥ 0; else 0. */
export const IS_POSITIVE: NumberFunction = { name: "isPositive" };
/** 1 where x ≥ 0, else 0. */
export const IS_NOT_NEGATIVE: NumberFunction = { name: "isNotNegative" };
/** The error function. */
export const ERF: NumberFunction = { name: "erf" };
/** x · tanh(softplus(x)) */
export const MISH: NumberFunction = { name: "mish" };
/** x · hardSigmoid(x) with slope 1/6 and offset 1/2. */
export const HARD_SWISH: NumberFunction = { name: "hardSwish" };

/** x for x > 0, else alpha · (exp(x) - 1) */
export const elu = (alpha: number): ActivationLike => ({ name: "elu", alpha });
/** x for x > 0, else slope · x */
export const leakyRelu = (slope: number): ActivationLike => ({ name: "leakyRelu", slope });
/** sin(frequency · x) */
export const sine = (frequency: number): ActivationLike => ({ name: "sine", frequency });
/** scale · x + shift */
export const linear = (scale: number, shift: number): NumberFunction => ({ name: "linear", scale, shift });
/** x to the power of exponent. */
export const power = (exponent: number): NumberFunction => ({ name: "power", exponent });
/** x between min and max. */
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

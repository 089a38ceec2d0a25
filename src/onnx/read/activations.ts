import { type ActivationLike, isActivationName } from "../../graph/activation.ts";
import type { PointwiseLike } from "../../graph/pointwise.ts";

// The functions of a number that operators of ONNX are made of. While a graph is written all are activations; which of
// them the graph has as other functions of numbers is told at its end.

/** Function of one number: an activation of the graph, or another pointwise function. */
export type NumberFunction = ActivationLike | PointwiseLike;

/** True if the function is one of the graph's activations. */
export function isActivation(of: NumberFunction): of is ActivationLike {
  return isActivationName(typeof of === "string" ? of : of.name);
}

/** Returns scale and shift of a `linear` function; undefined for any other. */
export function asLinear(activation: unknown) {
  const { name, scale, shift } = Object(activation) as Record<string, unknown>;
  return name === "linear" ? { scale: scale as number, shift: shift as number } : undefined;
}

/** Returns the frequency of a `sine`; undefined for any other function. */
export function asSine(activation: unknown): number | undefined {
  const { name, frequency } = Object(activation) as Record<string, unknown>;
  return name === "sine" ? (frequency as number) : undefined;
}

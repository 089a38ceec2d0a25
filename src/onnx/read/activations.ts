import { type ActivationLike, isActivationName } from "../../graph/activation.ts";
import type { PointwiseLike } from "../../graph/pointwise.ts";

// Elementwise functions that ONNX operators are translated to. While a graph is imported, all are operations of the kind
// "activation"; at the end of the import the functions that are not activations become operations of the kind "pointwise".

/** Elementwise function: one of the graph's activations, or another pointwise function. */
export type NumberFunction = ActivationLike | PointwiseLike;

/** True if the function becomes an operation `activation` of the graph; false if it becomes a `pointwise`. */
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

import { type ActivationLike, isActivationName } from "../../graph/activation.ts";
import type { PointwiseLike } from "../../graph/pointwise.ts";

// The functions of a number that operators of ONNX are made of. While a graph is written all are activations; which of
// them the graph has as other functions of numbers is told at its end.

/** Function of a number, as an activation or as another function of the graph. */
export type NumberFunction = ActivationLike | PointwiseLike;

/** True if the graph has the function as an activation. */
export function isActivation(of: NumberFunction): of is ActivationLike {
  return isActivationName(typeof of === "string" ? of : of.name);
}

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

import { align } from "../align.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Value } from "../value.ts";
import { BEYOND, besideNumber, bounded, combine, LARGEST, pointwise } from "./arithmetic.ts";

// Elementwise maximum and minimum, and bounds.

/** Makes the translation of Max or Min nodes. */
export const extremumOf =
  (kind: "maximum" | "minimum") =>
  (node: NodeView): Value =>
    node.values().reduce((a, b) => extremum(node, kind, a, b));

/** Writes the elementwise maximum or minimum of two values; as `relu` or `clip` if one is a single number. */
export function extremum(node: Site, kind: "maximum" | "minimum", a: Value, b: Value): Value {
  const isMaximum = kind === "maximum";
  const [left, right] = [a, b].map((value) => finiteBeside(node, value, isMaximum)) as [Value, Value];
  const bound = numberOf(right) ?? numberOf(left);
  if (bound === undefined) return combine(node, kind, left, right);
  const other = besideNumber(align(node, [left, right]), numberOf(right) === undefined ? 1 : 0);
  if (isMaximum && bound === 0) return pointwise(node, other, "relu");
  // Out of range for the bounds of `clip`.
  if (Math.abs(bound) > BEYOND && Math.abs(bound) < LARGEST) return combine(node, kind, left, right);
  if (isMaximum)
    return bound < 0 && -bound >= LARGEST
      ? other
      : pointwise(node, other, { name: "clip", min: bound, max: BEYOND });
  return bound >= LARGEST ? other : pointwise(node, other, { name: "clip", min: -BEYOND, max: bound });
}

/**
 * In a constant operand, replaces the infinity that can never be the result, -∞ in Max (`isMaximum`) and ∞ in Min, by the
 * largest float32 of its sign. Refuses constants with the other infinity or NaN; returns a computed operand unchanged.
 */
function finiteBeside(node: Site, value: Value, isMaximum: boolean): Value {
  if (typeof value.source === "string") return value;
  const never = isMaximum ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const chosen = value.source.find((number) => !Number.isFinite(number) && number !== never);
  if (chosen !== undefined) return node.refuse(`it reads ${chosen} among constants, expected finite numbers`);
  return bounded(value);
}

/** Returns the number of a constant that consists of a single number; undefined for other values. */
function numberOf({ source }: Value): number | undefined {
  return typeof source !== "string" && source.length === 1 ? source[0] : undefined;
}

/** Translates a Clip node with constant bounds. */
export function clip(node: NodeView): Value {
  const lowest = node.scalar(1) ?? -BEYOND;
  const highest = node.scalar(2) ?? BEYOND;
  if (Number.isNaN(lowest) || Number.isNaN(highest)) return node.refuse("a bound is no number");
  if (lowest === 0 && highest >= BEYOND) return pointwise(node, node.value(0), "relu");
  return pointwise(node, node.value(0), {
    name: "clip",
    min: Math.max(lowest, -BEYOND),
    max: Math.min(highest, BEYOND),
  });
}

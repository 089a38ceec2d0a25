import type { NumberFunction } from "../activations.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Value } from "../value.ts";
import { BEYOND, combine, linear, pointwise } from "./arithmetic.ts";
import { extremum } from "./extrema.ts";

// Comparisons and logic of computed values. A truth value is 1 or 0, and its gradient 0. In float32 the sign of a - b is
// exact; where a - b is NaN, since both are infinite or one is NaN, each operator answers as ONNX Runtime does.

const truth = (value: Value): Value => ({ ...value, type: "boolean" });

/** Writes 1 where a condition on a number holds, else 0. */
const holds = (node: Site, value: Value, condition: NumberFunction): Value =>
  truth(pointwise(node, value, condition));

/** Writes a > b; 0 if a or b is NaN, and for two equal infinite numbers. */
const isAbove = (node: Site, a: Value, b: Value): Value =>
  holds(node, combine(node, "sub", a, b), "isPositive");

/** Writes 1 unless a or b is NaN. */
function areNumbers(node: Site, a: Value, b: Value): Value {
  const size = pointwise(node, combine(node, "maximum", a, b), "abs");
  return holds(node, size, "isNotNegative");
}

/** True if a - b is NaN only where a or b is, since no infinite number is subtracted from another. */
function isPlainDifference(a: Value, b: Value): boolean {
  return a.type !== "float" || typeof a.source !== "string" || typeof b.source !== "string";
}

/** Writes a ≥ b. */
function isAtLeast(node: Site, a: Value, b: Value): Value {
  if (isPlainDifference(a, b)) {
    return holds(node, combine(node, "sub", a, b), "isNotNegative");
  }
  return both(node, negated(node, isAbove(node, b, a)), areNumbers(node, a, b));
}

/** Writes a = b. */
function isEqual(node: Site, a: Value, b: Value): Value {
  const distance = pointwise(node, combine(node, "sub", a, b), "abs");
  if (isPlainDifference(a, b)) {
    return holds(node, linear(node, distance, -1, 0), "isNotNegative");
  }
  const isApart = holds(node, distance, "isPositive");
  return both(node, negated(node, isApart), areNumbers(node, a, b));
}

const both = (node: Site, a: Value, b: Value): Value => truth(extremum(node, "minimum", a, b));

const negated = (node: Site, value: Value): Value => truth(linear(node, value, -1, 1));

type Comparison = (node: Site, a: Value, b: Value) => Value;

const ofInputs =
  (compare: Comparison) =>
  (node: NodeView): Value => {
    const [a, b] = [0, 1].map((input) => finite(node, node.value(input))) as [Value, Value];
    return compare(node, a, b);
  };

/** Refuses constants whose difference from a value would be infinite or NaN. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  const wrong = value.source.find((number) => !(Math.abs(number) <= BEYOND));
  return wrong === undefined ? value : node.refuse(`it compares with ${wrong}, expected at most 3e38`);
}

/** Reads Greater. */
export const greater = ofInputs(isAbove);
/** Reads Less. */
export const less = ofInputs((node, a, b) => isAbove(node, b, a));
/** Reads GreaterOrEqual. */
export const greaterOrEqual = ofInputs(isAtLeast);
/** Reads LessOrEqual. */
export const lessOrEqual = ofInputs((node, a, b) => isAtLeast(node, b, a));
/** Reads Equal. */
export const equal = ofInputs(isEqual);
/** Reads And as the smaller truth. */
export const and = ofInputs(both);
/** Reads Or as the larger truth. */
export const or = ofInputs((node, a, b) => truth(extremum(node, "maximum", a, b)));
/** Reads Xor as the absolute difference of the truths, 0 and 1. */
export const xor = ofInputs((node, a, b) => truth(pointwise(node, combine(node, "sub", a, b), "abs")));

/** Reads Not as 1 - x. */
export function not(node: NodeView): Value {
  return negated(node, node.value(0));
}

/** Writes x ≠ 0, which holds for NaN, too. */
export function isNonzero(node: Site, value: Value): Value {
  const size = pointwise(node, value, "abs");
  return negated(node, holds(node, linear(node, size, -1, 0), "isNotNegative"));
}

/** Writes the sign: 1, 0 or -1; its gradient is 0. */
export function sign(node: NodeView): Value {
  const value = node.value(0);
  const [above, below] = [value, linear(node, value, -1, 0)].map((each) =>
    pointwise(node, each, "isPositive"),
  );
  return combine(node, "sub", above!, below!);
}

import type { NumberFunction } from "../activations.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Value } from "../value.ts";
import { BEYOND, combine, linear, pointwise } from "./arithmetic.ts";
import { extremum } from "./extrema.ts";

// Comparisons and logic of computed values. True is 1, false is 0, and the gradient is 0. The sign of a - b is exact in
// float32; if a - b is NaN, because both are infinite or one is NaN, each operator returns what ONNX Runtime does.

const truth = (value: Value): Value => ({ ...value, type: "boolean" });

/** Writes a value that is 1 where a condition on a number holds, else 0. */
const holds = (node: Site, value: Value, condition: NumberFunction): Value =>
  truth(pointwise(node, value, condition));

/** Writes a > b as 1 or 0; 0 if a or b is NaN, and for equal infinities. */
const isAbove = (node: Site, a: Value, b: Value): Value =>
  holds(node, combine(node, "sub", a, b), "isPositive");

/** Writes 1 if neither a nor b is NaN, else 0. */
function areNumbers(node: Site, a: Value, b: Value): Value {
  const size = pointwise(node, combine(node, "maximum", a, b), "abs");
  return holds(node, size, "isNotNegative");
}

/**
 * True if a - b can only be NaN where a or b is: no infinities are subtracted from each other, as one operand is a finite
 * constant or an integer.
 */
function isPlainDifference(a: Value, b: Value): boolean {
  return a.type !== "float" || typeof a.source !== "string" || typeof b.source !== "string";
}

/** Writes a ≥ b as 1 or 0. */
function isAtLeast(node: Site, a: Value, b: Value): Value {
  if (isPlainDifference(a, b)) {
    return holds(node, combine(node, "sub", a, b), "isNotNegative");
  }
  return both(node, negated(node, isAbove(node, b, a)), areNumbers(node, a, b));
}

/** Writes a = b as 1 or 0. */
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

/** Refuses a constant whose difference from a value could overflow or be NaN. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  const wrong = value.source.find((number) => !(Math.abs(number) <= BEYOND));
  return wrong === undefined ? value : node.refuse(`it compares with ${wrong}, expected at most 3e38`);
}

/** Translates a Greater node. */
export const greater = ofInputs(isAbove);
/** Translates a Less node. */
export const less = ofInputs((node, a, b) => isAbove(node, b, a));
/** Translates a GreaterOrEqual node. */
export const greaterOrEqual = ofInputs(isAtLeast);
/** Translates a LessOrEqual node. */
export const lessOrEqual = ofInputs((node, a, b) => isAtLeast(node, b, a));
/** Translates an Equal node. */
export const equal = ofInputs(isEqual);
/** Translates an And node, as a minimum. */
export const and = ofInputs(both);
/** Translates an Or node, as a maximum. */
export const or = ofInputs((node, a, b) => truth(extremum(node, "maximum", a, b)));
/** Translates a Xor node, as |a - b|. */
export const xor = ofInputs((node, a, b) => truth(pointwise(node, combine(node, "sub", a, b), "abs")));

/** Translates a Not node, as 1 - x. */
export function not(node: NodeView): Value {
  return negated(node, node.value(0));
}

/** Writes x ≠ 0 as 1 or 0; 1 for NaN. */
export function isNonzero(node: Site, value: Value): Value {
  const size = pointwise(node, value, "abs");
  return negated(node, holds(node, linear(node, size, -1, 0), "isNotNegative"));
}

/** Translates a Sign node: 1, 0 or -1, with a gradient of 0. */
export function sign(node: NodeView): Value {
  const value = node.value(0);
  const [above, below] = [value, linear(node, value, -1, 0)].map((each) =>
    pointwise(node, each, "isPositive"),
  );
  return combine(node, "sub", above!, below!);
}

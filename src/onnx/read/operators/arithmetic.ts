import type { NumberFunction } from "../activations.ts";
import { type Alignment, align } from "../align.ts";
import { arrange, asStored } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { permuted } from "../tensor.ts";
import { BATCH, makeValue, type Value } from "../value.ts";

// Binary elementwise operators; either operand may be constant.

/** Stands for a missing bound of `clip`; also the maximum magnitude of a pointwise function's parameters. */
export const BEYOND = 3e38;

/**
 * Largest finite float32. The graph only stores finite numbers, so -∞ and ∞ among the constants that an operator chooses from
 * are replaced by -LARGEST and LARGEST.
 */
export const LARGEST = 3.4028234663852886e38;

/** Replaces infinities in a constant by the largest float32 with their sign. */
export function bounded(value: Value): Value {
  if (typeof value.source === "string") return value;
  return { ...value, source: value.source.map((number) => Math.min(Math.max(number, -LARGEST), LARGEST)) };
}

/** Writes an elementwise function, which works on a value in any stored order. */
export function pointwise(node: Site, value: Value, activation: NumberFunction): Value {
  const { source, sourceShape } = value;
  if (typeof source !== "string") {
    const { source, shape } = asStored(node, value);
    return pointwise(node, { ...value, source, sourceShape: shape }, activation);
  }
  return {
    ...value,
    type: "float",
    source: node.writer.write("activation", [source], sourceShape, { settings: { activation } }),
  };
}

/** Writes scale · value + shift, elementwise. */
export function linear(node: Site, value: Value, scale: number, shift: number): Value {
  if (scale === 1 && shift === 0) return value;
  if (![scale, shift].every((number) => Math.abs(number) <= BEYOND)) {
    const wrong = Math.abs(scale) <= BEYOND ? `adds ${shift}` : `multiplies by ${scale}`;
    return node.refuse(`it ${wrong}, expected at most 3e38; export it with a smaller number, -1e9 in a mask`);
  }
  if (typeof value.source !== "string") {
    return { ...value, type: "float", source: value.source.map((number) => scale * number + shift) };
  }
  return pointwise(node, value, { name: "linear", scale, shift });
}

/** Kind of a binary elementwise operation. */
type Kind = "add" | "sub" | "mul" | "maximum" | "minimum";

/** Binary operations that are an affine map of the first operand if the second is constant. */
type AffineKind = "add" | "sub" | "mul";

const isAffine = (kind: Kind): kind is AffineKind => kind !== "maximum" && kind !== "minimum";

/** Writes a binary elementwise operation with broadcasting: a + b, a - b, a · b, max(a, b) or min(a, b). */
export function combine(node: Site, kind: Kind, a: Value, b: Value): Value {
  if (typeof b.source === "string" && typeof a.source !== "string" && kind === "sub") {
    return combine(node, "add", linear(node, b, -1, 0), a);
  }
  if (typeof a.source !== "string" && typeof b.source === "string") return combine(node, kind, b, a);
  const alignment = align(node, [a, b]);
  const constant = isAffine(kind) ? axisNumbersOf(alignment) : undefined;
  return constant
    ? affine(node, kind as AffineKind, alignment, constant)
    : ofOperands(node, kind, alignment, "float");
}

/** Writes an elementwise operation on aligned values. */
export function ofOperands(
  node: Site,
  kind: Kind | "where",
  { values, groups, lengths, axes }: Alignment,
  type: Value["type"],
): Value {
  const shape = lengths.length > 0 ? lengths : [1];
  const inputs = values.map((value, i) => arrange(node, value, trimmed(groups[i]!)).source);
  return makeValue(node.writer.write(kind, inputs, shape), shape, axes, type);
}

/**
 * Drops leading axes along which a value is broadcast. `groups` has an array for each axis: the value's stored axes, or none if
 * the value is broadcast along the axis.
 */
function trimmed(groups: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const first = groups.findIndex((group) => group.length > 0);
  return first < 0 ? [] : groups.slice(first);
}

/**
 * A constant operand that varies along one ONNX axis at most. `numbers` has one number in all, or one for each position of the
 * ONNX axis; `keys` is the number of stored axes of the ONNX axis, which are the last axes of the result.
 */
type AxisNumbers = NonNullable<ReturnType<typeof axisNumbersOf>>;

/** Returns the second operand as numbers along the last axis; undefined if it is not constant, or varies along other axes. */
function axisNumbersOf({ values, groups, lengths, axes }: Alignment) {
  const [, b] = values;
  if (typeof b!.source === "string" || groups[0]!.some((group) => group.length === 0)) return undefined;
  const has = trimmed(groups[1]!);
  const keys = has.map((_, i) => lengths.length - has.length + i);
  // Varying along several axes would take as many parameters as there are pixels.
  const isOneAxis = keys.length === 0 || axes.some((own) => keys.every((key) => own.includes(key)));
  if (!isOneAxis || has.some((group) => group.length === 0)) return undefined;
  const numbers = permuted(b!.source, b!.shape as readonly number[], has.flat());
  return { numbers, keys: keys.length };
}

/**
 * Returns operand `index` of a binary operation whose other operand is a single number, in its own stored order. Adds the
 * batch axis if only the other operand has it.
 */
export function besideNumber({ values, axes }: Alignment, index: number): Value {
  const value = values[index]!;
  const hasBatch = (axis: number) => axes[axis]!.includes(BATCH);
  const own = value.axes.map((factors, i) => (factors.length === 0 && hasBatch(i) ? [BATCH] : factors));
  return { ...value, axes: own };
}

/** Writes the sum, difference or product of the first operand and a constant that varies along the last axis. */
function affine(node: Site, kind: AffineKind, alignment: Alignment, { numbers, keys }: AxisNumbers): Value {
  const { lengths, groups } = alignment;
  const [a] = alignment.values;
  if (numbers.length === 1) {
    const value = besideNumber(alignment, 0);
    const [number] = numbers;
    if (kind === "mul") return linear(node, value, number!, 0);
    return linear(node, value, 1, kind === "add" ? number! : -number!);
  }
  const first = lengths.length - keys;
  const { source, shape } = arrange(node, a!, [
    ...groups[0]!.slice(0, first),
    groups[0]!.slice(first).flat(),
  ]);
  const ones = numbers.map(() => 1);
  const tensors = {
    add: { weight: ones, bias: numbers },
    sub: { weight: ones, bias: numbers.map((number) => -number) },
    mul: { weight: numbers, bias: numbers.map(() => 0) },
  }[kind];
  const made = node.writer.write("affine", [source], shape, tensors);
  return { type: "float", source: made, sourceShape: shape, shape: lengths, axes: alignment.axes };
}

/** Returns 1 / value, elementwise; a constant is computed at once. */
function reciprocal(node: Site, value: Value): Value {
  if (typeof value.source === "string") return pointwise(node, value, "reciprocal");
  return { ...value, source: value.source.map((number) => 1 / number) };
}

/** Makes the translation of Add or Sub nodes. */
export const sumOf =
  (kind: "add" | "sub") =>
  (node: NodeView): Value =>
    maskedSum(node, kind, node.value(0), node.value(1));

/**
 * Writes a + b or a - b for a constant with -∞, such as an attention mask: where it is -∞, the result is the most
 * negative float32, whatever the other operand is.
 */
function maskedSum(node: Site, kind: "add" | "sub", a: Value, b: Value): Value {
  const isSecond = typeof b.source !== "string";
  const constant = isSecond ? b : a;
  if (typeof constant.source === "string" || constant.source.length === 1) return combine(node, kind, a, b);
  const infinite = isSecond && kind === "sub" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (!constant.source.includes(infinite)) return combine(node, kind, a, b);
  const numbers = constant.source.map((number) => (number === infinite ? 0 : number));
  const finite: Value = { ...constant, source: numbers };
  const bounds = constant.source.map((number) => (number === infinite ? -LARGEST : LARGEST));
  const sum = isSecond ? combine(node, kind, a, finite) : combine(node, kind, finite, b);
  return combine(node, "minimum", sum, { ...constant, type: "float", source: bounds });
}

/** Translates a Div node, as a product with the reciprocal. */
export function div(node: NodeView): Value {
  if (node.value(0).type !== "float" && node.value(1).type !== "float") {
    return node.refuse("it divides integers that are computed");
  }
  return combine(node, "mul", node.value(0), reciprocal(node, node.value(1)));
}

/** Translates a Neg node, as -1 · x. */
export function neg(node: NodeView): Value {
  return linear(node, node.value(0), -1, 0);
}

/** Translates a Sum node, as a chain of additions. */
export function sum(node: NodeView): Value {
  return node.values().reduce((total, value) => combine(node, "add", total, value));
}

/** Translates a Pow node with a single constant exponent. */
export function pow(node: NodeView): Value {
  const exponent = node.scalar(1)!;
  // If the exponent has more axes, so has the result.
  const value = besideNumber(align(node, [node.value(0), node.value(1)]), 0);
  if (exponent === 1) return value;
  if (exponent === 2) return combine(node, "mul", value, value);
  if (exponent === 0.5) return pointwise(node, value, "sqrt");
  if (exponent === -1) return pointwise(node, value, "reciprocal");
  return pointwise(node, value, { name: "power", exponent });
}

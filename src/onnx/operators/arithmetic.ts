import { stridesOf } from "../../graph/operations.ts";
import type { NumberFunction } from "../activations.ts";
import * as functions from "../activations.ts";
import { type Alignment, align } from "../align.ts";
import { arrange, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { type Numbers, strided } from "../tensor.ts";
import { BATCH, isConstant, makeValue, type Value } from "../value.ts";

// Number by number: operators of two values, of which either may be known.

/** A function of each number, in whatever order they lie. */
export function pointwise(node: Site, value: Value, activation: NumberFunction): Value {
  const { source, sourceShape } = value;
  if (typeof source !== "string") {
    const { source, shape } = arrange(
      node,
      value,
      storedAxes(value).map((axis) => [axis]),
    );
    return pointwise(node, { ...value, source, sourceShape: shape }, activation);
  }
  return {
    ...value,
    type: "float",
    source: node.writer.write("activation", [source], sourceShape, { settings: { activation } }),
  };
}

/** scale · value + shift */
export function linear(node: Site, value: Value, scale: number, shift: number): Value {
  if (scale === 1 && shift === 0) return value;
  if (!Number.isFinite(scale) || !Number.isFinite(shift)) {
    return node.refuse(`it scales by ${scale} and adds ${shift}, expected finite numbers`);
  }
  if (typeof value.source !== "string") {
    return { ...value, type: "float", source: value.source.map((number) => scale * number + shift) };
  }
  return pointwise(node, value, functions.linear(scale, shift));
}

type Kind = "add" | "sub" | "mul";

/** a + b, a - b or a · b. */
export function combine(node: Site, kind: Kind, a: Value, b: Value): Value {
  if (typeof b.source === "string" && typeof a.source !== "string" && kind === "sub") {
    return combine(node, "add", linear(node, b, -1, 0), a);
  }
  if (typeof a.source !== "string" && typeof b.source === "string") return combine(node, kind, b, a);
  const alignment = align(node, [a, b]);
  const { lengths, axes } = alignment;
  const known = knownOf(alignment);
  if (known) return withKnown(node, kind, alignment, known);
  const shape = lengths.length > 0 ? lengths : [1];
  const inputs = alignment.values.map(
    (value, i) => arrange(node, value, trimmed(alignment.groups[i]!)).source,
  );
  return makeValue(node.writer.write(kind, inputs, shape), shape, axes);
}

/** Axes of length 1 before the others need not be there. */
function trimmed(groups: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const first = groups.findIndex((group) => group.length > 0);
  return first < 0 ? [] : groups.slice(first);
}

/** Numbers that are known: one, or one for each position of the last axis, of which the last `keys` are factors. */
interface Known {
  readonly numbers: Numbers;
  readonly keys: number;
}

/** The second value, where it is known and is such. */
function knownOf({ values, groups, lengths, axes }: Alignment): Known | undefined {
  const [, b] = values;
  if (typeof b!.source === "string" || groups[0]!.some((group) => group.length === 0)) return undefined;
  const has = trimmed(groups[1]!);
  const keys = has.map((_, i) => lengths.length - has.length + i);
  // Of several axes together there would be as many parameters as pixels.
  const isOneAxis = keys.length === 0 || axes.some((own) => keys.every((key) => own.includes(key)));
  if (!isOneAxis || has.some((group) => group.length === 0)) return undefined;
  const strides = stridesOf(b!.shape as readonly number[]);
  const numbers = strided(
    b!.source,
    has.map(([axis]) => b!.shape[axis!] as number),
    has.map(([axis]) => strides[axis!]!),
  );
  return { numbers, keys: keys.length };
}

function withKnown(node: Site, kind: Kind, alignment: Alignment, { numbers, keys }: Known): Value {
  const { lengths, axes, groups } = alignment;
  const [a] = alignment.values;
  if (numbers.length === 1) {
    // It moves none, but may be known of each sample.
    const hasBatch = (axis: number) => axes[axis]!.includes(BATCH);
    const own = a!.axes.map((factors, i) => (factors.length === 0 && hasBatch(i) ? [BATCH] : factors));
    const value = { ...a!, axes: own };
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
  return { type: "float", source: made, sourceShape: shape, shape: lengths, axes };
}

/** 1 / value, known or not. */
function reciprocal(node: Site, value: Value): Value {
  if (typeof value.source === "string") return pointwise(node, value, functions.RECIPROCAL);
  return { ...value, source: value.source.map((number) => 1 / number) };
}

/** weight · x + bias, each with a number for each position of an axis. */
export function scaleAndShift(node: Site, value: Value, axis: number, weight: Numbers, bias: Numbers): Value {
  const factors = value.axes[axis]!;
  const others = storedAxes(value).filter((each) => !factors.includes(each));
  const groups = [...others.map((each) => [each]), factors];
  const { source, shape } = arrange(node, value, groups);
  const place = (factor: number) => others.indexOf(factor);
  return makeValue(
    node.writer.write("affine", [source], shape, { weight, bias }),
    shape,
    value.axes.map((each, i) => (i === axis ? [others.length] : each.map((f) => (f < 0 ? f : place(f))))),
  );
}

export function add(node: NodeView): Value {
  return combine(node, "add", node.value(0), node.value(1));
}

export function sub(node: NodeView): Value {
  return combine(node, "sub", node.value(0), node.value(1));
}

export function mul(node: NodeView): Value {
  return combine(node, "mul", node.value(0), node.value(1));
}

export function div(node: NodeView): Value {
  if (node.value(0).type !== "float" && node.value(1).type !== "float") {
    return node.refuse("it divides integers that are computed");
  }
  return combine(node, "mul", node.value(0), reciprocal(node, node.value(1)));
}

export function neg(node: NodeView): Value {
  return linear(node, node.value(0), -1, 0);
}

export function sum(node: NodeView): Value {
  return node.values().reduce((total, value) => combine(node, "add", total, value));
}

export function pow(node: NodeView): Value {
  const exponent = node.scalar(1)!;
  const value = node.value(0);
  if (exponent === 1) return value;
  if (exponent === 2) return combine(node, "mul", value, value);
  if (exponent === 0.5) return pointwise(node, value, functions.SQRT);
  if (exponent === -1) return pointwise(node, value, functions.RECIPROCAL);
  return pointwise(node, value, functions.power(exponent));
}

/** Bounds of `clip` where there are none: beyond all float32. */
const BEYOND = 3e38;

const bounded = (number: number) => Math.min(Math.max(number, -BEYOND), BEYOND);

/** The larger of a and b is b + relu(a - b). */
export function max(node: NodeView): Value {
  return node.values().reduce((a, b) => {
    const known = numberOf(b) ?? numberOf(a);
    const other = numberOf(b) === undefined ? b : a;
    if (known === 0) return pointwise(node, other, functions.RELU);
    if (known !== undefined) return pointwise(node, other, functions.clip(bounded(known), BEYOND));
    return combine(node, "add", pointwise(node, combine(node, "sub", a, b), functions.RELU), b);
  });
}

/** The smaller of a and b is a - relu(a - b). */
export function min(node: NodeView): Value {
  return node.values().reduce((a, b) => {
    const known = numberOf(b) ?? numberOf(a);
    const other = numberOf(b) === undefined ? b : a;
    if (known !== undefined) return pointwise(node, other, functions.clip(-BEYOND, bounded(known)));
    return combine(node, "sub", a, pointwise(node, combine(node, "sub", a, b), functions.RELU));
  });
}

/** The number of a value that is known and holds one. */
function numberOf({ source }: Value): number | undefined {
  return typeof source !== "string" && source.length === 1 ? source[0] : undefined;
}

export function clip(node: NodeView): Value {
  const lowest = node.scalar(1) ?? -BEYOND;
  const highest = node.scalar(2) ?? BEYOND;
  if (Number.isNaN(lowest) || Number.isNaN(highest)) return node.refuse("a bound is no number");
  if (lowest === 0 && highest >= BEYOND) return pointwise(node, node.value(0), functions.RELU);
  return pointwise(node, node.value(0), functions.clip(bounded(lowest), bounded(highest)));
}

/** Of a mask that is known: mask · a + (1 - mask) · b. */
export function where(node: NodeView): Value {
  const condition = node.operand(0);
  if (!isConstant(condition)) return node.refuse("its condition is computed, expected a constant");
  const mask = node.value(0);
  const numbers = mask.source;
  if (typeof numbers === "string") return node.refuse("its condition depends on the points");
  const part = (i: number, of: (isTrue: boolean) => number) =>
    combine(node, "mul", finite(node, node.value(i)), {
      ...mask,
      type: "float",
      source: numbers.map((number) => of(number !== 0)),
    });
  return combine(
    node,
    "add",
    part(1, (isTrue) => (isTrue ? 1 : 0)),
    part(2, (isTrue) => (isTrue ? 0 : 1)),
  );
}

/** Masks of attention add -∞; what is far below all else does the same, and is a number when it is multiplied by 0. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  if (value.source.some(Number.isNaN)) return node.refuse("it chooses among numbers of which one is NaN");
  return { ...value, source: value.source.map((number) => Math.min(Math.max(number, -1e9), 1e9)) };
}

import { stridesOf } from "../../../graph/operations.ts";
import type { NumberFunction } from "../activations.ts";
import * as functions from "../activations.ts";
import { type Alignment, align } from "../align.ts";
import { arrange, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { type Numbers, strided } from "../tensor.ts";
import { BATCH, dimensionAt, makeValue, type Value } from "../value.ts";
import { triangle } from "./rearranging.ts";

// Number by number: operators of two values, of which either may be known.

/** The largest parameter of a function of numbers, and the bound of `clip` where there is none. */
export const BEYOND = 3e38;

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
  if (![scale, shift].every((number) => Math.abs(number) <= BEYOND)) {
    const wrong = Math.abs(scale) <= BEYOND ? `adds ${shift}` : `multiplies by ${scale}`;
    return node.refuse(`it ${wrong}, expected at most 3e38; export it with a smaller number, -1e9 in a mask`);
  }
  if (typeof value.source !== "string") {
    return { ...value, type: "float", source: value.source.map((number) => scale * number + shift) };
  }
  return pointwise(node, value, functions.linear(scale, shift));
}

/** Kinds of operation of two values. */
type Kind = "add" | "sub" | "mul" | "maximum" | "minimum";

/** The kinds that are an affine map of the first value where the second is known. */
type AffineKind = "add" | "sub" | "mul";

const isAffine = (kind: Kind): kind is AffineKind => kind !== "maximum" && kind !== "minimum";

/** a + b, a - b, a · b, the larger or the smaller one. */
export function combine(node: Site, kind: Kind, a: Value, b: Value): Value {
  if (typeof b.source === "string" && typeof a.source !== "string" && kind === "sub") {
    return combine(node, "add", linear(node, b, -1, 0), a);
  }
  if (typeof a.source !== "string" && typeof b.source === "string") return combine(node, kind, b, a);
  const alignment = align(node, [a, b]);
  const { lengths, axes } = alignment;
  const known = isAffine(kind) ? knownOf(alignment) : undefined;
  if (known) return withKnown(node, kind as AffineKind, alignment, known);
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

/** The value `index` with the axes that it has beside one number, which moves none but may be known of each sample. */
export function besideNumber({ values, axes }: Alignment, index: number): Value {
  const value = values[index]!;
  const hasBatch = (axis: number) => axes[axis]!.includes(BATCH);
  const own = value.axes.map((factors, i) => (factors.length === 0 && hasBatch(i) ? [BATCH] : factors));
  return { ...value, axes: own };
}

function withKnown(node: Site, kind: AffineKind, alignment: Alignment, { numbers, keys }: Known): Value {
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
  return maskedSum(node, "add", node.value(0), node.value(1));
}

export function sub(node: NodeView): Value {
  return maskedSum(node, "sub", node.value(0), node.value(1));
}

/** a + b or a - b. Where a constant makes it -∞, as a mask of attention does, it is the least float32, whatever is added. */
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
  // An exponent with more axes gives them to the result.
  const value = besideNumber(align(node, [node.value(0), node.value(1)]), 0);
  if (exponent === 1) return value;
  if (exponent === 2) return combine(node, "mul", value, value);
  if (exponent === 0.5) return pointwise(node, value, functions.SQRT);
  if (exponent === -1) return pointwise(node, value, functions.RECIPROCAL);
  return pointwise(node, value, functions.power(exponent));
}

/** The largest float32. Graphs hold finite numbers only: where a file has ±∞ among constants to choose from, it is ±this. */
export const LARGEST = 3.4028234663852886e38;

export function max(node: NodeView): Value {
  return node.values().reduce((a, b) => extremum(node, "maximum", a, b));
}

export function min(node: NodeView): Value {
  return node.values().reduce((a, b) => extremum(node, "minimum", a, b));
}

/** The larger or the smaller of two values, by `relu` or `clip` where one of them is one number. */
export function extremum(node: Site, kind: "maximum" | "minimum", a: Value, b: Value): Value {
  const isMaximum = kind === "maximum";
  const [left, right] = [a, b].map((value) => finiteBeside(node, value, isMaximum)) as [Value, Value];
  const known = numberOf(right) ?? numberOf(left);
  if (known === undefined) return combine(node, kind, left, right);
  const other = besideNumber(align(node, [left, right]), numberOf(right) === undefined ? 1 : 0);
  if (isMaximum && known === 0) return pointwise(node, other, functions.RELU);
  // Beyond what `clip` takes.
  if (Math.abs(known) > BEYOND && Math.abs(known) < LARGEST) return combine(node, kind, left, right);
  if (isMaximum)
    return known < 0 && -known >= LARGEST ? other : pointwise(node, other, functions.clip(known, BEYOND));
  return known >= LARGEST ? other : pointwise(node, other, functions.clip(-BEYOND, known));
}

/** Constants with finite numbers in place of those infinite ones that are never chosen. */
function finiteBeside(node: Site, value: Value, isMaximum: boolean): Value {
  if (typeof value.source === "string") return value;
  const never = isMaximum ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const chosen = value.source.find((number) => !Number.isFinite(number) && number !== never);
  if (chosen !== undefined) return node.refuse(`it reads ${chosen} among constants, expected finite numbers`);
  return bounded(value);
}

/** Known numbers without infinite ones. */
function bounded(value: Value): Value {
  if (typeof value.source === "string") return value;
  return { ...value, source: value.source.map((number) => Math.min(Math.max(number, -LARGEST), LARGEST)) };
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
  return pointwise(node, node.value(0), functions.clip(Math.max(lowest, -BEYOND), Math.min(highest, BEYOND)));
}

/** A choice by a known mask is made of at most so many slices. */
const MOST_RUNS = 256;

/** Chooses by a condition that is computed: a where it is above 0, else b. */
function chooseComputed(node: Site, condition: Value, a: Value, b: Value): Value {
  const { values, groups, lengths, axes } = align(node, [condition, a, b]);
  const shape = lengths.length > 0 ? lengths : [1];
  const inputs = values.map((value, i) => arrange(node, value, trimmed(groups[i]!)).source);
  return makeValue(
    node.writer.write("where", inputs, shape),
    shape,
    axes,
    a.type === b.type ? a.type : "float",
  );
}

/** Chooses by a mask: by a known one slices of both values beside each other, so that neither reaches the other's places. */
export function where(node: NodeView): Value {
  const mask = node.value(0);
  return choose(node, mask, node.value(1), node.value(2));
}

/** The last two axes without what is below their diagonal, or above it: 0 is chosen there. */
export function trilu(node: NodeView): Value {
  const value = node.value(0);
  const lengths = [-2, -1].map((axis) => {
    const { count, hasBatch, hasPoints } = dimensionAt(value, node.axis(axis, value.axes.length));
    if (hasBatch || hasPoints) return node.refuse("it takes a triangle of the batch, or of the points");
    return count;
  });
  const isKept = triangle(node, node.scalar(1));
  const mask = new Float32Array(lengths[0]! * lengths[1]!).map((_, i) =>
    isKept(Math.floor(i / lengths[1]!), i % lengths[1]!) ? 1 : 0,
  );
  const zero = makeValue(Float32Array.of(0), [1], [[0]]);
  return choose(node, makeValue(mask, lengths, [[0], [1]], "boolean"), value, zero);
}

/** Chooses between two values by a mask. */
function choose(node: Site, mask: Value, whole: Value, other: Value): Value {
  const [a, b] = [finite(node, whole), finite(node, other)];
  const numbers = mask.source;
  if (typeof numbers === "string") return chooseComputed(node, mask, a, b);
  const alignment = align(node, [a, b, mask]);
  const { lengths, groups } = alignment;
  const keys = lengths.flatMap((_, i) => (groups[2]![i]!.length > 0 ? [i] : []));
  const stored = keys.map((key) => groups[2]![key]![0]!);
  const aligned = alignment.values[2]!;
  const strides = stridesOf(aligned.shape as readonly number[]);
  const choices = strided(
    aligned.source as Numbers,
    stored.map((axis) => aligned.shape[axis] as number),
    stored.map((axis) => strides[axis]!),
  );
  const starts = [...choices.keys()].filter((i) => i === 0 || (choices[i] === 0) !== (choices[i - 1] === 0));
  if (starts.length > MOST_RUNS) return byBounds(node, mask, a, b);
  // The axes of the mask become the last one.
  const rest = lengths.flatMap((_, i) => (keys.includes(i) ? [] : [i]));
  const order = [...rest, ...keys];
  const sides = [0, 1].map((side) => {
    const shape = lengths.length > 0 ? lengths : [1];
    const { source, shape: own } = arrange(node, alignment.values[side]!, groups[side]!);
    const isWhole = String(own) === String(shape);
    const whole = isWhole ? source : node.writer.write("expand", [source], shape, { settings: { shape } });
    const identity = makeValue(
      whole,
      shape,
      shape.map((_, axis) => [axis]),
    );
    return () => arrange(node, identity, [...rest.map((axis) => [axis]), keys]);
  });
  const before = rest.map((axis) => lengths[axis]!);
  const axis = before.length;
  const slices = starts.map((start, i) => {
    const end = starts[i + 1] ?? choices.length;
    const { source, shape } = sides[choices[start] === 0 ? 1 : 0]!();
    if (end - start === choices.length) return source;
    const settings = { axis, start, end };
    return node.writer.write("slice", [source], [...shape.slice(0, -1), end - start], { settings });
  });
  const sourceShape = [...before, choices.length];
  const source =
    slices.length === 1
      ? slices[0]!
      : node.writer.write("concat", slices, sourceShape, { settings: { axis } });
  const place = (factor: number) => (factor === BATCH ? BATCH : order.indexOf(factor));
  return {
    ...{ type: "float", source, sourceShape },
    shape: order.map((each) => lengths[each]!),
    axes: alignment.axes.map((factors) => factors.map(place)),
  };
}

/** Chooses by bounds that are the largest numbers where a value is not chosen: exact for all finite numbers. */
function byBounds(node: Site, mask: Value, a: Value, b: Value): Value {
  const bounds = (ofTrue: number): Value => ({
    ...mask,
    type: "float",
    source: (mask.source as Numbers).map((number) => (number === 0 ? -ofTrue : ofTrue)),
  });
  const [left, right] = [
    combine(node, "minimum", a, bounds(LARGEST)),
    combine(node, "minimum", b, bounds(-LARGEST)),
  ];
  return combine(node, "maximum", left, right);
}

/** Refuses NaN among constants; ±∞, which masks of attention have, become the largest numbers. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  if (value.source.some(Number.isNaN)) return node.refuse("it chooses among numbers of which one is NaN");
  return bounded(value);
}

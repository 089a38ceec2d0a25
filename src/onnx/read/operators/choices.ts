import { align } from "../align.ts";
import { arrange, fixedLength } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { type Numbers, permuted } from "../tensor.ts";
import { makeValue, plainValue, reordered, type Value } from "../value.ts";
import { bounded, combine, LARGEST, ofOperands } from "./arithmetic.ts";

// Elementwise choices between two values by a mask, which is constant or computed.

/** Maximum number of slices written for a choice by a constant mask. */
const MOST_RUNS = 256;

/** Translates a Where node. A constant mask becomes slices of both values, so that numbers not chosen have no influence. */
export function where(node: NodeView): Value {
  return choose(node, node.value(0), node.value(1), node.value(2));
}

/** Writes an elementwise choice by a mask: `whole` where it is not 0, else `other`. */
export function choose(node: Site, mask: Value, whole: Value, other: Value): Value {
  const [a, b] = [finite(node, whole), finite(node, other)];
  const numbers = mask.source;
  if (typeof numbers === "string") {
    return ofOperands(node, "where", align(node, [mask, a, b]), a.type === b.type ? a.type : "float");
  }
  const alignment = align(node, [a, b, mask]);
  const { lengths, groups } = alignment;
  const keys = lengths.flatMap((_, i) => (groups[2]![i]!.length > 0 ? [i] : []));
  const stored = keys.map((key) => groups[2]![key]![0]!);
  const aligned = alignment.values[2]!;
  const choices = permuted(aligned.source as Numbers, aligned.shape as readonly number[], stored);
  const starts = [...choices.keys()].filter((i) => i === 0 || (choices[i] === 0) !== (choices[i - 1] === 0));
  if (starts.length > MOST_RUNS) return byBounds(node, mask, a, b);
  // The axes along which the mask varies are merged into the last axis.
  const rest = lengths.flatMap((_, i) => (keys.includes(i) ? [] : [i]));
  const order = [...rest, ...keys];
  const sides = [0, 1].map((side) => {
    const shape = lengths.length > 0 ? lengths : [1];
    const { source, shape: own } = arrange(node, alignment.values[side]!, groups[side]!);
    const isWhole = String(own) === String(shape);
    const whole = isWhole ? source : node.writer.write("expand", [source], shape, { settings: { shape } });
    const identity = plainValue(whole, shape);
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
  return reordered({ shape: lengths, axes: alignment.axes }, source, sourceShape, order);
}

/**
 * Writes a choice as max(min(a, bound), min(b, -bound)), where bound is the largest float32 where a is chosen and its
 * negative where b is. Exact for all finite numbers.
 */
function byBounds(node: Site, mask: Value, a: Value, b: Value): Value {
  const bounds = (ofTrue: number): Value => ({
    ...mask,
    type: "float",
    source: (mask.source as Numbers).map((number) => (number === 0 ? -ofTrue : ofTrue)),
  });
  const left = combine(node, "minimum", a, bounds(LARGEST));
  const right = combine(node, "minimum", b, bounds(-LARGEST));
  return combine(node, "maximum", left, right);
}

/** Replaces ±∞ in a constant, as in attention masks, by the largest float32; refuses NaN. */
function finite(node: Site, value: Value): Value {
  if (typeof value.source === "string") return value;
  if (value.source.some(Number.isNaN)) return node.refuse("it chooses among numbers of which one is NaN");
  return bounded(value);
}

/**
 * Returns a test for the positions that a Trilu node keeps: those on and above (or below) a diagonal.
 *
 * @param diagonal offset of the diagonal, counted upwards from the main one
 */
export function triangle(node: NodeView, diagonal = 0): (row: number, column: number) => boolean {
  const isUpper = node.integer("upper", 1) !== 0;
  return (row, column) => (isUpper ? column - row >= diagonal : column - row <= diagonal);
}

/** Translates a Trilu node, which sets the last two axes to 0 below, or above, a diagonal. */
export function trilu(node: NodeView): Value {
  const value = node.value(0);
  const refusal = "it takes a triangle of the batch, or of the points";
  const lengths = [-2, -1].map((axis) =>
    fixedLength(node, value, node.axis(axis, value.axes.length), refusal),
  );
  const isKept = triangle(node, node.scalar(1));
  const mask = new Float32Array(lengths[0]! * lengths[1]!).map((_, i) =>
    isKept(Math.floor(i / lengths[1]!), i % lengths[1]!) ? 1 : 0,
  );
  const zero = makeValue(Float32Array.of(0), [1], [[0]]);
  return choose(node, makeValue(mask, lengths, [[0], [1]], "boolean"), value, zero);
}

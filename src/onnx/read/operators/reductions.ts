import { asStored, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { BATCH, dimensionAt, keepAxes, reordered, type Value } from "../value.ts";
import { BEYOND, combine, pointwise } from "./arithmetic.ts";
import { extremum } from "./extrema.ts";
import { positions } from "./rearranging.ts";

// Translates reductions over axes: sums, means, norms, extrema.

/** Reductions that change numbers even if they reduce no axes. */
const NOT_NOOPS = ["ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"];

/** Returns the axes that a reduction node names, or all axes if it names none; undefined if it then does nothing. */
export function reducedAxes(node: NodeView, rank: number): number[] | undefined {
  const given = node.has(1) ? [...node.tensor(1).values] : node.integers("axes");
  if (given && given.length > 0) return node.axes(given, rank);
  if (node.integer("noop_with_empty_axes", 0) !== 0) {
    // Versions of the standard disagree on whether such a node does nothing, or takes squares, absolute values or
    // logarithms.
    if (NOT_NOOPS.includes(node.operator)) {
      return node.refuse("it has noop_with_empty_axes and no axes, which has no one meaning; name its axes");
    }
    return undefined;
  }
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Drops the ONNX axes that a reduction has reduced to length 1, unless the node keeps them. */
function kept(node: NodeView, value: Value, axes: readonly number[]): Value {
  return node.integer("keepdims", 1) !== 0 ? value : keepAxes(value, (axis) => !axes.includes(axis));
}

/** Writes a sum or mean over ONNX axes, which are kept with length 1. */
export function reduce(node: Site, kind: "sum" | "mean", value: Value, axes: readonly number[]): Value {
  const factors = axes.flatMap((axis) => value.axes[axis]!);
  if (factors.includes(BATCH)) return node.refuse("it takes statistics over the batch");
  const left = value.axes.map((own, axis) => (axes.includes(axis) ? [] : own));
  if (factors.length === 0) return { ...value, axes: left };
  const others = storedAxes(value).filter((axis) => !factors.includes(axis));
  const { source } = asStored(node, value);
  const shape = others.length > 0 ? others.map((axis) => value.shape[axis]!) : [1];
  const reduced = [...factors].sort((a, b) => a - b);
  const result = node.writer.write(kind, [source], shape, { settings: { axes: reduced } });
  return reordered({ shape: value.shape, axes: left }, result, shape, others);
}

function reduction(kind: "sum" | "mean", before: typeof same, after: typeof same) {
  return (node: NodeView): Value => {
    const value = node.value(0);
    const axes = reducedAxes(node, value.axes.length);
    const input = before(node, value);
    return after(node, axes ? kept(node, reduce(node, kind, input, axes), axes) : input);
  };
}

const same = (_node: Site, value: Value): Value => value;
const squared = (node: Site, value: Value) => combine(node, "mul", value, value);
const as = (activation: Parameters<typeof pointwise>[2]) => (node: Site, value: Value) =>
  pointwise(node, value, activation);

/** Translates a ReduceMean node. */
export const reduceMean = reduction("mean", same, same);
/** Translates a ReduceSum node. */
export const reduceSum = reduction("sum", same, same);
/** Translates a ReduceL2 node, as the root of a sum of squares. */
export const reduceL2 = reduction("sum", squared, as("rootOfSquares"));
/** Translates a ReduceSumSquare node. */
export const reduceSumSquare = reduction("sum", squared, same);
/** Translates a ReduceL1 node, as a sum of absolute values. */
export const reduceL1 = reduction("sum", as("abs"), same);
/** Translates a ReduceLogSum node. */
export const reduceLogSum = reduction("sum", same, as("log"));

type Extremum = "maximum" | "minimum";

/**
 * Windows along an axis: `count` windows, each `stride` after the one before, with `width` positions that are `dilation`
 * apart.
 */
export interface Windows {
  readonly width: number;
  readonly dilation: number;
  readonly count: number;
  readonly stride: number;
}

/**
 * Writes the maximum or minimum of each window along an axis, recursively from the results for two halves of the window, which
 * may overlap; this takes log₂(width) operations. Tied elements share the gradient, in proportions that depend on their
 * positions.
 */
export function extremumAlong(
  node: NodeView,
  kind: Extremum,
  value: Value,
  axis: number,
  { width, dilation, count, stride }: Windows,
): Value {
  let result = value;
  for (let left = width; left > 1; ) {
    const half = Math.ceil(left / 2);
    const isLast = half === 1;
    const length = isLast ? count : (count - 1) * stride + (half - 1) * dilation + 1;
    const [first, last] = [0, (left - half) * dilation].map((start) =>
      positions(node, result, axis, start, length, isLast ? stride : 1),
    );
    result = extremum(node, kind, first!, last!);
    left = half;
  }
  return width === 1 ? positions(node, result, axis, 0, count, stride) : result;
}

/** Writes a maximum or minimum over `axes` (axes of the ONNX file), which are kept with length 1. */
export function extremaOver(node: NodeView, kind: Extremum, value: Value, axes: readonly number[]): Value {
  const most = axes.reduce((result, axis) => {
    const { count, hasBatch, hasPoints } = dimensionAt(value, axis);
    if (hasBatch || hasPoints) {
      return node.refuse(`it takes the ${kind} over the ${hasBatch ? "batch" : "points"}`);
    }
    return extremumAlong(node, kind, result, axis, { width: count, dilation: 1, count: 1, stride: 1 });
  }, value);
  return { ...most, type: value.type };
}

/** Makes the translation of ReduceMax or ReduceMin nodes. */
export const extremaOf =
  (kind: Extremum) =>
  (node: NodeView): Value => {
    const value = node.value(0);
    const axes = reducedAxes(node, value.axes.length);
    return axes ? kept(node, extremaOver(node, kind, value, axes), axes) : value;
  };

/**
 * Translates a ReduceLogSumExp node, as m + log Σ exp(x - m), where m is the maximum, or a finite number if that is
 * infinite, since ∞ - ∞ is NaN.
 */
export function reduceLogSumExp(node: NodeView): Value {
  const value = node.value(0);
  const axes = reducedAxes(node, value.axes.length)!;
  const largest = extremaOver(node, "maximum", value, axes);
  const finite = pointwise(node, largest, { name: "clip", min: -BEYOND, max: BEYOND });
  const shifted = pointwise(node, combine(node, "sub", value, finite), "exp");
  const sum = reduce(node, "sum", shifted, axes);
  return kept(node, combine(node, "add", largest, pointwise(node, sum, "log")), axes);
}

/** Translates a GlobalAveragePool node, as a mean over the pixels. */
export function globalAveragePool(node: NodeView): Value {
  const value = node.value(0);
  const axes = value.axes.map((_, axis) => axis).slice(2);
  return reduce(node, "mean", value, axes);
}

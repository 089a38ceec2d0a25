import type { Length } from "../../graph/definition.ts";
import { type Dimension, SIZES } from "./sizes.ts";
import type { ElementType, Numbers, Tensor } from "./tensor.ts";

/** Represents the batch axis among stored axes. The decoder's values are those of one sample, so they have no such axis. */
export const BATCH = -1;

/**
 * A value of an ONNX file that depends on inputs: a value of the decoder's graph and, for each ONNX axis, the stored axes
 * that it is the product of. Transpose, Squeeze or Flatten thus move no numbers until an operation needs a certain order.
 */
export interface Value {
  readonly type: ElementType;
  /** Name of the graph's value, or the numbers of a constant that has not been written as an operation yet. */
  readonly source: string | Numbers;
  /** Shape of the graph's value. */
  readonly sourceShape: readonly Length[];
  /** Lengths of the stored axes, in row-major order; none is 1. */
  readonly shape: readonly Length[];
  /** For each ONNX axis: its stored axes, outermost first, which may include BATCH. */
  readonly axes: readonly (readonly number[])[];
}

/** A value that depends at most on the batch size and the number of points. */
export interface Constant {
  /** The value at each of SIZES (pairs of a batch size and a number of points); a single tensor if all are equal. */
  readonly at: readonly Tensor[];
}

/** Returns a constant's value at each of SIZES. */
export function atSizes({ at }: Constant): readonly Tensor[] {
  return SIZES.map((_, size) => at[size] ?? at[0]!);
}

/** Input of a node: computed or constant. */
export type Operand = Value | Constant;

/** True for a constant. */
export function isConstant(operand: Operand): operand is Constant {
  return "at" in operand;
}

/**
 * Makes a value with ONNX axes from a value of the graph.
 *
 * @param source name of the graph's value, or constant numbers
 * @param shape its shape in the graph
 * @param axes for each ONNX axis, the axes of `shape` that it is the product of
 */
export function makeValue(
  source: Value["source"],
  shape: readonly Length[],
  axes: Value["axes"],
  type: ElementType = "float",
): Value {
  const kept: number[] = [];
  const places = shape.map((length) => (length === 1 ? undefined : kept.push(0) - 1));
  const place = (axis: number) =>
    axis === BATCH ? [BATCH] : places[axis] === undefined ? [] : [places[axis]];
  return {
    type,
    source,
    sourceShape: shape,
    shape: shape.filter((length) => length !== 1),
    axes: axes.map((factors) => factors.flatMap(place)),
  };
}

/** Makes a value whose ONNX axes are the axes of the graph's value. */
export function plainValue(source: Value["source"], shape: readonly Length[], type?: ElementType): Value {
  const axes = shape.map((_, axis) => [axis]);
  return makeValue(source, shape, axes, type);
}

/**
 * Makes a value with the ONNX axes of `like` from the result of an operation on its stored axes, reordered and some of them
 * possibly merged.
 *
 * @param order stored axes of `like` in the order of the result
 */
export function reordered(
  like: Pick<Value, "shape" | "axes">,
  source: string,
  sourceShape: Value["shape"],
  order: readonly number[],
): Value {
  return {
    type: "float",
    source,
    sourceShape,
    shape: order.map((axis) => like.shape[axis]!),
    axes: like.axes.map((factors) => replaced(factors, (axis) => order.indexOf(axis))),
  };
}

/** Replaces each stored axis in `factors`, the stored axes of an ONNX axis, by `place(stored)`; BATCH is left unchanged. */
export function replaced(factors: readonly number[], place: (stored: number) => number): number[] {
  return factors.map((factor) => (factor === BATCH ? BATCH : place(factor)));
}

/**
 * Returns the length of an ONNX axis, the product of its stored axes' lengths and of the batch size if it includes the batch.
 */
export function dimensionAt(value: Value, axis: number): Dimension {
  let count = 1;
  let hasBatch = false;
  let hasPoints = false;
  for (const factor of value.axes[axis]!) {
    const length = factor === BATCH ? "batch" : value.shape[factor]!;
    if (length === "batch") hasBatch = true;
    else if (length === "points") hasPoints = true;
    else count *= length;
  }
  return { count, hasBatch, hasPoints };
}

/** Returns the lengths of all ONNX axes. */
export function dimensionsOf(value: Value): Dimension[] {
  return value.axes.map((_, axis) => dimensionAt(value, axis));
}

/** Formats the shape of a value in the ONNX file, for messages: `[batch, points, 3]`. */
export function showAxes(value: Value): string {
  const lengths = dimensionsOf(value).map(({ count, hasBatch, hasPoints }) => {
    const names = [hasBatch ? "batch" : "", hasPoints ? "points" : ""].filter(Boolean);
    return [...names, ...(count > 1 || names.length === 0 ? [String(count)] : [])].join("·");
  });
  return `[${lengths.join(", ")}]`;
}

/** Returns a value with only those ONNX axes for which `keeps` is true. */
export function keepAxes(value: Value, keeps: (axis: number) => boolean): Value {
  return { ...value, axes: value.axes.filter((_, axis) => keeps(axis)) };
}

/** Returns a value with leading ONNX axes of length 1, `rank` axes in total. */
export function withRank(value: Value, rank: number): Value {
  const missing = new Array<readonly number[]>(rank - value.axes.length).fill([]);
  return { ...value, axes: [...missing, ...value.axes] };
}

/** Splits a stored axis into several stored axes with these lengths, outermost first, without moving numbers. */
export function splitAxis(value: Value, stored: number, lengths: readonly Length[]): Value {
  const extra = lengths.length - 1;
  const parts = lengths.map((_, i) => stored + i);
  return {
    ...value,
    shape: [...value.shape.slice(0, stored), ...lengths, ...value.shape.slice(stored + 1)],
    axes: value.axes.map((factors) =>
      factors.flatMap((factor) => (factor === stored ? parts : [factor > stored ? factor + extra : factor])),
    ),
  };
}

/**
 * Returns the product of lengths of axes, each a number or "points"; undefined if it is neither, as for "points" times a number
 * other than 1 or "points" twice.
 */
export function productOf(lengths: readonly Length[]): Length | undefined {
  const numbers = lengths.filter((length) => length !== "points");
  const product = numbers.reduce<number>((all, length) => all * (length as number), 1);
  if (numbers.length === lengths.length) return product;
  return lengths.length - numbers.length === 1 && product === 1 ? "points" : undefined;
}

import type { Length } from "../../../graph/definition.ts";
import { inFileOrder, stretch } from "../layout.ts";
import { dimensionsOfShapes, type NodeView } from "../node-view.ts";
import { type Dimension, isOne, lengthsOf, SIZES } from "../sizes.ts";
import {
  atSizes,
  BATCH,
  dimensionAt,
  dimensionsOf,
  isConstant,
  showAxes,
  splitAxis,
  type Value,
  withRank,
} from "../value.ts";

// Translates operators with an input that is a shape, which may be computed from the batch size and the number of points.

/** Returns the shape given by an input, for each combination of test sizes in SIZES (batch sizes and numbers of points). */
function shapesAt(node: NodeView, input: number): number[][] {
  const operand = node.operand(input);
  if (!isConstant(operand))
    return node.refuse("its shape is computed of numbers, expected one that is known");
  const tensors = atSizes(operand);
  if (tensors.some(({ shape, values }) => shape.length > 1 || values.length > 64)) {
    return node.refuse("its shape is no list of lengths");
  }
  return tensors.map(({ values }) => [...values]);
}

const dimensions = (node: NodeView, shapes: readonly (readonly number[])[]) =>
  dimensionsOfShapes(node, shapes, "its shape");

/**
 * Translates a Reshape node. Numbers are only moved if a new axis is not a product of consecutive stored axes or parts of them.
 */
export function reshape(node: NodeView): Value {
  const value = node.value(0);
  const allowsZero = node.integer("allowzero", 0) !== 0;
  const given = shapesAt(node, 1);
  const isFixed = given.every((shape) => String(shape) === String(given[0]));
  // Batch size with which the file was exported, if the new shape of a batched value is all numbers.
  const fixed = isFixed && value.axes.flat().includes(BATCH) ? node.tracedBatch : undefined;
  const own = dimensionsOf(value).map((dimension) => {
    const lengths = lengthsOf({ ...dimension, hasBatch: dimension.hasBatch && fixed === undefined });
    return dimension.hasBatch && fixed !== undefined ? lengths.map((length) => length * fixed) : lengths;
  });
  const resolved = (batchFirst: boolean) =>
    given.map((shape, size) => {
      const lengths = shape.map((length, axis) => {
        if (batchFirst && axis === 0) return SIZES[size]!.batch;
        return length === 0 && !allowsZero ? (own[axis]?.[size] ?? 0) : length;
      });
      const open = lengths.indexOf(-1);
      const sizes = own.reduce((product, each) => product * each[size]!, 1);
      const others = lengths.reduce((product, length, i) => (i === open ? product : product * length), 1);
      if (lengths.some((length, i) => !(length >= 1) && i !== open)) {
        return node.refuse(`its shape is [${shape.slice(0, 8)}]`);
      }
      return lengths.map((length, i) => (i === open ? sizes / others : length));
    });
  const batchFirst = isOneSample(node, value, given);
  return regrouped(node, value, forEachSample(node, value, dimensions(node, resolved(batchFirst))));
}

/** True if the first length of a shape is 1, for the batch of a file exported with one sample, and another length is open. */
function isOneSample(node: NodeView, value: Value, shapes: readonly (readonly number[])[]): boolean {
  const isFixed = shapes.every((shape) => shape[0] === 1 && shape.indexOf(-1) > 0);
  return isFixed && String(value.axes[0]) === String([BATCH]) && node.tracedBatch === undefined;
}

/** Replaces the batch size with which a file was exported by the batch axis, in a shape. */
function forEachSample(node: NodeView, value: Value, wanted: readonly Dimension[]): readonly Dimension[] {
  const has = dimensionsOf(value);
  if (!has.some(({ hasBatch }) => hasBatch) || wanted.some(({ hasBatch }) => hasBatch)) return wanted;
  const sample = has.reduce((product, { count }) => product * count, 1);
  const batch = wanted.reduce((product, { count }) => product * count, 1) / sample;
  const isTraced = node.tracedBatch === undefined || node.tracedBatch === batch;
  const axis = Number.isInteger(batch) && isTraced ? axisOfBatch(value, wanted, batch) : undefined;
  if (axis !== undefined) {
    return wanted.map((each, i) =>
      i === axis ? { ...each, count: each.count / batch, hasBatch: true } : each,
    );
  }
  if (batch === 1 && node.tracedBatch === 1) return wanted;
  return node.refuse(`it gives ${showAxes(value)} a shape without the batch`);
}

/**
 * Returns the axis of a shape that contains the batch, judged by the number of elements before it; undefined if
 * ambiguous.
 *
 * @param batch batch size with which the file was exported; a batch of 1 is an axis of length 1
 */
function axisOfBatch(value: Value, wanted: readonly Dimension[], batch: number): number | undefined {
  const factors = value.axes.flat();
  const before = factors.slice(0, factors.indexOf(BATCH)).map((factor) => value.shape[factor]!);
  const hasPoints = before.includes("points");
  const slower = before.reduce<number>((product, length) => product * (length === "points" ? 1 : length), 1);
  let product = 1;
  let passedPoints = false;
  for (const [axis, { count, hasPoints: isOfPoints }] of wanted.entries()) {
    const end = product * count;
    const isHere = batch === 1 ? end === slower && count === 1 : product <= slower && slower * batch <= end;
    passedPoints ||= isOfPoints;
    if (isHere && product <= slower && passedPoints === hasPoints) {
      return count % batch === 0 ? axis : undefined;
    }
    product = end;
  }
  return undefined;
}

/** Assigns stored axes to new ONNX axes with the same total size, transposing the value `given` if needed. */
function regrouped(node: NodeView, given: Value, wanted: readonly Dimension[]): Value {
  const keepsBatch = wanted.some(({ hasBatch }) => hasBatch);
  // A file for one sample may drop the batch axis.
  const axesOfSample = given.axes.map((factors) => factors.filter((factor) => factor !== BATCH));
  const value = keepsBatch ? given : { ...given, axes: axesOfSample };
  const axes = matched(node, value, wanted) ?? matched(node, inFileOrder(node, value), wanted);
  if (axes) return axes;
  const shown = wanted.map(({ count, hasBatch, hasPoints }) =>
    [hasBatch ? "batch" : "", hasPoints ? "points" : "", count].filter((each) => each !== "").join("·"),
  );
  return node.refuse(
    `it gives ${showAxes(value)} the shape [${shown.join(", ")}], which mixes axes or does not fit`,
  );
}

/** Splits stored axes so that each wanted axis is a product of consecutive ones; undefined if that is impossible. */
function matched(node: NodeView, given: Value, wanted: readonly Dimension[]): Value | undefined {
  let value = given;
  let used = 0;
  const axes: number[][] = [];
  const next = (): number | undefined => value.axes.flat()[used];
  for (const { count, hasBatch, hasPoints } of wanted) {
    const own: number[] = [];
    let left = { count, hasBatch, hasPoints };
    while (left.count > 1 || left.hasBatch || left.hasPoints) {
      const factor = next();
      if (factor === undefined) return undefined;
      const length: Length | "batch" = factor === BATCH ? "batch" : value.shape[factor]!;
      if (length === "batch") {
        if (!left.hasBatch) return node.refuse(`it mixes the batch of ${showAxes(value)} with another axis`);
        left = { ...left, hasBatch: false };
      } else if (length === "points") {
        if (!left.hasPoints) return undefined;
        left = { ...left, hasPoints: false };
      } else if (left.count % length === 0) left = { ...left, count: left.count / length };
      else if (length % left.count === 0 && left.count > 1) {
        value = splitAxis(value, factor, [left.count, length / left.count]);
        left = { ...left, count: 1 };
      } else return undefined;
      own.push(factor);
      used++;
    }
    axes.push(own);
  }
  // Splitting an axis shifts the indices of later stored axes, so they are renumbered in order.
  if (used !== value.axes.flat().length) return undefined;
  const flat = value.axes.flat();
  let at = 0;
  return { ...value, axes: axes.map((own) => own.map(() => flat[at++]!)) };
}

/** Translates an Expand node. */
export function expand(node: NodeView): Value {
  const value = node.value(0);
  const wanted = dimensions(node, shapesAt(node, 1));
  return stretchedTo(node, value, wanted);
}

/** Broadcasts a value along axes of length 1, and along new leading axes. */
function stretchedTo(node: NodeView, value: Value, wanted: readonly Dimension[]): Value {
  const rank = Math.max(wanted.length, value.axes.length);
  const whole = withRank(value, rank);
  const lengths = new Map<number, Length>();
  const withBatch = new Set<number>();
  for (const [i, { count, hasBatch, hasPoints }] of wanted.entries()) {
    const axis = i + rank - wanted.length;
    const own = dimensionAt(whole, axis);
    const isSame = own.count === count && own.hasBatch === hasBatch && own.hasPoints === hasPoints;
    const isTraced = own.hasBatch && own.count === 1 && !hasBatch && count === node.tracedBatch;
    if (isSame || isOne({ count, hasBatch, hasPoints }) || isTraced) continue;
    if (!isOne(own)) {
      return node.refuse(`it stretches axis ${axis} of ${showAxes(whole)}, whose length is not 1`);
    }
    if (hasPoints && count !== 1) {
      return node.refuse(
        `it stretches axis ${axis} of ${showAxes(whole)} to ${count} times the number of points`,
      );
    }
    if (hasBatch) withBatch.add(axis);
    lengths.set(axis, hasPoints ? "points" : count);
  }
  const stretched = stretch(node, whole, lengths);
  const axes = stretched.axes.map((own, axis) => (withBatch.has(axis) ? [BATCH, ...own] : own));
  return { ...stretched, axes };
}

/** Translates a Tile node: broadcasts along an added axis, which is then merged with the repeated axis. */
export function tile(node: NodeView): Value {
  const value = node.value(0);
  const repeats = dimensions(node, shapesAt(node, 1));
  if (repeats.length !== value.axes.length) return node.refuse("its repeats are not as many as axes");
  const doubled = { ...value, axes: value.axes.flatMap((factors) => [[], factors]) };
  const wanted = repeats.flatMap((times, axis) => {
    const isBatch = value.axes[axis]!.includes(BATCH);
    if (isBatch && !isOne(times)) return node.refuse("it repeats the batch");
    return [times, dimensionAt(value, axis)];
  });
  const stretched = stretchedTo(node, doubled, wanted);
  const own = (axis: number) => [...stretched.axes[2 * axis]!, ...stretched.axes[2 * axis + 1]!];
  return { ...stretched, axes: value.axes.map((_, axis) => own(axis)) };
}

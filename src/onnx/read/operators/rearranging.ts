import { sizeOf } from "../../../graph/operations.ts";
import { align, broadcast } from "../align.ts";
import {
  concatAxis,
  flattened,
  namedAxes,
  permutationOf,
  sliceRange,
  splitParts,
  unsqueezed,
} from "../arrangement.ts";
import { arrange, asStored, fixedLength, joined, reshaped } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import { floats, type Tensor } from "../tensor.ts";
import { BATCH, dimensionAt, keepAxes, makeValue, splitAxis, type Value } from "../value.ts";
import { pixelsOf, writePixels } from "./convolutions.ts";
import { imagesOf } from "./images-in-batch.ts";

// Translates operators that rearrange numbers. Those that only rename or reorder axes write no operation.

/** Translates an Identity node. */
export function identity(node: NodeView): Value {
  return node.value(0);
}

/** Translates a Dropout node, which does nothing outside of training. */
export function dropout(node: NodeView): Value {
  if ((node.scalar(2) ?? 0) !== 0) {
    return node.refuse("it is in training mode; export the model after model.eval()");
  }
  return node.value(0);
}

/** Translates a Transpose node. Only the list of the input's axes is reordered; numbers are not moved. */
export function transpose(node: NodeView): Value {
  const value = node.value(0);
  return { ...value, axes: permutationOf(node, value.axes.length).map((axis) => value.axes[axis]!) };
}

/** Translates a Flatten node. Only the input's axes are merged; numbers are not moved. */
export function flatten(node: NodeView): Value {
  const value = node.value(0);
  return { ...value, axes: flattened(node, value.axes).map((axes) => axes.flat()) };
}

/** Translates a Squeeze node. Only axes are dropped; numbers are not moved. */
export function squeeze(node: NodeView): Value {
  const value = node.value(0);
  // True for an axis of length 1, also for the batch if the file was exported with one sample.
  const isOne = (axis: number) => {
    const factors = value.axes[axis]!;
    return factors.length === 0 || (node.tracedBatch === 1 && String(factors) === String([BATCH]));
  };
  const given = namedAxes(node, node.optional(1));
  const axes = given ? node.axes(given, value.axes.length) : undefined;
  for (const axis of axes ?? []) {
    if (isOne(axis)) continue;
    return node.refuse(`it takes axis ${axis} away, whose length is not 1`);
  }
  return keepAxes(value, (axis) => !(axes ? axes.includes(axis) : isOne(axis)));
}

/** Translates an Unsqueeze node. Only axes are added; numbers are not moved. */
export function unsqueeze(node: NodeView): Value {
  const value = node.value(0);
  return { ...value, axes: unsqueezed(node, node.optional(1), value.axes, []) };
}

/** Translates a DepthToSpace node (PyTorch's PixelShuffle) on [batch, channels, height, width]. */
export function depthToSpace(node: NodeView): Value {
  const value = node.value(0);
  const block = node.integer("blocksize") ?? node.refuse("its blocksize is missing");
  const order = node.choice("mode", "DCR", ["DCR", "CRD"]);
  const [, channels, height, width] = value.axes.map((_, axis) => dimensionAt(value, axis));
  const plain = [channels, height, width].every((each) => each && !each.hasBatch && !each.hasPoints);
  if (value.axes.length !== 4 || !plain || !(block >= 1) || channels!.count % block ** 2 !== 0) {
    return node.refuse(
      `its blocksize is ${block}, expected a divisor of the channels of [batch, channels, height, width]`,
    );
  }
  if (order === "DCR" && imagesOf(value).length > 0) return blocksApart(node, value, block);
  const { source, lengths, channels: all } = pixelsOf(node, value);
  const shape = [...lengths.map((length) => length * block), all / block ** 2];
  return writePixels(node, "depthToSpace", value, source, shape, { settings: { block, order } });
}

/**
 * DepthToSpace for images of a sample that are merged into the batch axis: splits the channels into [block, block, rest],
 * and makes the blocks part of the height and width, without moving numbers.
 */
function blocksApart(node: NodeView, given: Value, block: number): Value {
  const value = joined(node, given, 1);
  const [stored] = value.axes[1]!;
  if (block === 1 || stored === undefined) return given;
  const rest = (value.shape[stored] as number) / block ** 2;
  const split = splitAxis(value, stored, [block, block, ...(rest > 1 ? [rest] : [])]);
  const [batch, channels, height, width] = split.axes;
  const [down, right, ...own] = channels!;
  return { ...split, axes: [batch!, own, [...height!, down!], [...width!, right!]] };
}

/** Translates a Concat node. */
export function concat(node: NodeView): Value {
  const values = node.values();
  const rank = values[0]!.axes.length;
  if (values.some(({ axes }) => axes.length !== rank))
    return node.refuse("what it reads has different ranks");
  return beside(node, values, concatAxis(node, rank));
}

/** Maximum number of inputs of an operation in the graph. */
const MOST_INPUTS = 1000;

/** Concatenates values along an ONNX axis. */
export function beside(node: NodeView, given: readonly Value[], axis: number): Value {
  if (given.length === 1) return given[0]!;
  const refusal = "it puts values together along the batch, or along the points";
  const counts = given.map((value) => fixedLength(node, value, axis, refusal));
  if (given.length > MOST_INPUTS) {
    return node.refuse(`it puts ${given.length} values together, expected up to ${MOST_INPUTS}`);
  }
  // Values must have equal lengths along all other axes, so an axis of length 1 is broadcast.
  const first = align(node, given, { beside: axis });
  const whole = broadcast(node, first, first.axes[axis]![0]!);
  const isWhole = whole.every((value, i) => value === first.values[i]);
  const { values, lengths, axes, groups } = isWhole ? first : align(node, whole, { beside: axis });
  const key = axes[axis]![0]!;
  const sources = values.map((value, i) => arrange(node, value, groups[i]!).source);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shape = lengths.map((length, k) => (k === key ? total : length));
  const made = node.writer.write("concat", sources, shape, { settings: { axis: key } });
  return makeValue(made, shape, axes);
}

/** Slices an ONNX axis: `count` positions from `start` on, `step` apart. */
export function positions(
  node: NodeView,
  given: Value,
  axis: number,
  start: number,
  count: number,
  step = 1,
): Value {
  const { count: length, hasBatch, hasPoints } = dimensionAt(given, axis);
  if (hasBatch) return node.refuse("it takes a part of the batch");
  if (hasPoints) return node.refuse("it takes some of the points");
  const last = start + (count - 1) * step;
  if (count < 1 || start < 0 || start >= length || last < 0 || last >= length) {
    return node.refuse(`it takes ${count} positions from ${start} on, of ${length}`);
  }
  if (count === length && (step === 1 || count === 1)) return given;
  const value = joined(node, given, axis);
  const [stored] = value.axes[axis]!;
  const { source } = asStored(node, value);
  const shape = value.shape.map((each, i) => (i === stored ? count : each));
  // With a negative step, an omitted end means before the first position.
  const end = last + step;
  const settings = {
    axis: stored,
    start,
    ...(end >= 0 && { end: Math.min(end, length) }),
    ...(step !== 1 && { step }),
  };
  const made = node.writer.write("slice", [source], shape.length > 0 ? shape : [1], { settings });
  return makeValue(made, shape, value.axes, value.type);
}

/** Translates a Slice node with constant bounds. */
export function slice(node: NodeView): Value {
  const value = node.value(0);
  const [starts, ends] = [node.tensor(1).values, node.tensor(2).values];
  const rank = value.axes.length;
  const axes = node.axes([...(node.optional(3)?.values ?? starts.keys())], rank);
  const steps = node.optional(4)?.values;
  return axes.reduce((part, axis, i) => {
    const step = steps?.[i] ?? 1;
    const { count: length, hasBatch, hasPoints } = dimensionAt(part, axis);
    const [from, to] = [starts[i]!, ends[i]!];
    // A slice of a whole axis, whatever its length.
    if (step === 1 && from === 0 && to >= 2 ** 31 - 1) return part;
    if (hasBatch || hasPoints) return positions(node, part, axis, from, 1);
    const range = sliceRange(length, from, to, step) ?? node.refuse(`its step is ${step}`);
    return positions(node, part, axis, range.start, range.count, step);
  }, value);
}

/** Translates a Split node, as slices. */
export function split(node: NodeView): Value[] {
  const value = node.value(0);
  const axis = node.axis(node.integer("axis", 0), value.axes.length);
  const parts = splitParts(node, node.optional(1), dimensionAt(value, axis).count);
  return parts.map(({ start, count }) => positions(node, value, axis, start, count));
}

/** Maximum number of slices written for a Gather with irregular positions. */
const MOST_SLICES = 256;

/** Translates a Gather node: constant positions of a value, or rows of a constant table chosen by an integer input. */
export function gather(node: NodeView): Value {
  const indices = node.operand(1);
  if (!("at" in indices)) {
    if (node.integer("axis", 0) !== 0)
      return node.refuse("it takes columns by numbers that are given, not rows");
    return rowsByInput(node, indices, node.tensor(0));
  }
  const value = node.value(0);
  const axis = node.axis(node.integer("axis", 0), value.axes.length);
  const { shape, values } = node.tensor(1);
  const length = dimensionAt(value, axis).count;
  const isOnlySample = node.tracedBatch === 1 && String(value.axes[axis]) === String([BATCH]);
  if (isOnlySample && shape.length === 0 && (values[0] === 0 || values[0] === -1)) {
    return keepAxes(value, (i) => i !== axis);
  }
  const wanted = Array.from(values, (position) => (position < 0 ? position + length : position));
  if (shape.length > 1 || wanted.length === 0 || wanted.length > MOST_SLICES) {
    return node.refuse("it takes positions by a matrix of numbers, or more than 256 of them");
  }
  const step = wanted.length > 1 ? wanted[1]! - wanted[0]! : 1;
  const isEven = step !== 0 && wanted.every((position, i) => position === wanted[0]! + i * step);
  const each = () => wanted.map((position) => positions(node, value, axis, position, 1));
  const taken = isEven
    ? positions(node, value, axis, wanted[0]!, wanted.length, step)
    : beside(node, each(), axis);
  if (shape.length === 1) return taken;
  return keepAxes(taken, (i) => i !== axis);
}

/**
 * Translates a OneHot node, whose indices must be an integer input of the decoder, to an embedding: each index selects a row of
 * a constant table, [classes, classes], with the node's on value on the diagonal and its off value elsewhere.
 */
export function oneHot(node: NodeView): Value {
  const indices = node.value(0);
  const classes = node.scalar(1) ?? node.refuse("its depth is missing");
  const [off, on] = node.tensor(2).values;
  const axis = node.axis(node.integer("axis", -1), indices.axes.length + 1);
  if (axis !== indices.axes.length || !(Number.isInteger(classes) && classes >= 1 && classes <= 2 ** 12)) {
    return node.refuse(
      `it has ${classes} classes along axis ${axis}, expected up to 4096 along the last one`,
    );
  }
  const numbers = Array.from({ length: classes ** 2 }, (_, i) => (i % (classes + 1) === 0 ? on! : off!));
  return rowsByInput(node, indices, floats(numbers, [classes, classes]));
}

function rowsByInput(node: NodeView, indices: Value, table: Tensor): Value {
  const [classes, ...row] = table.shape;
  const units = sizeOf(row);
  if (indices.type !== "integer" || typeof indices.source !== "string") {
    return node.refuse("the numbers that it takes rows by are computed, expected an input");
  }
  const before = indices.sourceShape.length === 1 && indices.sourceShape[0] === 1 ? [] : indices.sourceShape;
  const shape = [...before, units];
  const settings = { classes, units };
  const made = node.writer.write("embedding", [indices.source], shape, { settings, weight: table.values });
  const stored = indices.shape.length;
  const own = makeValue(made, [...indices.shape, units], [...indices.axes, [stored]]);
  const value = { ...own, sourceShape: shape };
  if (row.length === 1) return value;
  if (row.length === 0) return { ...value, axes: indices.axes };
  const whole = reshaped(node, { source: made, shape }, [...indices.shape, ...row]);
  return makeValue(whole.source, whole.shape, [...indices.axes, ...row.map((_, i) => [stored + i])]);
}

import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { broadcastShape } from "../../../graph/settings.ts";
import {
  concatAxis,
  flattened,
  namedAxes,
  permutationOf,
  sliceRange,
  splitParts,
  unsqueezed,
} from "../arrangement.ts";
import type { NodeView } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import { triangle } from "../operators/choices.ts";
import { floats, type Numbers, strided, type Tensor, zerosLike } from "../tensor.ts";
import { commonShape, stretched } from "./elementwise.ts";
import { castTo } from "./integers.ts";

// Constant folding of operators that reshape or rearrange.

/** Copies a tensor's numbers to a new shape, read with the given strides and offset. */
function ordered(tensor: Tensor, shape: readonly number[], strides: readonly number[], offset = 0): Tensor {
  return { ...tensor, shape, values: strided(tensor.values, shape, strides, offset) };
}

/** Returns `count` positions of an axis from `start` on, `step` apart. */
function positions(tensor: Tensor, axis: number, start: number, count: number, step = 1): Tensor {
  const strides = stridesOf(tensor.shape);
  const shape = tensor.shape.map((length, i) => (i === axis ? count : length));
  const offset = start * strides[axis]!;
  return ordered(
    tensor,
    shape,
    strides.map((stride, i) => (i === axis ? stride * step : stride)),
    offset,
  );
}

function lengths(node: NodeView, tensor: Tensor | undefined): number[] {
  const values = [...(tensor?.values ?? [])];
  const isSound = tensor && tensor.shape.length <= 1 && values.length <= 64;
  if (isSound && values.every((length) => Number.isInteger(length) && length >= -1 && length < 2 ** 32))
    return values;
  return node.refuse("its shape is no list of lengths");
}

/** Constant-folds Reshape. */
export const reshape: Fold = (node, [tensor, shape]) => {
  const wanted = lengths(node, shape).map((length, axis) => {
    return length === 0 && node.integer("allowzero", 0) === 0 ? (tensor!.shape[axis] ?? 0) : length;
  });
  const open = wanted.indexOf(-1);
  const others = sizeOf(wanted.filter((_, i) => i !== open));
  if (open >= 0) wanted[open] = tensor!.values.length / others;
  if (
    sizeOf(wanted) === tensor!.values.length &&
    wanted.every((length) => Number.isInteger(length) && length >= 0)
  ) {
    return { ...tensor!, shape: wanted };
  }
  return node.refuse(`it gives [${tensor!.shape}] the shape [${wanted.slice(0, 8)}]`);
};

/** Moving a number is charged as 1/4 of a computed number in the budget for constant folding, since it takes less time. */
const MOVED = 4;

/** Constant-folds Transpose. */
export const transpose: Fold = (node, [tensor], claim) => {
  claim(tensor!.values.length / MOVED);
  const order = permutationOf(node, tensor!.shape.length);
  const [shape, strides] = [tensor!.shape, stridesOf(tensor!.shape)].map((all) =>
    order.map((axis) => all[axis]!),
  );
  return ordered(tensor!, shape!, strides!);
};

/** Constant-folds Flatten. */
export const flatten: Fold = (node, [tensor]) => ({
  ...tensor!,
  shape: flattened(node, tensor!.shape).map(sizeOf),
});

/** Constant-folds Squeeze. */
export const squeeze: Fold = (node, [tensor, given]) => {
  const named = namedAxes(node, given);
  const axes = named ? node.axes(named, tensor!.shape.length) : undefined;
  if (axes?.some((axis) => tensor!.shape[axis] !== 1))
    return node.refuse("it takes away an axis that is not 1 long");
  const shape = tensor!.shape.filter((length, axis) => !(axes ? axes.includes(axis) : length === 1));
  return { ...tensor!, shape };
};

/** Constant-folds Unsqueeze. */
export const unsqueeze: Fold = (node, [tensor, given]) => ({
  ...tensor!,
  shape: unsqueezed(node, given, tensor!.shape, 1),
});

/** Constant-folds Expand. */
export const expand: Fold = (node, [tensor, given], claim) => {
  const wanted = lengths(node, given);
  const shape = broadcastShape([tensor!.shape, wanted]);
  if (!shape) return node.refuse(`it stretches [${tensor!.shape}] to [${wanted}]`);
  claim(sizeOf(shape));
  return { ...tensor!, shape, values: stretched(tensor!, shape) };
};

/** Constant-folds Tile. */
export const tile: Fold = (node, [tensor, given], claim) => {
  const repeats = lengths(node, given);
  if (repeats.length !== tensor!.shape.length) return node.refuse("its repeats are not as many as axes");
  const shape = tensor!.shape.flatMap((length, axis) => [repeats[axis]!, length]);
  claim(sizeOf(shape));
  const strides = stridesOf(tensor!.shape).flatMap((stride) => [0, stride]);
  const { values } = ordered(tensor!, shape, strides);
  return { ...tensor!, shape: tensor!.shape.map((length, axis) => length * repeats[axis]!), values };
};

/** Constant-folds Concat. */
export const concat: Fold = (node, inputs, claim) => {
  const tensors = inputs.map((tensor) => tensor!);
  const [first] = tensors;
  const axis = concatAxis(node, first!.shape.length);
  const fits = tensors.every(
    ({ shape, type }) =>
      type === first!.type &&
      shape.length === first!.shape.length &&
      shape.every((length, i) => i === axis || length === first!.shape[i]),
  );
  if (!fits) return node.refuse("what it puts together does not fit");
  const total = tensors.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = first!.shape.map((length, i) => (i === axis ? total : length));
  claim(sizeOf(shape));
  const isNarrow = tensors.every(({ values }) => values instanceof Float32Array);
  const values: Numbers = isNarrow ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  const row = sizeOf(shape.slice(axis));
  let start = 0;
  for (const { shape: own, values: from } of tensors) {
    const part = sizeOf(own.slice(axis));
    for (let i = 0; i < outer; i++) values.set(from.subarray(i * part, (i + 1) * part), i * row + start);
    start += part;
  }
  return { type: first!.type, shape, values };
};

/** Constant-folds Slice. */
export const slice: Fold = (node, [tensor, starts, ends, given, steps], claim) => {
  const axes = node.axes([...(given?.values ?? starts!.values.keys())], tensor!.shape.length);
  return axes.reduce((part, axis, i) => {
    const step = steps?.values[i] ?? 1;
    const range =
      sliceRange(part.shape[axis]!, starts!.values[i]!, ends!.values[i] ?? Number.NaN, step) ??
      node.refuse(`its step is ${step}`);
    if (!Number.isInteger(range.count)) return node.refuse("its starts and ends are not as many as axes");
    const taken = positions(part, axis, range.start, range.count, step);
    claim(taken.values.length / MOVED);
    return taken;
  }, tensor!);
};

/** Constant-folds Split. */
export const split: Fold = (node, [tensor, given], claim) => {
  claim(tensor!.values.length / MOVED);
  const axis = node.axis(node.integer("axis", 0), tensor!.shape.length);
  const parts = splitParts(node, given, tensor!.shape[axis]!);
  return parts.map(({ start, count }) => positions(tensor!, axis, start, count));
};

/** Constant-folds Gather. */
export const gather: Fold = (node, [tensor, indices], claim) => {
  const axis = node.axis(node.integer("axis", 0), tensor!.shape.length);
  const length = tensor!.shape[axis]!;
  const before = tensor!.shape.slice(0, axis);
  const behind = tensor!.shape.slice(axis + 1);
  const shape = [...before, ...indices!.shape, ...behind];
  claim(sizeOf(shape));
  const positions = Array.from(indices!.values, (position) => (position < 0 ? position + length : position));
  if (positions.some((position) => !(position >= 0 && position < length))) {
    return node.refuse(
      `it takes position ${indices!.values.find((i) => !(i >= -length && i < length))} of ${length}`,
    );
  }
  const width = sizeOf(behind);
  const outer = sizeOf(before);
  const values = zerosLike(tensor!.values, sizeOf(shape));
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const position of positions) {
      const from = (i * length + position) * width;
      values.set(tensor!.values.subarray(from, from + width), at);
      at += width;
    }
  }
  return { type: tensor!.type, shape, values };
};

/** Constant-folds ConstantOfShape. */
export const constantOfShape: Fold = (node, [given], claim) => {
  const shape = lengths(node, given);
  if (shape.some((length) => length < 0)) return node.refuse(`its shape is [${shape}]`);
  claim(sizeOf(shape));
  const value = node.scope.tensorOf(node.attribute("value")) ?? floats([0], [1]);
  if (value.values.length !== 1) return node.refuse("its value is not one number");
  const count = sizeOf(shape);
  const values = value.type === "float" ? new Float32Array(count) : new Float64Array(count);
  return { ...value, shape, values: values.fill(value.values[0]!) };
};

/** Constant-folds Range. */
export const range: Fold = (node, inputs, claim) => {
  const [start, limit, step] = inputs.map((tensor) => tensor!.values[0]!) as [number, number, number];
  const count = Math.max(Math.ceil((limit - start) / step), 0);
  if (!Number.isSafeInteger(count)) return node.refuse(`it goes from ${start} to ${limit} by ${step}`);
  claim(count);
  const { type } = inputs[0]!;
  const values = type === "float" ? new Float32Array(count) : new Float64Array(count);
  return { type, shape: [count], values: values.map((_, i) => start + i * step) };
};

/** Constant-folds Cast. */
export const cast: Fold = (node, [tensor]) => castTo(node, node.integer("to", 0), tensor!);

/** Constant-folds Where. */
export const where: Fold = (node, [condition, a, b], claim) => {
  const tensors = [condition!, a!, b!];
  const shapes = tensors.map((tensor) => tensor.shape);
  const shape = commonShape(node, shapes);
  claim(3 * sizeOf(shape));
  const [is, left, right] = tensors.map((tensor) => stretched(tensor, shape));
  return { type: a!.type, shape, values: left!.map((value, i) => (is![i] === 0 ? right![i]! : value)) };
};

/** Constant-folds Trilu. */
export const trilu: Fold = (node, [tensor, given], claim) => {
  const { shape, values } = tensor!;
  // Computing each number's row and column takes longer than copying it.
  claim(4 * values.length);
  const [rows, columns] = [-2, -1].map((axis) => shape[node.axis(axis, shape.length)]!) as [number, number];
  if (given && given.values.length !== 1) return node.refuse("its diagonal is not one number");
  const isKept = triangle(node, given?.values[0]);
  return {
    ...tensor!,
    values: values.map((value, i) => (isKept(Math.floor(i / columns) % rows, i % columns) ? value : 0)),
  };
};

/** Constant-folds Identity and Dropout, which return their first input. */
export const same: Fold = (_node, [tensor]) => tensor!;

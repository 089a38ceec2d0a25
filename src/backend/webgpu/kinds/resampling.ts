import { averagePool } from "../../../graph/kinds/average-pool.ts";
import { pad } from "../../../graph/kinds/pad.ts";
import { resize } from "../../../graph/kinds/resize.ts";
import { type UpsampleFields, upsample } from "../../../graph/kinds/upsample.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { firstOrder } from "../../../onnx-format/axis-order.ts";
import type { Attributes } from "../../../onnx-format/messages.ts";
import { mapBackward, mapForward } from "../axis-matrix.ts";
import type { Backward, Task, Written } from "../task.ts";
import { positionOf } from "../value.ts";

// Operations that make a value longer or shorter along its axes.

const integers = (values: readonly number[]) => ({ integers: values });

export function writePad(task: Task<"pad">): Written {
  const { graph, operation, inputs } = task;
  const { padding, mode } = operation;
  const { tensor, order } = inputs[0]!.any;
  const axes = padding.length / 2;
  const side = (first: number) => [0, ...order.map((axis) => (axis < axes ? padding[first + axis]! : 0))];
  const attributes: Attributes = { mode: { text: mode === "zeros" ? "constant" : mode } };
  const pads = graph.integers([...side(0), ...side(axes)]);
  const output = { tensor: graph.applyWith(attributes, "Pad", tensor, pads), order };
  if (mode !== "zeros")
    return {
      output,
      backward: [
        mapBackward(task, pad.axes(operation, [inputs[0]!.shape], 0), (gradient) => gradient.any.order),
      ],
    };
  const { shape } = inputs[0]!;
  const cut: Backward = (gradient) => {
    const own = gradient.any;
    const pixels = shape.slice(0, axes);
    const begins = padding.slice(0, axes);
    const bounds = [begins, pixels.map((length, i) => begins[i]! + length)];
    const positions = pixels.map((_, axis) => positionOf(own.order, axis));
    const lists = [...bounds, positions].map((list) => graph.integers(list));
    return { tensor: graph.apply("Slice", own.tensor, ...lists), order: own.order };
  };
  return { output, backward: [cut] };
}

/** Attributes of Resize for each mode of `upsample`. */
const UPSAMPLE_ATTRIBUTES: {
  readonly [Mode in UpsampleFields["mode"]]: (alignCorners: boolean) => Attributes;
} = {
  nearest: () => ({
    mode: { text: "nearest" },
    coordinate_transformation_mode: { text: "asymmetric" },
    nearest_mode: { text: "floor" },
  }),
  bilinear: (alignCorners) => ({
    mode: { text: "linear" },
    coordinate_transformation_mode: { text: alignCorners ? "align_corners" : "half_pixel" },
  }),
};

export function writeUpsample(task: Task<"upsample">): Written {
  const { graph, operation, inputs, batch } = task;
  const { scale, mode, alignCorners } = operation;
  const input = inputs[0]!;
  const order = firstOrder(input.rank);
  const attributes = UPSAMPLE_ATTRIBUTES[mode](alignCorners);
  const scales = graph.floats([1, 1, ...scale]);
  const output = { tensor: graph.applyWith(attributes, "Resize", input.first, "", scales), order };
  if (mode !== "nearest")
    return {
      output,
      backward: [mapBackward(task, upsample.axes(operation, [inputs[0]!.shape], 0), () => order)],
    };
  const sumOfCopies: Backward = (gradient) => {
    const pixels = scale.flatMap((times, axis) => [input.shape[axis]!, times]);
    const copies = graph.reshape(gradient.first, [batch, input.shape.at(-1)!, ...pixels]);
    const sums = graph.sum(
      copies,
      scale.map((_, axis) => 3 + 2 * axis),
    );
    return { tensor: graph.reshape(sums, input.lengths(order)), order };
  };
  return { output, backward: [sumOfCopies] };
}

/** Products with the axes' matrices in both directions: the runtime's Resize has not all modes, and other places. */
export function writeResize(task: Task<"resize">): Written {
  const input = task.inputs[0]!;
  const order = firstOrder(input.rank);
  const axes = resize.axes(task.operation, [input.shape], 0);
  return { output: mapForward(task, axes, order), backward: [mapBackward(task, axes, () => order)] };
}

export function writeAveragePool(task: Task<"averagePool">): Written {
  const { graph, operation, inputs } = task;
  const { kernel, stride, padding, countPadding } = operation;
  const order = firstOrder(inputs[0]!.rank);
  const attributes: Attributes = {
    ...{ kernel_shape: integers(kernel), strides: integers(stride), pads: integers(padding) },
    count_include_pad: { integer: countPadding ? 1 : 0 },
  };
  const tensor = graph.applyWith(attributes, "AveragePool", inputs[0]!.first);
  return {
    output: { tensor, order },
    backward: [mapBackward(task, averagePool.axes(operation, [inputs[0]!.shape], 0), () => order)],
  };
}

/** sum and mean */
export function writeReduce({ graph, operation, inputs, batch }: Task<"sum"> | Task<"mean">): Written {
  const { kind, axes, keepAxes, shape } = operation;
  const input = inputs[0]!;
  const { tensor, order } = input.any;
  const positions = order.flatMap((axis, k) => (axes.includes(axis) ? [k + 1] : []));
  const isSum = kind === "sum";
  const reduced = isSum ? graph.sum(tensor, positions) : graph.mean(tensor, positions);
  const kept = [batch, ...order.map((axis) => (axes.includes(axis) ? 1 : input.shape[axis]!))];
  /** The order of what is left, where the axes do not stay. A value has an axis at least. */
  const rest = order.filter((axis) => !axes.includes(axis));
  const left = rest.map((axis) => axis - axes.filter((gone) => gone < axis).length);
  const outputOrder = keepAxes ? order : left.length > 0 ? left : [0];
  const stays = outputOrder.length === order.length;
  const lengths = [batch, ...outputOrder.map((axis) => shape[axis]!)];
  const share = 1 / sizeOf(axes.map((axis) => input.shape[axis]!));
  const backward: Backward = (gradient) => {
    const own = gradient.in(outputOrder);
    const stretchable = stays ? own : graph.reshape(own, kept);
    const scaled = isSum ? stretchable : graph.apply("Mul", stretchable, share);
    return { tensor: graph.expand(scaled, input.lengths(order)), order };
  };
  return {
    output: { tensor: stays ? reduced : graph.reshape(reduced, lengths), order: outputOrder },
    backward: [backward],
  };
}

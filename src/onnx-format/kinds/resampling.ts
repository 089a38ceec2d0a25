import type { PadMode } from "../../graph/kinds/pad.ts";
import {
  type ResizeCoordinates,
  type ResizeFields,
  type ResizeMode,
  resize,
} from "../../graph/kinds/resize.ts";
import type { UpsampleMode } from "../../graph/kinds/upsample.ts";
import { alongAxes, changedAxes } from "../axis-matrix.ts";
import { firstOrder, positionOf } from "../axis-order.ts";
import type { Extent, Tensor } from "../emitter.ts";
import type { Attributes } from "../messages.ts";
import { ofPixels, type Task, type Writer } from "../task.ts";
import type { Form } from "../value.ts";

// Writes operations that lengthen or shorten axes.

/** ONNX's names for the modes of padding. */
export const PAD_MODES: { readonly [Mode in PadMode]: string } = {
  zeros: "constant",
  reflect: "reflect",
  edge: "edge",
};

/** Writes a Pad node for the axes of pixels, such as height and width; batch and channels are not padded. */
export const writePad: Writer<"pad"> = ({ graph, operation: { padding, mode }, input }) => {
  const { tensor, order } = input.any;
  const axes = padding.length / 2;
  const side = (first: number) => [0, ...order.map((axis) => (axis < axes ? padding[first + axis]! : 0))];
  const pads = graph.integers([...side(0), ...side(axes)]);
  return { tensor: graph.applyWith({ mode: { text: PAD_MODES[mode] } }, "Pad", tensor, pads), order };
};

/** Attributes of a Resize node for each mode of `upsample`. */
const UPSAMPLE_ATTRIBUTES: {
  readonly [Mode in UpsampleMode]: (alignCorners: boolean) => Attributes;
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

/** Writes a Resize node that enlarges the axes of pixels, such as height and width, by integer factors. */
export const writeUpsample: Writer<"upsample"> = (task) => {
  const { scale, mode, alignCorners } = task.operation;
  const scales = task.graph.floats([1, 1, ...scale]);
  return ofPixels(task, UPSAMPLE_ATTRIBUTES[mode](alignCorners), "Resize", "", scales);
};

/** ONNX's names for the coordinate modes of Resize; undefined for a mode that the written opset lacks. */
const COORDINATES: { readonly [Each in ResizeCoordinates]: string | undefined } = {
  half_pixel: "half_pixel",
  half_pixel_symmetric: undefined,
  pytorch_half_pixel: "pytorch_half_pixel",
  asymmetric: "asymmetric",
  align_corners: "align_corners",
  tf_half_pixel_for_nn: undefined,
};

/** ONNX's names for the ways to choose the nearest pixel. */
const ROUNDINGS: { readonly [Each in ResizeFields["rounding"]]: string } = {
  round_prefer_floor: "round_prefer_floor",
  round_prefer_ceil: "round_prefer_ceil",
  floor: "floor",
  ceil: "ceil",
};

/** Attributes of a Resize node for each mode of `resize`, except the coordinate mode. */
const RESIZE_ATTRIBUTES: { readonly [Mode in ResizeMode]: (operation: ResizeFields) => Attributes } = {
  nearest: ({ rounding }) => ({ mode: { text: "nearest" }, nearest_mode: { text: ROUNDINGS[rounding] } }),
  linear: () => ({ mode: { text: "linear" } }),
  cubic: ({ cubicCoefficient, excludeOutside }) => ({
    mode: { text: "cubic" },
    cubic_coeff_a: { float: cubicCoefficient },
    exclude_outside: { integer: Number(excludeOutside) },
  }),
};

/** For each mode of Resize, a function that returns true if ONNX Runtime supports the mode with the given scales. */
const IS_RUN: { readonly [Mode in ResizeMode]: (scale: readonly number[]) => boolean } = {
  nearest: () => true,
  linear: () => true,
  // Only for two axes; and not to fewer pixels with channels last, a layout that its optimizer may choose.
  cubic: (scale) => scale.length === 2 && scale.every((each) => each >= 1),
};

/**
 * Returns the inputs of a Resize node after the first: scales or sizes. Undefined if neither the scales nor the sizes give
 * exactly the operation's lengths and scales, or if no length changes.
 */
function resizeInputs({ graph, operation, input }: Task<"resize">): readonly (Tensor | "")[] | undefined {
  const { size, scale, coordinates } = operation;
  const { shape, batch, first } = input;
  const lengths = shape.slice(0, -1) as readonly number[];
  // ONNX Runtime just copies if the lengths do not change.
  if (size.every((to, i) => to === lengths[i])) return undefined;
  // Corners are aligned by the lengths alone, but not all runtimes round a product of a length and a scale down before.
  const isByLengths = coordinates === "align_corners";
  // Runtimes differ in whether they round the product to float32.
  const isProduct = size.every((to, i) => {
    const product = scale[i]! * lengths[i]!;
    const isWhole = !isByLengths || Math.fround(product) === to;
    return isWhole && [product, Math.fround(product)].every((each) => Math.floor(each) === to);
  });
  if (isProduct) return ["", graph.floats([1, 1, ...scale])];
  if (!isByLengths && size.some((to, i) => Math.fround(to / lengths[i]!) !== scale[i])) return undefined;
  return ["", "", graph.shape([batch, shape.at(-1), ...size], first)];
}

/**
 * Writes a Resize node if one of the written opset gives the operation's result and ONNX Runtime supports it, else a product
 * with a matrix for each axis.
 */
export const writeResize: Writer<"resize"> = (task) => {
  const { mode, coordinates, antialias, scale } = task.operation;
  const place = COORDINATES[coordinates];
  if (antialias || place === undefined || !IS_RUN[mode](scale)) return resizeByMatrices(task);
  const lengths = resizeInputs(task);
  if (!lengths) return resizeByMatrices(task);
  const attributes = {
    ...RESIZE_ATTRIBUTES[mode](task.operation),
    coordinate_transformation_mode: { text: place },
  };
  return ofPixels(task, attributes, "Resize", ...lengths);
};

/** Writes a `resize` of any mode as a product with a matrix for each axis. */
export function resizeByMatrices(task: Task<"resize">): Form {
  const { input } = task;
  const maps = resize.axes(task.operation, [input.shape as readonly number[]], 0);
  return alongAxes(input, firstOrder(input.rank), changedAxes(task, maps, "it"), false);
}

/** Writes an AveragePool node, with channels first. */
export const writeAveragePool: Writer<"averagePool"> = (task) => {
  const { kernel, stride, padding, countPadding } = task.operation;
  const attributes: Attributes = {
    kernel_shape: { integers: kernel },
    strides: { integers: stride },
    pads: { integers: padding },
    count_include_pad: { integer: Number(countPadding) },
  };
  return ofPixels(task, attributes, "AveragePool");
};

/**
 * Returns the axis order of a tensor after a reduction over `axes`, given its axis order before: the axes that are left,
 * renumbered from 0; [0] if none is left.
 */
export function orderOfRest(order: readonly number[], axes: readonly number[]): number[] {
  const rest = order.filter((axis) => !axes.includes(axis));
  // A value has at least one axis.
  if (rest.length === 0) return [0];
  return rest.map((axis) => axis - axes.filter((gone) => gone < axis).length);
}

/** Writes nodes that sum or average over axes. */
export function writeReduce({ graph, operation, input, batch }: Task<"sum"> | Task<"mean">): Form {
  const { kind, axes, keepAxes } = operation;
  const { tensor, order } = input.any;
  const positions = axes.map((axis) => positionOf(order, axis)).sort((a, b) => a - b);
  const isWhole = axes.length === input.rank;
  const keeps = keepAxes || (isWhole && input.rank === 1);
  const reduced = graph[kind](tensor, positions, keeps);
  if (keeps) return { tensor: reduced, order };
  const rest = orderOfRest(order, axes);
  return { tensor: isWhole ? graph.reshape(reduced, [batch, 1] as Extent[]) : reduced, order: rest };
}

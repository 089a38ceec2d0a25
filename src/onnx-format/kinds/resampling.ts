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

// Operations that make a value longer or shorter along its axes.

/** ONNX's names of the ways to pad. */
export const PAD_MODES: { readonly [Mode in PadMode]: string } = {
  zeros: "constant",
  reflect: "reflect",
  edge: "edge",
};

/** Writes a Pad of the axes of pixels. */
export const writePad: Writer<"pad"> = ({ graph, operation: { padding, mode }, input }) => {
  const { tensor, order } = input.any;
  const axes = padding.length / 2;
  const side = (first: number) => [0, ...order.map((axis) => (axis < axes ? padding[first + axis]! : 0))];
  const pads = graph.integers([...side(0), ...side(axes)]);
  return { tensor: graph.applyWith({ mode: { text: PAD_MODES[mode] } }, "Pad", tensor, pads), order };
};

/** Attributes of Resize for each mode of `upsample`. */
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

/** Writes a Resize by whole factors. */
export const writeUpsample: Writer<"upsample"> = (task) => {
  const { scale, mode, alignCorners } = task.operation;
  const scales = task.graph.floats([1, 1, ...scale]);
  return ofPixels(task, UPSAMPLE_ATTRIBUTES[mode](alignCorners), "Resize", "", scales);
};

/** ONNX's names of the coordinates that Resize has in the opset of the file; undefined where a later one has them. */
const COORDINATES: { readonly [Each in ResizeCoordinates]: string | undefined } = {
  half_pixel: "half_pixel",
  half_pixel_symmetric: undefined,
  pytorch_half_pixel: "pytorch_half_pixel",
  asymmetric: "asymmetric",
  align_corners: "align_corners",
  tf_half_pixel_for_nn: undefined,
};

/** ONNX's names of the ways to choose the nearest pixel. */
const ROUNDINGS: { readonly [Each in ResizeFields["rounding"]]: string } = {
  round_prefer_floor: "round_prefer_floor",
  round_prefer_ceil: "round_prefer_ceil",
  floor: "floor",
  ceil: "ceil",
};

/** Attributes of Resize for each mode of `resize`, beside the coordinates. */
const RESIZE_ATTRIBUTES: { readonly [Mode in ResizeMode]: (operation: ResizeFields) => Attributes } = {
  nearest: ({ rounding }) => ({ mode: { text: "nearest" }, nearest_mode: { text: ROUNDINGS[rounding] } }),
  linear: () => ({ mode: { text: "linear" } }),
  cubic: ({ cubicCoefficient, excludeOutside }) => ({
    mode: { text: "cubic" },
    cubic_coeff_a: { float: cubicCoefficient },
    exclude_outside: { integer: Number(excludeOutside) },
  }),
};

/** True if ONNX Runtime has a mode's Resize for these scales. */
const IS_RUN: { readonly [Mode in ResizeMode]: (scale: readonly number[]) => boolean } = {
  nearest: () => true,
  linear: () => true,
  // For two axes only; and none to fewer pixels with channels last, which its optimizer makes.
  cubic: (scale) => scale.length === 2 && scale.every((each) => each >= 1),
};

/** Inputs of Resize after the first one, which give an operation its lengths and scales; undefined where none do. */
function resizeInputs({ graph, operation, input }: Task<"resize">): readonly (Tensor | "")[] | undefined {
  const { size, scale } = operation;
  const { shape, batch, first } = input;
  const lengths = shape.slice(0, -1) as readonly number[];
  // ONNX Runtime copies what has the lengths already.
  if (size.every((to, i) => to === lengths[i])) return undefined;
  // Runtimes round the product to float32, or not.
  const isProduct = size.every((to, i) => {
    const product = scale[i]! * lengths[i]!;
    return [product, Math.fround(product)].every((each) => Math.floor(each) === to);
  });
  if (isProduct) return ["", graph.floats([1, 1, ...scale])];
  if (size.some((to, i) => Math.fround(to / lengths[i]!) !== scale[i])) return undefined;
  return ["", "", graph.shape([batch, shape.at(-1), ...size], first)];
}

/** Writes a Resize where the opset of the file has one of that kind, else products with a matrix for each axis. */
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

/** Writes a resize as products with a matrix for each axis, of any mode. */
export function resizeByMatrices(task: Task<"resize">): Form {
  const { input } = task;
  const maps = resize.axes(task.operation, [input.shape as readonly number[]], 0);
  return alongAxes(input, firstOrder(input.rank), changedAxes(task, maps, "it"), false);
}

/** Writes an AveragePool, channels first. */
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

/** Order of what is left of a value without its reduced axes. */
export function orderOfRest(order: readonly number[], axes: readonly number[]): number[] {
  const rest = order.filter((axis) => !axes.includes(axis));
  // A value has an axis at least.
  if (rest.length === 0) return [0];
  return rest.map((axis) => axis - axes.filter((gone) => gone < axis).length);
}

/** Writes a sum or a mean. */
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

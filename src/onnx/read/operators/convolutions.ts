import { convolvedLengths, transposedLengths, type Window } from "../../../graph/convolution.ts";
import { type OperationKind, sizeOf } from "../../../graph/operations.ts";
import type { Writing } from "../graph-writer.ts";
import { arrange } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Tensor } from "../tensor.ts";
import { BATCH, makeValue, replaced, showAxes, splitAxis, type Value } from "../value.ts";
import { forEachImage, imagesOf } from "./images-in-batch.ts";
import { multiplied } from "./products.ts";

// Convolutions, and helpers for all operators that treat a value as pixels with channels.

/**
 * Arranges a value [batch, channels, height, width] or [batch, channels, width] as pixels: [height, width, channels] or
 * [width, channels] in the graph. If the file merges the images of a sample into the batch axis, `images` is their
 * number, otherwise 1; the graph concatenates their channels, and `channels` counts all of them.
 */
export function pixelsOf(node: Site, value: Value) {
  if (value.axes.slice(1).flat().includes(BATCH) || value.shape.includes("points")) {
    return node.refuse(`it reads ${showAxes(value)}, expected the batch first, and no points`);
  }
  const images = imagesOf(value);
  const { source, shape } = arrange(node, value, [...value.axes.slice(2), [...images, ...value.axes[1]!]]);
  const lengths = shape as readonly number[];
  return {
    source,
    lengths: lengths.slice(0, -1),
    channels: lengths.at(-1)!,
    images: sizeOf(images.map((axis) => value.shape[axis] as number)),
  };
}

/**
 * Maximum, on one axis, of output length × kernel length. The graph would refuse a larger one, too, but only after it has
 * counted all multiplications.
 */
const LONGEST_AXIS = 2 ** 22;

/**
 * Refuses a convolution in which output length × kernel length is above LONGEST_AXIS on an axis. The graph would refuse it too,
 * but only after counting its multiplications for long.
 */
function checkReach(node: Site, output: readonly number[], kernel: readonly number[]): void {
  const longest = Math.max(...output.map((length, axis) => length * kernel[axis]!));
  if (longest > LONGEST_AXIS)
    node.refuse(`it makes [${output}] pixels by a kernel of [${kernel}], far too many`);
}

/**
 * Converts pixels in the graph, [...lengths, channels of all images of a sample], back to a value with ONNX axes.
 *
 * @param like value before the operation; where the file merges the images of a sample into the batch axis of `like`, the
 *   result merges them too
 */
export function valueOfPixels(like: Value, source: string, shape: readonly number[]): Value {
  const images = imagesOf(like);
  const beside = images.map((axis) => like.shape[axis] as number);
  const axes = shape.length - 1;
  const pixels = Array.from({ length: axes }, (_, axis) => [axis]);
  const value = makeValue(
    source,
    [...shape.slice(0, -1), ...beside, shape.at(-1)! / sizeOf(beside)],
    [replaced(like.axes[0]!, (factor) => axes + images.indexOf(factor)), [axes + images.length], ...pixels],
  );
  return { ...value, sourceShape: shape };
}

/**
 * Writes an operation that maps pixels to pixels.
 *
 * @param like value before the operation
 * @param shape output shape in the graph, [...lengths, channels]
 */
export function writePixels(
  node: Site,
  kind: OperationKind,
  like: Value,
  source: string,
  shape: readonly number[],
  writing: Writing,
): Value {
  if (shape.some((length) => !Number.isInteger(length) || length < 1)) {
    return node.refuse(`it would make [${shape.slice(0, 8)}] of ${showAxes(like)}`);
  }
  return valueOfPixels(like, node.writer.write(kind, [source], shape, writing), shape);
}

/**
 * Ways of padding by `auto_pad`: as `pads` says; none; or as much as ⌈length / stride⌉ outputs need. In the last case, the
 * value is the function that rounds half of the padding to the number of pixels before the first one.
 */
const AUTO_PADS = {
  NOTSET: "given",
  VALID: "none",
  SAME_UPPER: Math.floor,
  SAME_LOWER: Math.ceil,
} as const;

/**
 * Reads the attributes of a node that moves a window over pixels: strides, dilations and padding. `lengths` are those of the
 * input's axes of pixels.
 */
function windowOf(node: NodeView, lengths: readonly number[], kernel: readonly number[]): Window {
  const axes = lengths.length;
  const each = (name: string, otherwise: number, min: number, count = axes) => {
    const given = node.integers(name);
    const numbers = given && given.length > 0 ? given : new Array<number>(count).fill(otherwise);
    const fits = numbers.length === count && numbers.every((number) => number >= min && number < 2 ** 31);
    return fits ? numbers : node.refuse(`its ${name} is [${numbers.slice(0, 8)}], expected ${count} numbers`);
  };
  const stride = each("strides", 1, 1);
  const dilation = each("dilations", 1, 1);
  const way = node.chosen("auto_pad", "NOTSET", AUTO_PADS);
  if (way === "given") return { kernel, stride, dilation, padding: each("pads", 0, 0, 2 * axes) };
  if (way === "none") return { kernel, stride, dilation, padding: new Array<number>(2 * axes).fill(0) };
  const total = lengths.map((length, axis) => {
    const outputs = Math.ceil(length / stride[axis]!);
    const reach = dilation[axis]! * (kernel[axis]! - 1) + 1;
    return (outputs - 1) * stride[axis]! + reach - length;
  });
  // At -1 the windows are the same whether or not the last pixel is cut off. Below it, ONNX Runtime 1.21 cuts off the first pixels,
  // too, and 1.30 fails on pooling; the standard has no negative padding.
  if (total.some((pixels) => pixels < -1)) {
    const auto = node.text("auto_pad", "");
    return node.refuse(
      `its strides are longer than its windows, for which ${auto} has no one meaning; export it with pads`,
    );
  }
  const none = total.map((pixels) => Math.max(pixels, 0));
  return { kernel, stride, dilation, padding: parted(none, way) };
}

/**
 * Reads the attributes of a pooling node: kernel, strides, dilations and padding. `lengths` are those of the input's axes of
 * pixels.
 */
export function poolingWindow(node: NodeView, lengths: readonly number[]): Window {
  const kernel = node.integers("kernel_shape") ?? [];
  if (kernel.length !== lengths.length || kernel.some((size) => size < 1 || size > 2 ** 24)) {
    return node.refuse(`its kernel_shape is [${kernel.slice(0, 8)}], of [${lengths}] pixels`);
  }
  return windowOf(node, lengths, kernel);
}

/**
 * Splits the total padding of each axis into that before and after it.
 *
 * @param round rounds half the padding, which goes before the axis
 */
function parted(total: readonly number[], round: (half: number) => number): number[] {
  const before = total.map((pixels) => round(pixels / 2));
  return [...before, ...total.map((pixels, axis) => pixels - before[axis]!)];
}

/**
 * Reads the constant kernel and bias of a convolution, and checks them.
 *
 * @param channels number of input channels of one image
 */
function parametersOf(node: NodeView, axes: number, channels: number, isTransposed: boolean) {
  const weight = node.tensor(1);
  const groups = node.integer("group", 1);
  const [first, second] = weight.shape;
  const kernel = weight.shape.slice(2);
  const units = isTransposed ? second! * groups : first!;
  const inputs = isTransposed ? first : second! * groups;
  const areGroups = groups >= 1 && units >= 1 && units % groups === 0 && channels % groups === 0;
  const isSound = areGroups && inputs === channels && kernel.every((size) => size >= 1);
  if (!isSound || weight.shape.length !== axes + 2) {
    return node.refuse(
      `its kernel is [${weight.shape.slice(0, 8)}] in ${groups} groups, of an input with ${channels} channels`,
    );
  }
  const declared = node.integers("kernel_shape");
  if (declared && declared.length > 0 && String(declared) !== String(kernel)) {
    return node.refuse(`its kernel_shape is [${declared.slice(0, 8)}], but its kernel is [${kernel}]`);
  }
  return { weight: weight.values, kernel, groups, units, bias: biasOf(node, node.optional(2), units) };
}

type Parameters = ReturnType<typeof parametersOf>;

function biasOf(node: NodeView, bias: Tensor | undefined, units: number) {
  if (!bias) return new Float32Array(units);
  if (bias.values.length === units) return bias.values;
  return node.refuse(`its bias has ${bias.values.length} numbers, expected ${units}`);
}

/** Translates a Conv node. Values with an axis of points only allow a kernel of size 1. */
export function conv(node: NodeView): Value {
  const value = node.value(0);
  const isOfPoints = value.shape.includes("points");
  if ((isOfPoints || imagesOf(value).length > 0) && hasOneTap(node, value)) return convOfOneTap(node, value);
  if (isOfPoints) return node.refuse("it reads points, of which only a kernel of one tap makes sense");
  const { source, lengths, channels, images } = pixelsOf(node, value);
  const parameters = parametersOf(node, lengths.length, channels / images, false);
  const { kernel } = parameters;
  const window = windowOf(node, lengths, kernel);
  const output = convolvedLengths(window, lengths);
  checkReach(node, output, kernel);
  const { weight, bias, groups, units } = forEachImage(node, parameters, images);
  const { stride, padding, dilation } = window;
  const settings = { channels: units, kernel, stride, padding, dilation, groups };
  return writePixels(node, "conv", value, source, [...output, units], { settings, weight, bias });
}

/** True if a convolution reads one pixel at a time: kernel size 1, stride 1, no padding, one group. */
function hasOneTap(node: NodeView, value: Value): boolean {
  const [, , ...kernel] = node.tensor(1).shape;
  const isPlain = (name: string, number: number) =>
    (node.integers(name) ?? []).every((each) => each === number);
  const isOne = kernel.length === value.axes.length - 2 && kernel.every((size) => size === 1);
  return isOne && isPlain("strides", 1) && isPlain("pads", 0) && node.integer("group", 1) === 1;
}

/** Writes a convolution with a kernel of size 1 as a dense layer on the channels of each pixel or point. */
function convOfOneTap(node: NodeView, value: Value): Value {
  const { shape, values } = node.tensor(1);
  const [units, channels] = shape as [number, number];
  const matrix = { values, rows: channels, columns: units, rowStride: 1, columnStride: channels };
  return multiplied(node, value, 1, matrix, biasOf(node, node.optional(2), units));
}

/**
 * Translates a ConvTranspose node. If images are merged into the batch and the kernel is as long as the stride, it
 * becomes a dense layer on each pixel.
 */
export function convTranspose(node: NodeView): Value {
  const value = node.value(0);
  const { source, lengths, channels, images } = pixelsOf(node, value);
  const parameters = parametersOf(node, lengths.length, channels / images, true);
  const { kernel } = parameters;
  const axes = lengths.length;
  const way = node.chosen("auto_pad", "NOTSET", AUTO_PADS);
  const given = windowOf(node, lengths, kernel);
  const { stride, dilation } = given;
  const extra = node.integers("output_padding") ?? [];
  const outputPadding = extra.length > 0 ? extra : new Array<number>(axes).fill(0);
  const wanted = node.integers("output_shape")?.slice(-axes);
  if (outputPadding.length !== axes || (wanted && wanted.length !== axes)) {
    return node.refuse("its output_padding or output_shape is not for its axes");
  }
  const none = new Array<number>(2 * axes).fill(0);
  const full = transposedLengths({ ...given, padding: none, outputPadding }, lengths);
  const isSame = typeof way !== "string";
  const target = wanted ?? (isSame ? lengths.map((length, axis) => length * stride[axis]!) : undefined);
  const surplus = target && full.map((length, axis) => length - target[axis]!);
  const padding = surplus ? parted(surplus, isSame ? way : Math.ceil) : given.padding;
  if (padding.some((pixels) => pixels < 0)) return node.refuse("its output_shape is larger than its output");
  const output = full.map((length, axis) => length - padding[axis]! - padding[axis + axes]!);
  const isApart = parameters.groups === 1 && kernel.every((size, axis) => size === stride[axis]);
  if (images > 1 && isApart && [...padding, ...outputPadding].every((pixels) => pixels === 0)) {
    if (kernel.every((size, axis) => size === 1 || dilation[axis] === 1))
      return patches(node, value, parameters);
  }
  checkReach(node, output, kernel);
  const { weight, bias, groups, units } = forEachImage(node, parameters, images);
  const settings = { channels: units, kernel, stride, padding, dilation, groups, outputPadding };
  return writePixels(node, "convTranspose", value, source, [...output, units], { settings, weight, bias });
}

/**
 * Writes a transposed convolution whose kernel is as long as its stride: a dense layer maps each pixel to a patch of
 * pixels, and patches do not overlap.
 */
function patches(node: Site, value: Value, { weight, kernel, units, bias }: Parameters): Value {
  const taps = sizeOf(kernel);
  const columns = units * taps;
  const rows = weight.length / columns;
  const matrix = { values: weight, rows, columns, rowStride: columns, columnStride: 1 };
  const biases = new Float64Array(columns).map((_, column) => bias[Math.floor(column / taps)]!);
  const product = multiplied(node, value, 1, matrix, biases);
  const lengths = [units, ...kernel];
  const [stored] = product.axes[1]!;
  const longer = lengths.filter((length) => length !== 1);
  const split = stored === undefined ? product : splitAxis(product, stored, longer);
  let next = 0;
  const parts = lengths.map((length) => (length === 1 ? [] : [split.axes[1]![next++]!]));
  const [batch, , ...pixels] = split.axes;
  const longerPixels = pixels.map((factors, axis) => [...factors, ...parts[axis + 1]!]);
  return { ...split, axes: [batch!, parts[0]!, ...longerPixels] };
}

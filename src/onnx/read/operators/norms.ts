import { sizeOf } from "../../../graph/operations.ts";
import { lastAxes } from "../arrangement.ts";
import { arrange, fixedLength, storedAxes, withLast, writeAlong } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Numbers } from "../tensor.ts";
import { softmaxAxes } from "../upgrade-opset.ts";
import { BATCH, dimensionAt, isConstant, reordered, type Value } from "../value.ts";
import { combine, pointwise } from "./arithmetic.ts";
import { imagesOf, repeated } from "./images-in-batch.ts";
import { extremaOver, reduce } from "./reductions.ts";

// Translates normalisation and softmax operators.

const ones = (count: number) => new Float32Array(count).fill(1);

/** Returns a constant input that has one number per channel. */
function vector(node: NodeView, input: number, channels: number): Numbers {
  const { values } = node.tensor(input);
  if (values.length === channels) return values;
  return node.refuse(`its input ${input} has ${values.length} numbers, expected ${channels}`);
}

/** Returns the length of an ONNX axis; refuses the batch and points, whose lengths vary. */
function lengthOf(node: Site, value: Value, axis: number): number {
  const lengths = (value.axes[axis] ?? node.refuse("what it reads has too few axes")).map((factor) => {
    const length = factor === BATCH ? "batch" : value.shape[factor]!;
    return typeof length === "number" ? length : node.refuse(`it treats the ${length} as channels`);
  });
  return sizeOf(lengths);
}

/** Translates a BatchNormalization node, as a scale and a shift per channel. */
export function batchNorm(node: NodeView): Value {
  if (node.integer("training_mode", 0) !== 0) {
    return node.refuse(
      "it is in training mode, statistics over the batch; export the model after model.eval()",
    );
  }
  const value = node.value(0);
  const channels = lengthOf(node, value, 1);
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((input) => vector(node, input, channels));
  const epsilon = node.float("epsilon", 1e-5);
  const weight = Float64Array.from(scale!, (number, i) => number / Math.sqrt(variance![i]! + epsilon));
  const bias = Float64Array.from(shift!, (number, i) => number - mean![i]! * weight[i]!);
  return writeAlong(node, "affine", value, 1, { weight, bias });
}

/**
 * Translates an InstanceNormalization node, which normalises each position of the second axis over all later axes.
 * PyTorch exports GroupNorm in this form, after a reshape to groups of adjacent channels; it becomes the graph's
 * `groupNorm`.
 */
export function instanceNorm(node: NodeView): Value {
  const value = node.value(0);
  const groups = lengthOf(node, value, 1);
  const [scale, shift] = [vector(node, 1, groups), vector(node, 2, groups)];
  const own = value.axes[1]!;
  const images = imagesOf(value);
  const stored = storedAxes(value).filter((axis) => !images.includes(axis));
  // If there is a single group, it contains all numbers, so any axis may serve as its channels.
  const start = own[0] ?? stored.at(-1) ?? 0;
  const isTogether = own.every((axis, i) => axis === start + i);
  // Stored axes within a group, and those of pixels around it.
  const within = stored.filter((axis) => axis >= start + own.length);
  const around = stored.filter((axis) => axis < start);
  if (!isTogether || stored.some((axis) => value.shape[axis] === "points")) {
    return node.refuse("it normalises axes that lie otherwise than those of pixels and channels");
  }
  // Numbers stored channel by channel would need as many weights as there are pixels. If the number of channels per group
  // is known, pixels are put first.
  const count = around.length === 0 ? channelsOfGroup(node, value, groups) : undefined;
  const inner = count === undefined ? within : axesOfProduct(value, within, count);
  const outer = count === undefined ? around : within.filter((axis) => !inner.includes(axis));
  const size = sizeOf(inner.map((axis) => value.shape[axis] as number));
  const [weight, bias] = [scale, shift].map((numbers) =>
    new Float64Array(groups * size).map((_, i) => numbers[Math.floor(i / size)]!),
  );
  return normalisedGroups(node, value, outer, [...own, ...inner], groups, weight!, bias!);
}

/**
 * Writes a normalisation of groups of channels over the pixels, separately for each image of a sample.
 *
 * @param pixels stored axes of the pixels
 * @param channels stored axes of the channels
 */
function normalisedGroups(
  node: NodeView,
  value: Value,
  pixels: readonly number[],
  channels: readonly number[],
  groups: number,
  weight: Numbers,
  bias: Numbers,
): Value {
  const images = imagesOf(value);
  const all = [...images, ...channels];
  const { source, shape } = arrange(node, value, [...pixels.map((axis) => [axis]), all]);
  const count = sizeOf(images.map((axis) => value.shape[axis] as number));
  const settings = { groups: groups * count, epsilon: node.float("epsilon", 1e-5) };
  const normalised = node.writer.write("groupNorm", [source], shape, {
    settings,
    weight: repeated(weight, count),
    bias: repeated(bias, count),
  });
  return reordered(value, normalised, shape, [...pixels, ...all]);
}

/**
 * Returns the number of channels per group, if the file has reshaped channels to groups for a GroupNorm; undefined if
 * unknown.
 */
function channelsOfGroup(node: NodeView, value: Value, groups: number): number | undefined {
  if (value.axes.length > 3) return 1;
  const reshape = node.scope.makers.get(node.node.inputs[0]!);
  const before = reshape?.operator === "Reshape" ? reshape.inputs[0] : undefined;
  if (!before || isConstant(before) || before.axes.length < 3) return undefined;
  const { count } = dimensionAt(before, 1);
  return count % groups === 0 ? count / groups : undefined;
}

/** Returns the leading `axes` whose lengths multiply to `product`; all `axes` if no leading ones do. */
function axesOfProduct(value: Value, axes: readonly number[], product: number): readonly number[] {
  let all = 1;
  for (let i = 0; i <= axes.length; i++) {
    if (all === product) return axes.slice(0, i);
    all *= value.shape[axes[i]!] as number;
  }
  return axes;
}

/** Translates a GroupNormalization node. */
export function groupNorm(node: NodeView): Value {
  const value = node.value(0);
  const channels = lengthOf(node, value, 1);
  const groups = node.integer("num_groups") ?? node.refuse("its num_groups is missing");
  if (!(groups >= 1) || channels % groups !== 0) {
    return node.refuse(`its num_groups is ${groups}, of ${channels} channels`);
  }
  for (let axis = 2; axis < value.axes.length; axis++) {
    fixedLength(node, value, axis, "it takes statistics over the batch or the points");
  }
  // Before opset 21 there is one scale and one shift per group.
  const perChannel = (input: number): Numbers => {
    const { values } = node.tensor(input);
    if (values.length !== groups) return vector(node, input, channels);
    return new Float64Array(channels).map((_, i) => values[Math.floor((i * groups) / channels)]!);
  };
  const [, own] = value.axes;
  const pixels = storedAxes(value).filter((axis) => !own!.includes(axis) && !imagesOf(value).includes(axis));
  return normalisedGroups(node, value, pixels, own!, groups, perChannel(1), perChannel(2));
}

/** Writes a normalisation over ONNX axes: by mean and variance (layer norm), or by the mean of squares (RMS norm). */
export function normalise(
  node: Site,
  kind: "layerNorm" | "rmsNorm",
  value: Value,
  axes: readonly number[],
  epsilon: number,
  weight?: Numbers,
  bias?: Numbers,
): Value {
  if (!(epsilon > 0)) return node.refuse(`it adds ${epsilon} to the variance, expected more than 0`);
  const count = sizeOf(axes.map((axis) => lengthOf(node, value, axis)));
  if (weight && weight.length !== count) {
    return node.refuse(`it scales by ${weight.length} numbers, expected ${count}`);
  }
  const { source, shape, order } = withLast(node, value, axes);
  const normalised = node.writer.write(kind, [source], shape, {
    settings: { epsilon },
    weight: weight ?? ones(count),
    ...(kind === "layerNorm" && { bias: bias ?? new Float32Array(count) }),
  });
  return reordered(value, normalised, shape, order);
}

/** Translates a LayerNormalization node, over the last axes. */
export function layerNorm(node: NodeView): Value {
  const value = node.value(0);
  const axes = lastAxes(node, value.axes.length);
  const [weight, bias] = [node.optional(1)?.values, node.optional(2)?.values];
  return normalise(node, "layerNorm", value, axes, node.float("epsilon", 1e-5), weight, bias);
}

/** Translates an RMSNormalization node, over the last axes. */
export function rmsNorm(node: NodeView): Value {
  const value = node.value(0);
  const axes = lastAxes(node, value.axes.length);
  return normalise(node, "rmsNorm", value, axes, node.float("epsilon", 1e-5), node.optional(1)?.values);
}

/** Translates a Softmax node, over the axes that its opset defines. */
export function softmax(node: NodeView): Value {
  const value = node.value(0);
  const axes = softmaxAxes(node, value.axes.length);
  for (const axis of axes) lengthOf(node, value, axis);
  const { source, shape, order } = withLast(node, value, axes);
  return reordered(value, node.writer.write("softmax", [source], shape), shape, order);
}

/**
 * Translates a LogSoftmax node, as x - m - log Σ exp(x - m) with m = max x. The logarithm of a softmax would be -∞ where the
 * softmax underflows to 0.
 */
export function logSoftmax(node: NodeView): Value {
  const value = node.value(0);
  const axes = softmaxAxes(node, value.axes.length);
  for (const axis of axes) lengthOf(node, value, axis);
  const shifted = combine(node, "sub", value, extremaOver(node, "maximum", value, axes));
  const sum = reduce(node, "sum", pointwise(node, shifted, "exp"), axes);
  return combine(node, "sub", shifted, pointwise(node, sum, "log"));
}

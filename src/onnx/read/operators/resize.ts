import {
  isUnresized,
  type Ratio,
  RESIZE_COORDINATES,
  RESIZE_MODES,
  RESIZE_ROUNDINGS,
  type ResizeFields,
  type ResizeMode,
} from "../../../graph/kinds/resize.ts";
import type { UpsampleMode } from "../../../graph/kinds/upsample.ts";
import type { NodeView } from "../node-view.ts";
import { dimensionsOf, isConstant, showAxes, type Value } from "../value.ts";
import { pixelsOf, writePixels } from "./convolutions.ts";

// Translates Resize nodes: as `upsample` by whole factors, the usual case in PyTorch's exports, else as `resize`.

/** Attributes of a node that determine how output pixels are computed, without lengths. */
type Rule = Omit<ResizeFields, "size" | "scale">;

/** Mode of `upsample` for each mode of Resize; undefined if `upsample` has none. */
const UPSAMPLE_MODES: { readonly [Mode in ResizeMode]: UpsampleMode | undefined } = {
  nearest: "nearest",
  linear: "bilinear",
  cubic: undefined,
};

/** Translates a Resize node, as `upsample` if factors are whole and its mode allows it, else as `resize`. */
export function resize(node: NodeView): Value {
  const value = node.value(0);
  const rule = ruleOf(node);
  const axes = resizedAxes(node, value);
  const moves = axes.map((axis) => !isUnresized(axis, rule.coordinates));
  if (!moves.includes(true)) return value;
  if (axes.slice(0, 2).some(({ from, to, scale }) => from !== to || scale !== 1)) {
    return node.refuse("it resizes the batch or the channels");
  }
  const { source, lengths, channels } = pixelsOf(node, value);
  const pixels = axes.slice(2);
  checkDefined(node, rule, pixels);
  checkWhole(node, rule, pixels);
  const size = pixels.map(({ to }) => to);
  if (isUpsampling(rule, pixels)) {
    if (String(size) === String(lengths)) return value;
    const settings = {
      scale: pixels.map(({ from, to }) => to / from),
      mode: UPSAMPLE_MODES[rule.mode],
      ...(rule.mode === "linear" && { alignCorners: rule.coordinates === "align_corners" }),
    };
    return writePixels(node, "upsample", value, source, [...size, channels], { settings });
  }
  // If an output pixel depends on several along both axes, axes are resized one after the other, which is cheaper.
  const isSeparate = (rule.mode === "cubic" || rule.antialias) && pixels.every((_, i) => moves[i + 2]);
  const steps = isSeparate ? pixels.map((_, i) => [i]) : [pixels.map((_, i) => i)];
  let made = { source, lengths, result: value };
  for (const step of steps) {
    const to = made.lengths.map((length, i) => (step.includes(i) ? size[i]! : length));
    const scale = pixels.map((each, i) => (step.includes(i) ? each.scale : 1));
    const settings = { ...rule, size: to, scale };
    const result = writePixels(node, "resize", value, made.source, [...to, channels], { settings });
    made = { source: result.source as string, lengths: to, result };
  }
  return made.result;
}

/** Translates an Upsample node of opset 9, which only has scales. */
export function upsample(node: NodeView): Value {
  if (node.scope.opset < 10) return resize(node);
  return node.refuse("it is an operator of opset 9 alone; use Resize");
}

function ruleOf(node: NodeView): Rule {
  const mode = node.choice("mode", "nearest", RESIZE_MODES);
  const rule = {
    mode,
    coordinates: node.choice("coordinate_transformation_mode", "half_pixel", RESIZE_COORDINATES),
    rounding: node.choice("nearest_mode", "round_prefer_floor", RESIZE_ROUNDINGS),
    cubicCoefficient: mode === "cubic" ? node.float("cubic_coeff_a", -0.75) : -0.75,
    antialias: node.integer("antialias", 0) !== 0,
    excludeOutside: node.integer("exclude_outside", 0) !== 0,
  };
  const { coordinates, rounding } = rule;
  if (rule.antialias && mode === "nearest") return node.refuse('it has antialias, but its mode is "nearest"');
  if (rule.excludeOutside && mode !== "cubic" && !rule.antialias) {
    return node.refuse(
      `it has exclude_outside, which is for "cubic" and antialias, but its mode is "${mode}"`,
    );
  }
  if (coordinates === "tf_half_pixel_for_nn") {
    if (mode !== "nearest")
      return node.refuse(`its mode is "${mode}" with ${coordinates}, expected "nearest"`);
    // This mode maps even the first sample of the batch to 0.5, which these roundings turn into 1.
    if (rounding === "ceil" || rounding === "round_prefer_ceil") {
      return node.refuse(`its nearest_mode is "${rounding}" with ${coordinates}, which moves the batch`);
    }
  }
  return rule;
}

/**
 * Refuses nodes with an axis that keeps its length despite a scale other than 1, where ONNX Runtime copies and the standard
 * interpolates. ONNX Runtime copies if all axes keep their lengths or, with antialias, along every axis that keeps its length.
 */
function checkDefined(node: NodeView, { antialias }: Rule, pixels: readonly Ratio[]): void {
  const stays = pixels.map(({ from, to }) => from === to);
  const isCopied = (i: number) => (antialias ? stays[i] : !stays.includes(false)) && pixels[i]!.scale !== 1;
  if (!pixels.some((_, i) => isCopied(i))) return;
  const [lengths, scales] = [pixels.map(({ to }) => to), pixels.map(({ scale }) => scale)];
  node.refuse(
    `it leaves [${lengths}] pixels as many by [${scales}], which has no one meaning; use a scale of 1`,
  );
}

/** Share of a length by which rounding to float32 moves the product of a length and a scale. */
const ROUNDING = 2 ** -22;

/**
 * Refuses nodes that align corners by a scale of which the new length is not a whole number. ONNX Runtime and PyTorch divide by the
 * length rounded down, the standard's test data by the fraction.
 */
function checkWhole(node: NodeView, { coordinates }: Rule, pixels: readonly Ratio[]): void {
  if (coordinates !== "align_corners") return;
  const isWhole = ({ from, to, scale }: Ratio) => Math.abs(from * scale - to) <= ROUNDING * to;
  if (pixels.every((each) => isWhole(each) || each.from === 1 || each.to === 1)) return;
  const [lengths, scales] = [pixels.map(({ from }) => from), pixels.map(({ scale }) => scale)];
  node.refuse(
    `it aligns corners of [${lengths}] pixels by [${scales}], which makes no whole number of them and has no one meaning; give the new size in place of scales`,
  );
}

/** Maximum length of an axis for which float32 distinguishes all positions after halving and dividing. */
const MOST_EXACT = 2 ** 21;

/** True if lengths grow by whole factors, in a way that `upsample` computes. */
function isUpsampling({ mode, coordinates, rounding, antialias }: Rule, pixels: readonly Ratio[]): boolean {
  const isCentred = coordinates === "half_pixel" || coordinates === "pytorch_half_pixel";
  const isWhole = pixels.every(({ from, to, scale }) => Number.isInteger(to / from) && scale === to / from);
  if (!isWhole) return false;
  if (mode === "linear") {
    const isOne = coordinates === "pytorch_half_pixel" && pixels.some(({ to }) => to === 1);
    return (isCentred || coordinates === "align_corners") && !isOne && !antialias;
  }
  if (mode !== "nearest" || pixels.some(({ to }) => to > MOST_EXACT)) return false;
  if (coordinates === "asymmetric") return rounding === "floor";
  return isCentred && (rounding === "round_prefer_floor" || rounding === "round_prefer_ceil");
}

/** Returns old length, new length and scale of each axis, from the node's scales or sizes, given for all or some axes. */
function resizedAxes(node: NodeView, value: Value): Ratio[] {
  const lengths = dimensionsOf(value).map(({ count }) => count);
  const named = node.integers("axes");
  const axes = named && named.length > 0 ? node.axes(named, lengths.length) : lengths.map((_, axis) => axis);
  const scales = node.optional(2)?.values;
  const hasScales = scales !== undefined && scales.length > 0;
  const given = hasScales ? [...scales] : sizesOf(node, axes, lengths);
  if (given.length !== axes.length) {
    return node.refuse(
      `it has ${given.length} ${hasScales ? "scales" : "sizes"}, of ${showAxes(value)}; expected ${axes.length}`,
    );
  }
  const resized: Ratio[] = lengths.map((from) => ({ from, to: from, scale: 1 }));
  for (const [i, axis] of axes.entries()) {
    const from = lengths[axis]!;
    // ONNX Runtime multiplies in float32, in which ten pixels by 0.7 are seven.
    const [to, scale] = hasScales
      ? [Math.floor(Math.fround(Math.fround(given[i]!) * from)), Math.fround(given[i]!)]
      : [given[i]!, Math.fround(given[i]! / from)];
    if (!(to >= 1 && to < 2 ** 24)) return node.refuse(`it makes ${to} pixels of an axis`);
    resized[axis] = { from, to, scale };
  }
  return hasScales ? resized : keepingRatio(node, axes, resized);
}

/** Returns the new lengths that the node gives as sizes. */
function sizesOf(node: NodeView, axes: readonly number[], lengths: readonly number[]): number[] {
  const sizes = node.operand(3);
  const { at } = isConstant(sizes) ? sizes : node.refuse("its sizes are computed");
  const [first] = at;
  return Array.from(first!.values, (size, i) => {
    // The batch is never resized, so the length given for it is ignored.
    if (axes[i] === 0) return lengths[0]!;
    const isSame = at.every(({ values }) => values[i] === size);
    return isSame ? size : node.refuse("its sizes depend on the batch or the points");
  });
}

/** Function that chooses one scale for all axes, by `keep_aspect_ratio_policy`; undefined if each axis has its own scale. */
const ASPECT_RATIOS = { stretch: undefined, not_larger: Math.min, not_smaller: Math.max };

/** Gives all axes that the node names the same scale, if the node keeps the aspect ratio. */
function keepingRatio(node: NodeView, axes: readonly number[], resized: readonly Ratio[]): Ratio[] {
  const choose = node.chosen("keep_aspect_ratio_policy", "stretch", ASPECT_RATIOS);
  if (!choose) return [...resized];
  const scale = choose(...axes.map((axis) => resized[axis]!.scale));
  return resized.map((each, axis) => {
    if (!axes.includes(axis)) return each;
    return { from: each.from, to: Math.floor(Math.fround(scale * each.from) + 0.5), scale };
  });
}

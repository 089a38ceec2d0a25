import { sizeOf, stridesOf } from "../../graph/operations.ts";
import { arrange, joined, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import { dimensionAt, dimensionsOf, makeValue, type Value } from "../value.ts";
import { combine, LARGEST } from "./arithmetic.ts";
import { pixelsOf, windowOf, writePixels } from "./convolutions.ts";
import { positions } from "./rearranging.ts";

// More pixels, or fewer.

export function resize(node: NodeView): Value {
  const value = node.value(0);
  const lengths = dimensionsOf(value);
  const { targets, scales } = resizedLengths(
    node,
    lengths.map(({ count }) => count),
  );
  // A scale moves pixels also where it leaves as many of them.
  const changes = targets.map((target, axis) => target !== lengths[axis]!.count || scales[axis] !== 1);
  if (!changes.includes(true)) return value;
  if (changes[0] || changes[1]) return node.refuse("it resizes the batch or the channels");
  const { source, lengths: from, channels } = pixelsOf(node, value);
  const to = targets.slice(2);
  const mode = node.choice("mode", "nearest", ["nearest", "linear"]);
  const place = node.text("coordinate_transformation_mode", "half_pixel");
  if (mode === "nearest") {
    const rule = node.text("nearest_mode", "round_prefer_floor");
    const isEven = from.every((length, axis) => {
      const factor = to[axis]! / length;
      return (
        Number.isInteger(factor) &&
        Array.from({ length: to[axis]! }, (_, at) => at).every((at) => {
          const own = { at, from: length, to: to[axis]!, scale: scales[axis + 2]! };
          return nearest(node, rule, placeOf(node, place, own), length) === Math.floor(at / factor);
        })
      );
    });
    if (!isEven)
      return node.refuse(
        `it resizes [${from}] to [${to}] by [${scales.slice(2)}], nearest pixels, expected whole multiples`,
      );
  } else {
    const isSound = place === "half_pixel" || place === "pytorch_half_pixel" || place === "align_corners";
    // The scale says where pixels lie, and need not be the quotient of the lengths.
    const isWhole = from.every((length, axis) => {
      const scale = to[axis]! / length;
      return Number.isInteger(scale) && (place === "align_corners" || scales[axis + 2] === scale);
    });
    const isOne = place === "pytorch_half_pixel" && to.includes(1);
    if (!isSound || !isWhole || isOne || node.integer("antialias", 0) !== 0) {
      return node.refuse(
        `it resizes [${from}] to [${to}] by [${scales.slice(2)}] with "${place}", expected whole multiples, "half_pixel" or "align_corners"`,
      );
    }
  }
  if (String(from) === String(to)) return value;
  const settings = {
    scale: from.map((length, axis) => to[axis]! / length),
    mode: mode === "linear" ? "bilinear" : "nearest",
    ...(mode === "linear" && { alignCorners: place === "align_corners" }),
  };
  return writePixels(node, "upsample", value, source, [...to, channels], { settings });
}

/** The lengths that a Resize names, by scales or as they are, for all axes or some. */
function resizedLengths(node: NodeView, lengths: readonly number[]) {
  const named = node.integers("axes");
  const axes = named && named.length > 0 ? node.axes(named, lengths.length) : lengths.map((_, axis) => axis);
  const scalesGiven = node.optional(2)?.values;
  const scales = scalesGiven && scalesGiven.length > 0 ? scalesGiven : undefined;
  const sizes = scales ? undefined : node.operand(3);
  const first = sizes && ("at" in sizes ? sizes.at : node.refuse("its sizes are computed"));
  if (first?.some(({ values }) => values.length !== axes.length)) return node.refuse("its sizes do not fit");
  if (scales && scales.length !== axes.length) return node.refuse("its scales do not fit");
  if (node.text("keep_aspect_ratio_policy", "stretch") !== "stretch")
    return node.refuse("it keeps the aspect ratio");
  const targets = [...lengths];
  const factors = lengths.map(() => 1);
  for (const [i, axis] of axes.entries()) {
    // The batch is as long as it is, whatever its length has been called.
    if (axis < 2 && first) {
      if (axis === 0) continue;
      targets[axis] = first[0]!.values[i]!;
      continue;
    }
    if (first?.some(({ values }) => values[i] !== first[0]!.values[i])) {
      return node.refuse("its sizes depend on the batch or the points");
    }
    targets[axis] = scales ? Math.floor(lengths[axis]! * scales[i]!) : first![0]!.values[i]!;
    factors[axis] = scales ? scales[i]! : targets[axis]! / lengths[axis]!;
    if (!(targets[axis]! >= 1 && targets[axis]! < 2 ** 24))
      node.refuse(`it makes ${targets[axis]} pixels of an axis`);
  }
  return { targets, scales: factors };
}

interface Along {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** Where a pixel of the output lies on the input. */
function placeOf(node: NodeView, mode: string, { at, from, to, scale }: Along): number {
  if (mode === "asymmetric") return at / scale;
  if (mode === "half_pixel") return (at + 0.5) / scale - 0.5;
  if (mode === "pytorch_half_pixel") return to > 1 ? (at + 0.5) / scale - 0.5 : 0;
  if (mode === "align_corners") return to > 1 ? (at * (from - 1)) / (to - 1) : 0;
  return node.refuse(`its coordinate_transformation_mode is "${mode.slice(0, 40)}"`);
}

function nearest(node: NodeView, rule: string, place: number, length: number): number {
  const rules: Readonly<Record<string, (place: number) => number>> = {
    floor: Math.floor,
    ceil: Math.ceil,
    round_prefer_floor: (x) => Math.ceil(x - 0.5),
    round_prefer_ceil: (x) => Math.floor(x + 0.5),
  };
  const round = Object.hasOwn(rules, rule) ? rules[rule]! : node.refuse("its nearest_mode is none");
  return Math.min(Math.max(round(place), 0), length - 1);
}

export function pad(node: NodeView): Value {
  const value = node.value(0);
  const rank = value.axes.length;
  const pads = [...node.tensor(1).values];
  const axes = node.axes([...(node.optional(3)?.values ?? value.axes.keys())], rank);
  if (
    pads.length !== 2 * axes.length ||
    pads.some((pixels) => !Number.isInteger(pixels) || pixels > 2 ** 24)
  ) {
    return node.refuse(`its pads are [${pads.slice(0, 16)}], expected two for each axis`);
  }
  const mode = node.choice("mode", "constant", ["constant", "reflect", "edge"]);
  const filler = mode === "constant" ? (node.scalar(2) ?? 0) : 0;
  if (Number.isNaN(filler)) return node.refuse("it pads with NaN, expected a number");
  const of = (axis: number) => {
    const i = axes.indexOf(axis);
    return i < 0 ? [0, 0] : [pads[i]!, pads[i + axes.length]!];
  };
  // What is below 0 is cut away.
  let part = value;
  for (const axis of axes) {
    const [before, behind] = of(axis).map((pixels) => Math.max(-pixels, 0));
    if (before === 0 && behind === 0) continue;
    part = positions(node, part, axis, before!, dimensionAt(part, axis).count - before! - behind!);
  }
  const padded = axes.filter((axis) => of(axis).some((pixels) => pixels > 0));
  let result = part;
  // Two axes at a time, which are pixels for that; all others are channels.
  for (let i = 0; i < padded.length; i += 2) result = padAxes(node, result, padded.slice(i, i + 2), of, mode);
  if (filler === 0 || padded.length === 0) return result;
  // Added to the zeros: shifting the pixels by a number far from theirs and back would round them away.
  const inside = (position: number, axis: number) => {
    const before = Math.max(of(axis)[0]!, 0);
    return position >= before && position < before + dimensionAt(part, axis).count;
  };
  return combine(
    node,
    "add",
    result,
    frame(result, padded, Math.min(Math.max(filler, -LARGEST), LARGEST), inside),
  );
}

/** Constants that are 0 inside and `filler` outside, along some axes of a value. */
function frame(
  like: Value,
  axes: readonly number[],
  filler: number,
  inside: (position: number, axis: number) => boolean,
): Value {
  const shape = like.axes.map((_, axis) => (axes.includes(axis) ? dimensionAt(like, axis).count : 1));
  const strides = stridesOf(shape);
  const numbers = new Float32Array(sizeOf(shape)).map((_, i) =>
    shape.every((length, axis) => length === 1 || inside(Math.floor(i / strides[axis]!) % length, axis))
      ? 0
      : filler,
  );
  return makeValue(
    numbers,
    shape,
    shape.map((_, axis) => [axis]),
  );
}

function padAxes(
  node: NodeView,
  value: Value,
  axes: readonly number[],
  of: (axis: number) => number[],
  mode: string,
): Value {
  const whole = axes.reduce((joint, axis) => joined(node, joint, axis), value);
  const lengths = axes.map((axis) => {
    const { count, hasBatch, hasPoints } = dimensionAt(whole, axis);
    return hasBatch || hasPoints ? node.refuse("it pads the batch or the points") : count;
  });
  const own = axes.flatMap((axis) => whole.axes[axis]!);
  const others = storedAxes(whole).filter((axis) => !own.includes(axis));
  const { source, shape } = arrange(node, whole, [...axes.map((axis) => whole.axes[axis]!), others]);
  const [before, behind] = [0, 1].map((side) => axes.map((axis) => Math.max(of(axis)[side]!, 0)));
  const padding = [...before!, ...behind!];
  if (mode === "reflect" && padding.some((pixels, i) => pixels >= lengths[i % axes.length]!)) {
    return node.refuse("it reflects more pixels than there are");
  }
  const padded = lengths.map((length, i) => length + before![i]! + behind![i]!);
  const settings = { padding, mode: mode === "constant" ? "zeros" : mode };
  const made = node.writer.write("pad", [source], [...padded, shape.at(-1)!], { settings });
  const result = [...padded, ...others.map((axis) => whole.shape[axis]!)];
  return makeReordered(made, [...padded, shape.at(-1)!], result, whole, axes, others);
}

/** Of a value whose other axes have become one: they are told apart again. */
function makeReordered(
  source: string,
  sourceShape: Value["shape"],
  shape: Value["shape"],
  like: Value,
  axes: readonly number[],
  others: readonly number[],
): Value {
  const place = (stored: number) => (stored < 0 ? stored : axes.length + others.indexOf(stored));
  const all = like.axes.map((factors, axis) =>
    axes.includes(axis) ? [axes.indexOf(axis)] : factors.map(place),
  );
  return { ...makeValue(source, shape, all), sourceShape };
}

export function averagePool(node: NodeView): Value {
  const value = node.value(0);
  const { source, lengths, channels } = pixelsOf(node, value);
  const kernel = node.integers("kernel_shape") ?? [];
  if (kernel.length !== lengths.length || kernel.some((size) => size < 1 || size > 2 ** 24)) {
    return node.refuse(`its kernel_shape is [${kernel.slice(0, 8)}], of [${lengths}] pixels`);
  }
  const { stride, dilation, padding } = windowOf(node, lengths, kernel);
  if (dilation.some((distance) => distance !== 1)) return node.refuse("its windows are dilated");
  const isRoundedUp = node.integer("ceil_mode", 0) !== 0;
  const axes = lengths.length;
  const output = lengths.map((length, i) => {
    const room = (length + padding[i]! + padding[i + axes]! - kernel[i]!) / stride[i]!;
    if (isRoundedUp && !Number.isInteger(room)) node.refuse("its last window is not whole, by ceil_mode");
    return Math.floor(room) + 1;
  });
  const countPadding = node.integer("count_include_pad", 0) !== 0;
  if (padding.some((pixels, i) => pixels >= kernel[i % axes]!))
    return node.refuse("it pads beyond its windows");
  const settings = { kernel, stride, padding, countPadding };
  return writePixels(node, "averagePool", value, source, [...output, channels], { settings });
}

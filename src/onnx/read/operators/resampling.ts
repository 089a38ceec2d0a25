import type { PadMode } from "../../../graph/kinds/pad.ts";
import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { PAD_MODES } from "../../../onnx-format/kinds/resampling.ts";
import { arrange, fixedLength, joined, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import { dimensionAt, makeValue, plainValue, replaced, type Value } from "../value.ts";
import { combine, LARGEST } from "./arithmetic.ts";
import { pixelsOf, poolingWindow, writePixels } from "./convolutions.ts";
import { positions } from "./rearranging.ts";

// Translates padding and average pooling.

/** Modes of the graph's `pad`, by their names in ONNX. */
const WAYS = Object.fromEntries(Object.entries(PAD_MODES).map(([mode, name]) => [name, mode as PadMode]));

/**
 * Translates a Pad node. Negative pads become slices, axes are padded two at a time, and a fill value other than 0 is
 * added as a constant frame.
 */
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
  const mode = node.chosen("mode", PAD_MODES.zeros, WAYS);
  const filler = mode === "zeros" ? (node.scalar(2) ?? 0) : 0;
  if (Number.isNaN(filler)) return node.refuse("it pads with NaN, expected a number");
  const of = (axis: number) => {
    const i = axes.indexOf(axis);
    return i < 0 ? [0, 0] : [pads[i]!, pads[i + axes.length]!];
  };
  // Negative pads crop.
  let part = value;
  for (const axis of axes) {
    const [before, behind] = of(axis).map((pixels) => Math.max(-pixels, 0));
    if (before === 0 && behind === 0) continue;
    part = positions(node, part, axis, before!, dimensionAt(part, axis).count - before! - behind!);
  }
  const padded = axes.filter((axis) => of(axis).some((pixels) => pixels > 0));
  let result = part;
  // Two axes at a time are treated as pixels, and all others as channels.
  for (let i = 0; i < padded.length; i += 2) result = padAxes(node, result, padded.slice(i, i + 2), of, mode);
  if (filler === 0 || padded.length === 0) return result;
  // Added to the padding's zeros: shifting pixels by a number of a different magnitude and back would round them.
  const inside = (position: number, axis: number) => {
    const before = Math.max(of(axis)[0]!, 0);
    return position >= before && position < before + dimensionAt(part, axis).count;
  };
  const finite = Math.min(Math.max(filler, -LARGEST), LARGEST);
  return combine(node, "add", result, frame(result, padded, finite, inside));
}

/** Makes a constant that is `filler` in the padding of some axes of a value, and 0 inside. */
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
  return plainValue(numbers, shape);
}

function padAxes(
  node: NodeView,
  value: Value,
  axes: readonly number[],
  of: (axis: number) => number[],
  mode: PadMode,
): Value {
  const whole = axes.reduce((joint, axis) => joined(node, joint, axis), value);
  const lengths = axes.map((axis) => fixedLength(node, whole, axis, "it pads the batch or the points"));
  const own = axes.flatMap((axis) => whole.axes[axis]!);
  const others = storedAxes(whole).filter((axis) => !own.includes(axis));
  const { source, shape } = arrange(node, whole, [...axes.map((axis) => whole.axes[axis]!), others]);
  const [before, behind] = [0, 1].map((side) => axes.map((axis) => Math.max(of(axis)[side]!, 0)));
  const padding = [...before!, ...behind!];
  if (mode === "reflect" && padding.some((pixels, i) => pixels >= lengths[i % axes.length]!)) {
    return node.refuse("it reflects more pixels than there are");
  }
  const padded = lengths.map((length, i) => length + before![i]! + behind![i]!);
  const settings = { padding, mode };
  const sourceShape = [...padded, shape.at(-1)!];
  const made = node.writer.write("pad", [source], sourceShape, { settings });
  const result = [...padded, ...others.map((axis) => whole.shape[axis]!)];
  // The last axis merges all other stored axes, which are separated again.
  const all = whole.axes.map((factors, axis) =>
    axes.includes(axis)
      ? [axes.indexOf(axis)]
      : replaced(factors, (stored) => axes.length + others.indexOf(stored)),
  );
  return { ...makeValue(made, result, all), sourceShape };
}

/** Translates an AveragePool node. */
export function averagePool(node: NodeView): Value {
  const value = node.value(0);
  const { source, lengths, channels } = pixelsOf(node, value);
  const { kernel, stride, dilation, padding } = poolingWindow(node, lengths);
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

import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import type { Value } from "../value.ts";
import { pixelsOf, poolingWindow, valueOfPixels, writePixels } from "./convolutions.ts";
import { beside, positions } from "./rearranging.ts";
import { extremaOver, extremumAlong, type Windows } from "./reductions.ts";

// Translates max pooling: the maximum of each window along one axis, then along the next.

/** Maximum number of slices written to pad an axis for dilated windows. */
const MOST_SLICES = 256;

/** Pooling windows along one axis of pixels, which is `length` long. */
interface PixelWindows extends Windows {
  readonly length: number;
  /** Padding before the first pixel, in pixels. */
  readonly before: number;
}

/** Refuses pooling if a window covers only padding, and so has no maximum. */
function checkWindows(node: Site, { length, width, stride, dilation, before, count }: PixelWindows): void {
  for (let i = 0; i < count; i++) {
    const start = i * stride - before;
    const tap = Math.max(Math.ceil(-start / dilation), 0);
    if (tap >= width || start + tap * dilation >= length)
      node.refuse("one of its windows is of padding alone");
  }
}

/** Translates a MaxPool node, as maxima of slices. */
export function maxPool(node: NodeView): Value {
  const value = node.value(0);
  const { source, lengths, channels } = pixelsOf(node, value);
  const { kernel, stride, dilation, padding } = poolingWindow(node, lengths);
  const isSame = node.text("auto_pad", "NOTSET").startsWith("SAME");
  if (isSame && dilation.some((distance) => distance !== 1)) {
    // For dilated windows, ONNX Runtime pads as if windows were not dilated, which contradicts the standard.
    return node.refuse("its windows are dilated and padded by auto_pad; export it with pads");
  }
  const isRoundedUp = node.integer("ceil_mode", 0) !== 0;
  const axes = lengths.length;
  const windows = lengths.map((length, i): PixelWindows => {
    const own = {
      length,
      width: kernel[i]!,
      stride: stride[i]!,
      dilation: dilation[i]!,
      before: padding[i]!,
    };
    const room = length + own.before + padding[i + axes]! - (own.width - 1) * own.dilation - 1;
    const steps = isRoundedUp ? Math.ceil(room / own.stride) : Math.floor(room / own.stride);
    // A window that would start after the last pixel is left out.
    const isBehind = isRoundedUp && steps * own.stride >= length + own.before;
    return { ...own, count: steps + (isBehind ? 0 : 1) };
  });
  if (windows.some(({ count }) => count < 1)) {
    return node.refuse(`its windows of [${kernel}] do not fit on [${lengths}] pixels`);
  }
  for (const each of windows) checkWindows(node, each);
  const pixels = valueOfPixels(value, source, [...lengths, channels]);
  return windows.reduce(
    (pooled, each, i) => extremumAlong(node, "maximum", pooled, i + 2, each),
    padded(node, pixels, windows),
  );
}

/**
 * Pads pixels with copies from the same window, so that padding never alters a maximum: without dilation, copies of the
 * edge pixel; with dilation, of the nearest pixel at a multiple of the dilation.
 */
function padded(node: NodeView, value: Value, windows: readonly PixelWindows[]): Value {
  // Padding needed after each axis, in pixels.
  const behind = windows.map(({ length, width, stride, dilation, before, count }) =>
    Math.max((count - 1) * stride + (width - 1) * dilation + 1 - before - length, 0),
  );
  const isDense = windows.every(({ dilation }, i) => dilation === 1 || windows[i]!.before + behind[i]! === 0);
  if (isDense) {
    const before = windows.map((each) => each.before);
    if ([...before, ...behind].every((pixels) => pixels === 0)) return value;
    const { source, lengths, channels } = pixelsOf(node, value);
    const shape = lengths.map((length, i) => length + before[i]! + behind[i]!);
    const settings = { padding: [...before, ...behind], mode: "edge" };
    return writePixels(node, "pad", value, source, [...shape, channels], { settings });
  }
  return windows.reduce((whole, { before, dilation, length }, i) => {
    if (before + behind[i]! > MOST_SLICES) return node.refuse(`it pads by more than ${MOST_SLICES} pixels`);
    const at = (position: number) => {
      const inside = Math.min(Math.max(position, 0), length - 1);
      const steps = Math.ceil(Math.abs(position - inside) / dilation);
      const own = position + Math.sign(inside - position) * steps * dilation;
      // Positions that no window reads together with a pixel may have any value.
      return positions(node, whole, i + 2, own >= 0 && own < length ? own : inside, 1);
    };
    const left = Array.from({ length: before }, (_, k) => at(k - before));
    const right = Array.from({ length: behind[i]! }, (_, k) => at(length + k));
    return beside(node, [...left, whole, ...right], i + 2);
  }, value);
}

/** Translates a GlobalMaxPool node, as the maximum over the pixels of each channel. */
export function globalMaxPool(node: NodeView): Value {
  const value = node.value(0);
  const axes = value.axes.map((_, axis) => axis).slice(2);
  return extremaOver(node, "maximum", value, axes);
}

import { checkChoice, orDefault } from "../base/check.ts";
import { exponential } from "../base/elementary-functions.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { conv, pad } from "../graph/index.ts";
import type { PadMode } from "../graph/kinds/pad.ts";
import { checkLengths } from "../graph/settings.ts";
import type { Extension, Signal } from "./extension.ts";
import { checkFloats } from "./floats.ts";

// Convolutions of pictures with a kernel, each channel by itself.

/** Kernel of a convolution: rows of numbers of equal length. */
export interface Kernel {
  readonly height: number;
  readonly width: number;
  /** Numbers of the kernel, row by row. */
  readonly values: readonly number[];
}

/** Pixels beyond the edges of a picture: those of `pad`, or none, so that the picture becomes smaller. */
export type BlurPadding = PadMode | "valid";

const PADDINGS: readonly BlurPadding[] = ["edge", "reflect", "zeros", "valid"];

/** Checks the option `padding` of a convolution. */
export function checkPadding(padding: unknown): BlurPadding {
  return checkChoice("padding", orDefault(padding as BlurPadding | undefined, "edge"), PADDINGS);
}

/** Checks a kernel given as rows of numbers. */
export function checkKernel(kernel: unknown): Kernel {
  const rows = Array.isArray(kernel) ? Array.from(kernel, (row: unknown) => row) : [];
  const isRow = (row: unknown): row is ArrayLike<number> => Array.isArray(row) || ArrayBuffer.isView(row);
  const width = isRow(rows[0]) ? rows[0].length : 0;
  if (width === 0 || !rows.every((row) => isRow(row) && row.length === width)) {
    throw refused("kernel", "is", show(kernel), "rows of numbers of equal length, as [[1, 2, 1]]");
  }
  const values = rows.flatMap((row, i) => Array.from(checkFloats(`kernel[${i}]`, row)));
  return { height: rows.length, width, values };
}

/** Checks the height and width of a kernel that is given with each sample. */
export function checkKernelSize(size: unknown): readonly [number, number] {
  const lengths = checkLengths("size", size, 1);
  if (lengths.length !== 2) throw refused("size", "is", show(size), "[height, width] of the kernel");
  return [lengths[0]!, lengths[1]!];
}

/** Returns a picture with the pixels around it that a kernel reaches, so that a convolution gives as many as it had. */
export function padded(
  into: Extension,
  pixels: Signal,
  [height, width]: readonly [number, number],
  padding: BlurPadding,
): Signal {
  if (padding === "valid") return pixels;
  // out[i] = Σ kernel[j] · x[i + c - j] with c = ⌊length / 2⌋, SciPy's centre.
  const [above, left] = [height, width].map((length) => length - 1 - Math.floor(length / 2));
  const around = [above!, left!, Math.floor(height / 2), Math.floor(width / 2)];
  return around.every((count) => count === 0)
    ? pixels
    : into.add(pad({ padding: around, mode: padding }), [pixels]);
}

/** Convolves a picture with a kernel, each channel by itself, with steps of `stride` pixels; without padding. */
export function convolved(into: Extension, pixels: Signal, kernel: Kernel, stride = 1): Signal {
  const channels = pixels.shape[2]!;
  // A layer computes the correlation: the convolution of the turned kernel.
  const turned = [...kernel.values].reverse();
  const weight = Array.from({ length: channels }, () => turned).flat();
  const settings = { channels, kernel: [kernel.height, kernel.width], stride, groups: channels };
  return into.add(conv(settings), [pixels], { weight });
}

/** Number of standard deviations at which the kernel of a Gaussian blur ends, SciPy's `truncate`. */
const TRUNCATE = 4;

/** Returns the numbers of a Gaussian kernel along one axis, which add up to 1. */
export function gaussianKernel(sigma: number): readonly number[] {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  const values = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    exponential(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => value / sum);
}

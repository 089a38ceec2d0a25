import { calling } from "../base/calling.ts";
import { checkNumber, checkOptions } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { matmul, reshape, sparse as sparseLayer } from "../graph/index.ts";
import type { Extension, Signal } from "./extension.ts";
import {
  type BlurPadding,
  checkKernel,
  checkKernelSize,
  checkPadding,
  convolved,
  gaussianKernel,
  padded,
} from "./kernel.ts";
import { type Operator, operator } from "./operator.ts";

/** Options of `blur`: one of `sigma`, `kernel` and `fixed`, and the padding. */
export interface BlurOptions {
  /** Standard deviation of a Gaussian kernel, in pixels, > 0. The kernel ends at 4 standard deviations and adds up to 1. */
  readonly sigma?: number | undefined;
  /** Rows of the kernel, each of as many numbers. They are used as they are: a blur that keeps the brightness adds up to 1. */
  readonly kernel?: readonly ArrayLike<number>[] | undefined;
  /** Name of the fixed input with the kernel of each sample, `[height, width]` numbers. Requires `size`. */
  readonly fixed?: string | undefined;
  /** Height and width of the kernel that is given with each sample. */
  readonly size?: readonly [number, number] | undefined;
  /**
   * Pixels beyond the edges: `"edge"`, copies of the outermost ones (the default), `"reflect"`, `"zeros"`, or `"valid"`: none, so that
   * the picture becomes smaller.
   */
  readonly padding?: BlurPadding | undefined;
}

const OPTIONS = { sigma: true, kernel: true, fixed: true, size: true, padding: true } as const;

/**
 * Makes the operator that convolves a picture with a kernel, each channel by itself: out[i] = Σ kernel[j] · x[i + c - j] along both
 * axes, with c = ⌊length / 2⌋, as SciPy's `ndimage.convolve`.
 *
 * @throws LatentflowError `invalid_argument` unless one of `sigma`, `kernel` and `fixed` is given, and if it is wrong
 * @example
 * const measured = measure(decoder, blur({ sigma: 1.5 }));
 * const motion = measure(decoder, blur({ kernel: [[1 / 3, 1 / 3, 1 / 3]], padding: "valid" }));
 * const each = measure(decoder, blur({ fixed: "kernel", size: [7, 7] })); // encode(each, y, { fixed: { kernel } })
 */
export function blur(options: BlurOptions): Operator {
  return calling("blur", () => {
    checkOptions(options, OPTIONS);
    const { sigma, kernel, fixed, size } = options ?? {};
    const given = [sigma, kernel, fixed].filter((value) => value !== undefined).length;
    if (given !== 1) throw refused("kernel", "is one of", `${given} given`, "one of sigma, kernel and fixed");
    const padding = checkPadding(options.padding);
    if (fixed !== undefined) return blurOfSamples(fixed, checkKernelSize(size), padding);
    if (kernel !== undefined) {
      const checked = checkKernel(kernel);
      return operator("blur", (into, signal) => {
        const pixels = padded(into, into.pixelsOf(signal), [checked.height, checked.width], padding);
        return convolved(into, pixels, checked);
      });
    }
    const values = gaussianKernel(checkNumber("sigma", sigma, { above: 0, max: 1000 }));
    const { length } = values;
    // Along one axis after the other: 2 · length products a pixel in place of length².
    return operator("blur", (into, signal) => {
      const pixels = padded(into, into.pixelsOf(signal), [length, length], padding);
      const along = convolved(into, pixels, { height: 1, width: length, values });
      return convolved(into, along, { height: length, width: 1, values });
    });
  });
}

/** Makes the blur with a kernel for each sample: the pixels that each output reads, as rows of a matrix, times the kernel. */
function blurOfSamples(name: string, size: readonly [number, number], padding: BlurPadding): Operator {
  return operator("blur", (into, signal) => {
    const pixels = padded(into, into.pixelsOf(signal), size, padding);
    const rows = windowsOf(into, pixels, size);
    const taps = size[0] * size[1];
    const kernel = into.add(reshape([taps, 1]), [into.addFixed(name, size)]);
    const product = into.add(matmul(), [rows.windows, kernel]);
    return { ...into.add(reshape(rows.shape), [product]), hasPixels: true };
  });
}

/** Returns for each number of the convolved picture the pixels that it reads, in the order of the kernel: [numbers, taps]. */
function windowsOf(
  into: Extension,
  { name, shape }: Signal,
  [kernelHeight, kernelWidth]: readonly [number, number],
) {
  const [height, width, channels] = shape as readonly [number, number, number];
  const [outHeight, outWidth] = [height - kernelHeight + 1, width - kernelWidth + 1];
  if (outHeight < 1 || outWidth < 1) {
    throw refused(
      "size",
      "is",
      `[${kernelHeight},${kernelWidth}]`,
      `at most [${height},${width}], the picture's`,
    );
  }
  const columns: number[] = [];
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let channel = 0; channel < channels; channel++) {
        for (let i = 0; i < kernelHeight; i++) {
          for (let j = 0; j < kernelWidth; j++) {
            const [row, column] = [y + kernelHeight - 1 - i, x + kernelWidth - 1 - j];
            columns.push((row * width + column) * channels + channel);
          }
        }
      }
    }
  }
  const outputs = columns.length;
  const flat = into.add(reshape([height * width * channels]), [{ name, shape, hasPixels: true }]);
  const entries = { outputs, rows: columns.map((_, i) => i), columns, values: columns.map(() => 1) };
  const taps = kernelHeight * kernelWidth;
  const windows = into.add(reshape([outputs / taps, taps]), [into.add(sparseLayer(entries), [flat])]);
  return { windows, shape: [outHeight, outWidth, channels] };
}

// Convolutions over one axis or two, channels last: pairs of output and input pixels.

/** The window that moves over pixels, each setting with a number for every axis: `[height, width]`, or `[width]`. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Pixels of zeros around the input: before each axis, then behind each: `[top, left, bottom, right]`. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

/** The settings of a convolution. */
export interface ConvolutionSettings extends Window {
  /** Number of groups: convolutions side by side, each of its share of the channels. */
  readonly groups: number;
}

/**
 * Settings of a transposed convolution: its backward pass is the forward pass of the convolution with these settings.
 */
export interface TransposedConvolutionSettings extends ConvolutionSettings {
  /** Extra pixels of the output behind each axis. */
  readonly outputPadding: readonly number[];
}

/** Returns the window of a convolution along each of its axes. */
function axesOf({ kernel, stride, padding, dilation }: Window) {
  return kernel.map((size, axis) => ({
    kernel: size,
    stride: stride[axis]!,
    dilation: dilation[axis]!,
    before: padding[axis]!,
    after: padding[axis + kernel.length]!,
  }));
}

/** Computes the lengths of a convolution's output; below 1 if the input is too small. */
export function convolvedLengths(settings: Window, lengths: readonly number[]): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const room = lengths[axis]! + before + after - dilation * (kernel - 1) - 1;
    return Math.floor(room / stride) + 1;
  });
}

/** Computes the lengths of a transposed convolution's output. */
export function transposedLengths(
  settings: Omit<TransposedConvolutionSettings, "groups">,
  lengths: readonly number[],
): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const extra = dilation * (kernel - 1) + 1 + settings.outputPadding[axis]!;
    return (lengths[axis]! - 1) * stride - before - after + extra;
  });
}

/** One product of a convolution: a pixel of the output, a tap, and the input pixel that the tap reads. */
export interface PixelPair {
  readonly output: number;
  readonly tap: number;
  readonly input: number;
}

/** Lists the products of a convolution, ordered by output pixel, then by tap. */
export function pixelPairs(
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: readonly number[],
  output: readonly number[],
): PixelPair[] {
  const [rows, columns] = pairsByAxis(settings, isTransposed, input, output);
  if (!columns) return rows!;
  const [inputWidth, outputWidth, kernelWidth] = [input[1]!, output[1]!, settings.kernel[1]!];
  const pairs: PixelPair[] = [];
  for (const row of rows!) {
    for (const column of columns) {
      pairs.push({
        output: row.output * outputWidth + column.output,
        tap: row.tap * kernelWidth + column.tap,
        input: row.input * inputWidth + column.input,
      });
    }
  }
  return pairs.sort((a, b) => a.output - b.output || a.tap - b.tap);
}

/** Counts the products of a convolution without listing them. */
export function countPairs(...convolution: Parameters<typeof pairsByAxis>): number {
  return pairsByAxis(...convolution).reduce((count, pairs) => count * pairs.length, 1);
}

/** Lists the products along each axis by itself. */
function pairsByAxis(
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: readonly number[],
  output: readonly number[],
): PixelPair[][] {
  return axesOf(settings).map(({ kernel, stride, before, dilation }, axis) => {
    const pairs: PixelPair[] = [];
    for (let position = 0; position < output[axis]!; position++) {
      for (let tap = 0; tap < kernel; tap++) {
        const reached = isTransposed
          ? (position + before - tap * dilation) / stride
          : position * stride - before + tap * dilation;
        const isInside = Number.isInteger(reached) && reached >= 0 && reached < input[axis]!;
        if (isInside) pairs.push({ output: position, tap, input: reached });
      }
    }
    return pairs;
  });
}

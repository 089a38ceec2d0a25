// Convolutions over one axis or two, channels last: output lengths, and pairs of output and input pixels.

/**
 * Window that a convolution moves over pixels; each setting but `padding` has a number for every axis: `[height, width]`, or
 * `[width]`.
 */
export interface Window {
  /** Length of the kernel along each axis, in taps. */
  readonly kernel: readonly number[];
  /** Step of the window along each axis, in pixels. */
  readonly stride: readonly number[];
  /**
   * Number of pixels of zeros around the input, before each axis, then behind each axis: `[top, left, bottom, right]`, or
   * `[left, right]`.
   */
  readonly padding: readonly number[];
  /** Distance of neighbouring taps of the kernel along each axis, in pixels. */
  readonly dilation: readonly number[];
}

/** Settings of a convolution: its window and its number of groups. */
export interface ConvolutionSettings extends Window {
  /** Number of groups: independent convolutions, each of an equal share of the input and the output channels. */
  readonly groups: number;
}

/** Settings of a transposed convolution, whose forward pass is the backward pass of the convolution with these settings. */
export interface TransposedConvolutionSettings extends ConvolutionSettings {
  /** Number of additional output pixels at the end of each axis. */
  readonly outputPadding: readonly number[];
}

/** Returns the settings of a convolution's window for each axis. */
function axesOf({ kernel, stride, padding, dilation }: Window) {
  return kernel.map((size, axis) => ({
    kernel: size,
    stride: stride[axis]!,
    dilation: dilation[axis]!,
    before: padding[axis]!,
    after: padding[axis + kernel.length]!,
  }));
}

/** Returns the lengths of a convolution's output axes for an input of the given lengths; below 1 if the input is too small. */
export function convolvedLengths(settings: Window, lengths: readonly number[]): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const room = lengths[axis]! + before + after - dilation * (kernel - 1) - 1;
    return Math.floor(room / stride) + 1;
  });
}

/** Returns the lengths of a transposed convolution's output axes for an input of the given lengths. */
export function transposedLengths(
  settings: Omit<TransposedConvolutionSettings, "groups">,
  lengths: readonly number[],
): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const extra = dilation * (kernel - 1) + 1 + settings.outputPadding[axis]!;
    return (lengths[axis]! - 1) * stride - before - after + extra;
  });
}

/** Product in a convolution: index of an output pixel, of a tap in the kernel, and of the input pixel under that tap. */
export interface PixelPair {
  readonly output: number;
  readonly tap: number;
  readonly input: number;
}

/**
 * Returns the products of a convolution, each a pair of pixels with the kernel's tap between them, ordered by output pixel,
 * then by tap.
 *
 * @param input lengths of the input's axes, channels excluded or last
 * @param output lengths of the output's axes, channels excluded or last
 */
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

/** Returns the number of a convolution's products (`PixelPair`) without listing them. */
export function countPairs(...convolution: Parameters<typeof pairsByAxis>): number {
  return pairsByAxis(...convolution).reduce((count, pairs) => count * pairs.length, 1);
}

/**
 * Returns, for each axis of a convolution, the products of the one-dimensional convolution along the axis; `output`, `tap` and
 * `input` of a product are then positions on the axis.
 *
 * @param input lengths of the input's axes, channels excluded or last
 * @param output lengths of the output's axes, channels excluded or last
 */
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

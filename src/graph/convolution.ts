// Convolutions over one axis or two, channels last: pairs of output and input pixels.

/** The settings of a convolution, each with a number for every axis: `[height, width]`, or `[width]`. */
export interface ConvolutionSettings {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Pixels of zeros around the input: before each axis, then behind each: `[top, left, bottom, right]`. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
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

/** A convolution along one of its axes. */
interface Axis {
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly dilation: number;
}

function axesOf({ kernel, stride, padding, dilation }: ConvolutionSettings): Axis[] {
  return kernel.map((size, axis) => ({
    kernel: size,
    stride: stride[axis]!,
    dilation: dilation[axis]!,
    before: padding[axis]!,
    after: padding[axis + kernel.length]!,
  }));
}

/** Computes the lengths of a convolution's output; below 1 if the input is too small. */
export function convolvedLengths(settings: ConvolutionSettings, lengths: readonly number[]): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const room = lengths[axis]! + before + after - dilation * (kernel - 1) - 1;
    return Math.floor(room / stride) + 1;
  });
}

/** Computes the lengths of a transposed convolution's output. */
export function transposedLengths(
  settings: TransposedConvolutionSettings,
  lengths: readonly number[],
): number[] {
  return axesOf(settings).map(({ kernel, stride, before, after, dilation }, axis) => {
    const extra = dilation * (kernel - 1) + 1 + settings.outputPadding[axis]!;
    return (lengths[axis]! - 1) * stride - before - after + extra;
  });
}

/**
 * Returns the input position that tap `tap` of an output position reads along an axis; undefined outside the input.
 */
type Reach = (output: number, tap: number) => number | undefined;

function reachOf(axis: Axis, isTransposed: boolean, inputLength: number): Reach {
  const { stride, before, dilation } = axis;
  return (output, tap) => {
    const position = isTransposed
      ? (output + before - tap * dilation) / stride
      : output * stride - before + tap * dilation;
    return Number.isInteger(position) && position >= 0 && position < inputLength ? position : undefined;
  };
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
  const rows = axisPairs(settings, isTransposed, input, output, 0)!;
  const columns = axisPairs(settings, isTransposed, input, output, 1);
  if (!columns) return rows;
  const [, inputWidth] = input;
  const [, outputWidth] = output;
  const kernelWidth = settings.kernel[1]!;
  const pairs: PixelPair[] = [];
  for (const row of rows) {
    for (const column of columns) {
      pairs.push({
        output: row.output * outputWidth! + column.output,
        tap: row.tap * kernelWidth + column.tap,
        input: row.input * inputWidth! + column.input,
      });
    }
  }
  return pairs.sort((a, b) => a.output - b.output || a.tap - b.tap);
}

/** Counts the products of a convolution without listing them. */
export function countPairs(
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: readonly number[],
  output: readonly number[],
): number {
  return settings.kernel.reduce(
    (count, _, axis) => count * axisPairs(settings, isTransposed, input, output, axis)!.length,
    1,
  );
}

function axisPairs(
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: readonly number[],
  output: readonly number[],
  axis: number,
): PixelPair[] | undefined {
  const along = axesOf(settings)[axis];
  if (!along) return undefined;
  const reach = reachOf(along, isTransposed, input[axis]!);
  const pairs: PixelPair[] = [];
  for (let position = 0; position < output[axis]!; position++) {
    for (let tap = 0; tap < along.kernel; tap++) {
      const reached = reach(position, tap);
      if (reached !== undefined) pairs.push({ output: position, tap, input: reached });
    }
  }
  return pairs;
}

import { checkNumber, orDefault } from "../../base/check.ts";
import { gotten, wanted, words } from "../../base/message.ts";
import { invalidOption, refused } from "../../base/refuse.ts";
import {
  type ConvolutionSettings,
  convolvedLengths,
  countPairs,
  type TransposedConvolutionSettings,
  transposedLengths,
} from "../convolution.ts";
import { cost, type Kind, type Reader, type Shape, sizeOf, weightAndBias } from "../kind.ts";
import { around, type PerAxis, perAxis, pixelAxes } from "../settings.ts";

/**
 * Fields of a convolution. Each output pixel is the bias plus the sum over taps of weight[…, tap] · input pixel; a pixel is the
 * channels at one place of `[height, width, channels]` or `[width, channels]`.
 */
export interface ConvFields extends ConvolutionSettings {
  /** Weight of a convolution, [channels, input channels / groups, …kernel], row-major, as PyTorch's. */
  readonly weight: Float32Array;
  /** Bias, one number per output channel: [channels]. */
  readonly bias: Float32Array;
}

/** Fields of a transposed convolution, PyTorch's `ConvTranspose`. */
export interface ConvTransposeFields extends TransposedConvolutionSettings {
  /** Weight of a transposed convolution, [input channels, channels / groups, …kernel], row-major, as PyTorch's. */
  readonly weight: Float32Array;
  /** Bias, one number per output channel: [channels]. */
  readonly bias: Float32Array;
}

/** Settings of a convolution over the axes before the channels: one axis, or two. */
export interface ConvolutionDefinition {
  /** Number of output channels. */
  readonly channels: number;
  /** Length of the kernel along each axis, in taps. */
  readonly kernel: PerAxis;
  /** Step of the convolution's window along each axis, in pixels. Default 1. */
  readonly stride?: PerAxis;
  /** Pixels of zeros around the input: one number, one for each axis, or `[top, left, bottom, right]`. Default 0. */
  readonly padding?: PerAxis;
  /** Distance of neighbouring taps of the kernel along each axis, in pixels. Default 1. */
  readonly dilation?: PerAxis;
  /** Number of groups, each an independent convolution on an equal share of the input and the output channels. Default 1. */
  readonly groups?: number;
}

/** Settings of a transposed convolution, PyTorch's `ConvTranspose`, over the axes before the channels: one axis, or two. */
export interface ConvTransposeSettings extends ConvolutionDefinition {
  /** Additional output pixels at the end of each axis; fewer than the larger of stride and dilation. Default 0. */
  readonly outputPadding?: PerAxis;
}

const SETTINGS = {
  channels: true,
  kernel: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
} as const;

/** Makes the kind of convolutions, or of transposed convolutions, whose weight has its first two axes swapped. */
function convolution<Fields extends ConvFields>(name: string, isTransposed: boolean): Kind<Fields> {
  return {
    tensors({ shape, kernel, groups }, [input]) {
      const ends = [shape.at(-1)!, input!.at(-1)!];
      const [first, second] = isTransposed ? ends.reverse() : ends;
      return weightAndBias([first!, second! / groups, ...kernel], shape);
    },
    cost(operation, [input]) {
      const { shape, groups } = operation;
      const channels = (input!.at(-1)! * shape.at(-1)!) / groups;
      const multiplications = channels * countPairs(operation, isTransposed, input!, shape);
      return cost({ multiplications, sums: sizeOf(shape) });
    },
    label: ({ kernel }) => `${name} ${kernel.join("×")}`,
  };
}

/**
 * Kind of operation: convolution over the axes before the channels, one or two, with bias; as PyTorch's `Conv1d` and
 * `Conv2d`, channels last.
 */
export const conv = /* @__PURE__ */ convolution<ConvFields>("conv", false);
/**
 * Kind of operation: transposed convolution over the axes before the channels, one or two, with bias; as PyTorch's
 * `ConvTranspose1d` and `ConvTranspose2d`, channels last.
 */
export const convTranspose = /* @__PURE__ */ convolution<ConvTransposeFields>("convTranspose", true);

/**
 * Reader of convolutions of `[height, width, channels]` or `[width, channels]`. Refuses output lengths below 1, groups that do
 * not divide the channels, and more than 2²² pairs of output and input pixels.
 */
export const convReader: Reader<ConvolutionDefinition, ConvFields> = {
  settings: SETTINGS,
  reads: 1,
  read(definition, [input]) {
    const settings = readConvolution(definition, input!);
    const shape = [...convolvedLengths(settings, input!), definition.channels];
    checkOutput(settings, false, input!, shape);
    return { ...settings, shape };
  },
};

/**
 * Reader of transposed convolutions of `[height, width, channels]` or `[width, channels]`. Refuses output lengths below 1,
 * groups that do not divide the channels, and more than 2²² pairs of output and input pixels.
 */
export const convTransposeReader: Reader<ConvTransposeSettings, ConvTransposeFields> = {
  settings: /* @__PURE__ */ Object.assign({}, SETTINGS, { outputPadding: true as const }),
  reads: 1,
  read(definition, [input]) {
    const settings = readConvolution(definition, input!);
    const { stride, dilation } = settings;
    const outputPadding = perAxis(
      "outputPadding",
      orDefault(definition.outputPadding, 0),
      0,
      input!.length - 1,
    );
    if (outputPadding.some((extra, axis) => extra >= Math.max(stride[axis]!, dilation[axis]!))) {
      const expected = "less than the stride or the dilation of each axis";
      throw refused("outputPadding", "is", `[${outputPadding}]`, expected);
    }
    const whole = { ...settings, outputPadding };
    const shape = [...transposedLengths(whole, input!), definition.channels];
    checkOutput(whole, true, input!, shape);
    return { ...whole, shape };
  },
};

function readConvolution(definition: ConvolutionDefinition, input: Shape) {
  const axes = pixelAxes(input);
  const { channels, kernel, stride = 1, padding = 0, dilation = 1 } = definition;
  checkNumber("channels", channels, { min: 1, integer: true });
  const groups = checkNumber("groups", orDefault(definition.groups, 1), { min: 1, integer: true });
  const inputChannels = input[axes]!;
  if (inputChannels % groups !== 0 || channels % groups !== 0) {
    const expected = `a divisor of ${inputChannels} channels in and ${channels} out`;
    throw refused("groups", "is", `${groups}`, expected);
  }
  return {
    kernel: perAxis("kernel", kernel, 1, axes),
    stride: perAxis("stride", stride, 1, axes),
    padding: around("padding", padding, axes),
    dilation: perAxis("dilation", dilation, 1, axes),
    groups,
  };
}

/**
 * Maximum number of pairs of output and input pixels in a convolution: they are listed once per decoder, without a pause, which
 * takes 4 seconds and 700 MB for this many.
 */
const MOST_PAIRS = 2 ** 22;

/** Throws if a convolution's output has a length below 1, or too many pixels meet. */
function checkOutput(
  settings: ConvolutionSettings,
  isTransposed: boolean,
  input: Shape,
  output: Shape,
): void {
  if (!output.every((length) => length >= 1)) {
    const got = `the shape [${output}], of an input of [${input}]`;
    const expected = wanted("lengths of at least 1");
    throw invalidOption("kernel", words`its output would have ${gotten(got)}, expected ${expected}`);
  }
  const axes = settings.kernel.map((length, axis) => length * output[axis]!);
  // Counting takes time in proportion to this product.
  const isCountable = axes.every((products) => products <= 16 * MOST_PAIRS);
  const pairs = isCountable ? countPairs(settings, isTransposed, input, output) : Number.POSITIVE_INFINITY;
  if (pairs <= MOST_PAIRS) return;
  const got = gotten(`${isCountable ? pairs : "far too many"} pixels meet`);
  const expected = wanted(`at most ${MOST_PAIRS}`);
  const between = `from [${input}] to [${output}] by a kernel of [${settings.kernel}]`;
  throw invalidOption("kernel", words`${between} ${got}, expected ${expected}`);
}

import { checkOptions } from "../base/check.ts";
import type { ActivationLike } from "./activation.ts";
import { type Layer, layer } from "./builder.ts";
import type { Length } from "./definition.ts";
import type { OperationSettings } from "./operations.ts";
import type { PointwiseLike } from "./pointwise.ts";

// The entry latentflow/graph: a layer for each kind of operation, and sequential and graph, which make definitions of them.

export { type GraphInputs, graph, type Layer, sequential, type Value } from "./builder.ts";
export type {
  FixedInputDefinition,
  GraphDefinition,
  Length,
  OperationDefinition,
} from "./definition.ts";
export type { ConvolutionDefinition } from "./kinds/convolutions.ts";
export type { OperationSettings } from "./operations.ts";
export type { PointwiseFunction, PointwiseLike } from "./pointwise.ts";
export type { PerAxis } from "./settings.ts";

/** A fully connected layer: weight · input + bias along the last axis, of so many outputs. */
export function dense(units: number): Layer<"dense"> {
  return layer("dense", { units });
}

/** The same numbers in another shape, row-major: `[height, width, channels]` for convolutions. */
export function reshape(shape: readonly Length[]): Layer<"reshape"> {
  return layer("reshape", { shape });
}

/** A convolution over `[height, width, channels]` or `[width, channels]`. */
export function conv(settings: OperationSettings["conv"]): Layer<"conv"> {
  return layer("conv", settings);
}

/** A transposed convolution, PyTorch's `ConvTranspose2d` or `ConvTranspose1d`. */
export function convTranspose(settings: OperationSettings["convTranspose"]): Layer<"convTranspose"> {
  return layer("convTranspose", settings);
}

/** a + b, each stretched along its axes of length 1, as NumPy broadcasts. */
export function add(): Layer<"add"> {
  return layer("add");
}

/** a - b, each stretched along its axes of length 1. */
export function sub(): Layer<"sub"> {
  return layer("sub");
}

/** a · b, number by number, each stretched along its axes of length 1. */
export function mul(): Layer<"mul"> {
  return layer("mul");
}

/**
 * The larger of a and b, number by number, each stretched along its axes of length 1. Where both are equal each has half
 * of the gradient.
 */
export function maximum(): Layer<"maximum"> {
  return layer("maximum");
}

/** The smaller of a and b, with gradients as of `maximum`. */
export function minimum(): Layer<"minimum"> {
  return layer("minimum");
}

/**
 * Of three values, a condition, a and b: a where the condition is above 0, else b, number by number, each stretched along
 * its axes of length 1. The condition, `pointwise("isPositive")(x)` or x itself, has the gradient 0; NaN is not above 0.
 */
export function where(): Layer<"where"> {
  return layer("where");
}

/** Values beside each other, along the last axis unless another is given; a latent beside points is so at each. */
export function concat(settings: OperationSettings["concat"] = {}): Layer<"concat"> {
  return layer("concat", settings);
}

/** A value stretched along its axes of length 1, and to more axes before them. */
export function expand(shape: readonly Length[]): Layer<"expand"> {
  return layer("expand", { shape });
}

/** The axes in another order: axis k of the output is axis axes[k] of the input. */
export function permute(axes: readonly number[]): Layer<"permute"> {
  return layer("permute", { axes });
}

/** Some positions along an axis. */
export function slice(settings: OperationSettings["slice"]): Layer<"slice"> {
  return layer("slice", settings);
}

/** Channels become pixels, PyTorch's `PixelShuffle`. */
export function depthToSpace(settings: OperationSettings["depthToSpace"]): Layer<"depthToSpace"> {
  return layer("depthToSpace", settings);
}

/** Pixels around a value. */
export function pad(settings: OperationSettings["pad"]): Layer<"pad"> {
  return layer("pad", settings);
}

/** More pixels: each several times, or between their neighbours. */
export function upsample(settings: OperationSettings["upsample"]): Layer<"upsample"> {
  return layer("upsample", settings);
}

/**
 * Pixels resized by any ratio, up or down, PyTorch's `interpolate`: `resize({ size: [48, 48], mode: "cubic" })`. Beside
 * whole multiples, for which `upsample` is enough. `coordinates: "align_corners"` is PyTorch's `align_corners=True`;
 * `antialias` is PyTorch's, with `excludeOutside`.
 */
export function resize(settings: OperationSettings["resize"]): Layer<"resize"> {
  return layer("resize", settings);
}

/** The mean of the pixels under a window. */
export function averagePool(settings: OperationSettings["averagePool"]): Layer<"averagePool"> {
  return layer("averagePool", settings);
}

/** The sum over axes. */
export function sum(settings: OperationSettings["sum"]): Layer<"sum"> {
  return layer("sum", settings);
}

/** The mean over axes. */
export function mean(settings: OperationSettings["mean"]): Layer<"mean"> {
  return layer("mean", settings);
}

/** The last axis, or the last `axes` ones, normalised together, PyTorch's `LayerNorm`. */
export function layerNorm(settings: OperationSettings["layerNorm"] = {}): Layer<"layerNorm"> {
  return layer("layerNorm", settings);
}

/** The channels of each group normalised together, PyTorch's `GroupNorm`; a group for each: `InstanceNorm`. */
export function groupNorm(settings: OperationSettings["groupNorm"]): Layer<"groupNorm"> {
  return layer("groupNorm", settings);
}

/** The last axis divided by the root of the mean of its squares, PyTorch's `RMSNorm`. */
export function rmsNorm(settings: OperationSettings["rmsNorm"] = {}): Layer<"rmsNorm"> {
  return layer("rmsNorm", settings);
}

/** weight · x + bias for each channel: a BatchNorm whose statistics are fixed. */
export function affine(): Layer<"affine"> {
  return layer("affine");
}

/** exp(x) divided by its sum, along the last axis. */
export function softmax(): Layer<"softmax"> {
  return layer("softmax");
}

/** The product of two values as matrices of their last two axes. */
export function matmul(settings: OperationSettings["matmul"] = {}): Layer<"matmul"> {
  return layer("matmul", settings);
}

/** A parameter as a value, the same for all samples: it reads nothing, `constant([4, 4, 512])()`. */
export function constant(shape: readonly number[]): Layer<"constant"> {
  return layer("constant", { shape });
}

/** The row of a table that a fixed input with `classes` names. */
export function embedding(settings: OperationSettings["embedding"]): Layer<"embedding"> {
  return layer("embedding", settings);
}

/** A function of each number, by its name, or as an object with its parameter: `{ name: "leakyRelu", slope: 0.2 }`. */
export function activation(name: ActivationLike): Layer<"activation"> {
  return layer("activation", { activation: name });
}

/** Another function of each number: `pointwise({ name: "power", exponent: 2 })`, `pointwise("sqrt")`. */
export function pointwise(of: PointwiseLike): Layer<"pointwise"> {
  return layer("pointwise", { function: of });
}

/** x for x > 0, else alpha · (exp(x) - 1). Default alpha: 1. */
export function elu(options: { readonly alpha?: number | undefined } = {}): Layer<"activation"> {
  checkOptions("elu", options, { alpha: true });
  return activation({ name: "elu", ...(options.alpha !== undefined && { alpha: options.alpha }) });
}

/** x for x > 0, else slope · x. Default slope: 0.01. */
export function leakyRelu(options: { readonly slope?: number | undefined } = {}): Layer<"activation"> {
  checkOptions("leakyRelu", options, { slope: true });
  return activation({ name: "leakyRelu", ...(options.slope !== undefined && { slope: options.slope }) });
}

/** sin(frequency · x). Default frequency: 1. */
export function sine(options: { readonly frequency?: number | undefined } = {}): Layer<"activation"> {
  checkOptions("sine", options, { frequency: true });
  return activation({
    name: "sine",
    ...(options.frequency !== undefined && { frequency: options.frequency }),
  });
}

/** max(x, 0) */
export function relu(): Layer<"activation"> {
  return activation("relu");
}

/** tanh(x) */
export function tanh(): Layer<"activation"> {
  return activation("tanh");
}

/** 1 / (1 + exp(-x)); at the end it is the output activation, which cross entropy has in itself. */
export function sigmoid(): Layer<"activation"> {
  return activation("sigmoid");
}

/** x · sigmoid(x) */
export function silu(): Layer<"activation"> {
  return activation("silu");
}

/** x · Φ(x), Φ the normal distribution, by erf: PyTorch's `GELU()`, not `GELU(approximate="tanh")`. */
export function gelu(): Layer<"activation"> {
  return activation("gelu");
}

/** log(1 + exp(x)) */
export function softplus(): Layer<"activation"> {
  return activation("softplus");
}

/** x as it is: for code that chooses between activations, and no activation. */
export function identity(): Layer<"activation"> {
  return activation("identity");
}

/**
 * Makers of layers, one for each kind of operation, and `sequential` and `graph`, which define decoders from layers.
 *
 * @module latentflow/graph
 */

import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import type { ActivationLike } from "./activation.ts";
import { type Layer, layer } from "./builder.ts";
import type { Length } from "./definition.ts";
import type { OperationSettings } from "./operations.ts";
import type { PointwiseLike } from "./pointwise.ts";

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

/**
 * Makes a fully connected layer along the last axis, weight · input + bias: `[…, inputs]` becomes `[…, units]`.
 *
 * @param units length of the output's last axis
 * @example
 * const decoder = createDecoder(sequential(20, [dense(256), elu(), dense(784), sigmoid()]));
 */
export function dense(units: number): Layer<"dense"> {
  return layer("dense", { units });
}

/**
 * Makes a layer that gives the same numbers another shape, row-major; convolutions expect `[height, width, channels]`.
 *
 * @param shape lengths whose product is the number of values in the input
 * @example
 * const definition = sequential(20, [dense(7 * 7 * 16), elu(), reshape([7, 7, 16]), conv({ channels: 1, kernel: 3 })]);
 */
export function reshape(shape: readonly Length[]): Layer<"reshape"> {
  return layer("reshape", { shape });
}

/**
 * Makes a convolution over `[height, width, channels]` or `[width, channels]`, PyTorch's `Conv2d` or `Conv1d`. An axis of
 * length n becomes (n + padding before and behind - dilation · (kernel - 1) - 1) / stride + 1, rounded down.
 *
 * @example
 * const definition = sequential(20, [
 *   dense(8 * 8 * 16), reshape([8, 8, 16]), elu(),
 *   conv({ channels: 3, kernel: 3, padding: 1 }), // [8, 8, 3]
 * ]);
 */
export function conv(settings: OperationSettings["conv"]): Layer<"conv"> {
  return layer("conv", settings);
}

/**
 * Makes a transposed convolution over `[height, width, channels]` or `[width, channels]`, PyTorch's `ConvTranspose2d` or
 * `ConvTranspose1d`. An axis of length n becomes (n - 1) · stride - padding before and behind + dilation · (kernel - 1) +
 * outputPadding + 1.
 *
 * @example
 * const definition = sequential(20, [
 *   dense(7 * 7 * 16), reshape([7, 7, 16]), elu(),
 *   convTranspose({ channels: 1, kernel: 4, stride: 2, padding: 1 }), // [14, 14, 1]
 * ]);
 */
export function convTranspose(settings: OperationSettings["convTranspose"]): Layer<"convTranspose"> {
  return layer("convTranspose", settings);
}

/**
 * Makes a layer that adds two values element by element, a + b; axes of length 1 broadcast as in NumPy.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   const h = elu()(dense(20)(z));
 *   return dense(784)(add()(z, h)); // a residual block
 * });
 */
export function add(): Layer<"add"> {
  return layer("add");
}

/**
 * Makes a layer that subtracts two values element by element, a - b; axes of length 1 broadcast as in NumPy.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   return sub()(dense(784)(z), mean({ axes: [0], keepAxes: true })(z));
 * });
 */
export function sub(): Layer<"sub"> {
  return layer("sub");
}

/**
 * Makes a layer that multiplies two values element by element, a · b; axes of length 1 broadcast as in NumPy.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   return mul()(dense(784)(z), sigmoid()(dense(784)(z))); // a gate
 * });
 */
export function mul(): Layer<"mul"> {
  return layer("mul");
}

/**
 * Makes a layer that takes the larger of two values element by element; axes of length 1 broadcast as in NumPy. If both are
 * equal, each gets half of the gradient.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   return maximum()(dense(784)(z), dense(784)(z));
 * });
 */
export function maximum(): Layer<"maximum"> {
  return layer("maximum");
}

/**
 * Makes a layer that takes the smaller of two values element by element; axes of length 1 broadcast as in NumPy. If both are
 * equal, each gets half of the gradient.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   return minimum()(dense(784)(z), dense(784)(z));
 * });
 */
export function minimum(): Layer<"minimum"> {
  return layer("minimum");
}

/**
 * Makes a layer that selects by a condition, element by element: `where()(condition, a, b)` is a where the condition is above
 * 0, else b, also for NaN. Axes of length 1 broadcast as in NumPy. The condition's gradient is 0.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const z = latent(20);
 *   const x = dense(784)(z);
 *   return where()(pointwise("isPositive")(x), x, elu()(x));
 * });
 */
export function where(): Layer<"where"> {
  return layer("where");
}

/**
 * Makes a layer that concatenates one or more values along an axis, by default the last one. A value with fewer axes is
 * repeated: a latent of `[20]` for each row of coordinates `[points, 3]`.
 *
 * @example
 * const definition = graph(({ latent, points }) => {
 *   const h = elu()(dense(64)(concat()(latent(20), points("xyz", 3)))); // [points, 64]
 *   return dense(1)(h);
 * });
 */
export function concat(settings: OperationSettings["concat"] = {}): Layer<"concat"> {
  return layer("concat", settings);
}

/**
 * Makes a layer that repeats a value along its axes of length 1, and along new axes in front, as NumPy's `broadcast_to`.
 *
 * @param shape shape of the output
 * @example
 * const definition = sequential(16, [reshape([1, 1, 16]), expand([8, 8, 16]), conv({ channels: 1, kernel: 3, padding: 1 })]);
 */
export function expand(shape: readonly Length[]): Layer<"expand"> {
  return layer("expand", { shape });
}

/**
 * Makes a layer that reorders axes, as NumPy's `transpose`.
 *
 * @param axes for each axis of the output the index of the input's axis, from 0
 * @example
 * // From [channels, height, width], as PyTorch has them, to [height, width, channels].
 * const definition = sequential(20, [dense(16 * 8 * 8), reshape([16, 8, 8]), permute([1, 2, 0])]);
 */
export function permute(axes: readonly number[]): Layer<"permute"> {
  return layer("permute", { axes });
}

/**
 * Makes a layer that takes the positions `start`, `start + step`, … before `end` along an axis.
 *
 * @example
 * const definition = sequential(20, [dense(100), slice({ axis: 0, start: 10, end: 90 })]); // [80]
 */
export function slice(settings: OperationSettings["slice"]): Layer<"slice"> {
  return layer("slice", settings);
}

/**
 * Makes a layer that turns channels into pixels, PyTorch's `PixelShuffle`: `[height, width, block² · channels]` becomes
 * `[block · height, block · width, channels]`.
 *
 * @example
 * const definition = sequential(20, [dense(8 * 8 * 4), reshape([8, 8, 4]), depthToSpace({ block: 2 })]); // [16, 16, 1]
 */
export function depthToSpace(settings: OperationSettings["depthToSpace"]): Layer<"depthToSpace"> {
  return layer("depthToSpace", settings);
}

/**
 * Makes a layer that adds pixels around `[height, width, channels]` or `[width, channels]`: zeros, mirrored pixels, or copies
 * of the outermost ones.
 *
 * @example
 * const definition = sequential(20, [
 *   dense(8 * 8), reshape([8, 8, 1]),
 *   pad({ padding: 1, mode: "reflect" }), conv({ channels: 1, kernel: 3 }), // [8, 8, 1]
 * ]);
 */
export function pad(settings: OperationSettings["pad"]): Layer<"pad"> {
  return layer("pad", settings);
}

/**
 * Makes a layer that enlarges pictures by whole factors, PyTorch's `Upsample`: each pixel is repeated ("nearest"), or pixels
 * are interpolated ("bilinear").
 *
 * @example
 * const definition = sequential(20, [
 *   dense(7 * 7 * 16), reshape([7, 7, 16]),
 *   upsample({ scale: 2 }), conv({ channels: 1, kernel: 3, padding: 1 }), // [14, 14, 1]
 * ]);
 */
export function upsample(settings: OperationSettings["upsample"]): Layer<"upsample"> {
  return layer("upsample", settings);
}

/**
 * Makes a layer that resizes pictures to any size, PyTorch's `interpolate`; for whole factors `upsample` is enough.
 * `coordinates: "align_corners"` is PyTorch's `align_corners=True`; `antialias` and `excludeOutside` together are PyTorch's
 * `antialias=True`.
 *
 * @example
 * const definition = sequential(20, [dense(7 * 7), reshape([7, 7, 1]), resize({ size: [12, 10], mode: "cubic" })]);
 */
export function resize(settings: OperationSettings["resize"]): Layer<"resize"> {
  return layer("resize", settings);
}

/**
 * Makes a layer that averages the pixels under a window that moves by `stride`, PyTorch's `AvgPool2d` or `AvgPool1d`.
 *
 * @example
 * const definition = sequential(20, [dense(8 * 8), reshape([8, 8, 1]), averagePool({ kernel: 2 })]); // [4, 4, 1]
 */
export function averagePool(settings: OperationSettings["averagePool"]): Layer<"averagePool"> {
  return layer("averagePool", settings);
}

/**
 * Makes a layer that sums over some axes, which are removed, or stay with length 1 if `keepAxes` is true.
 *
 * @example
 * const definition = sequential(20, [dense(8 * 784), reshape([8, 784]), sum({ axes: [0] })]); // [784]
 */
export function sum(settings: OperationSettings["sum"]): Layer<"sum"> {
  return layer("sum", settings);
}

/**
 * Makes a layer that averages over some axes, which are removed, or stay with length 1 if `keepAxes` is true.
 *
 * @example
 * const definition = sequential(20, [dense(8 * 784), reshape([8, 784]), mean({ axes: [0] })]); // [784]
 */
export function mean(settings: OperationSettings["mean"]): Layer<"mean"> {
  return layer("mean", settings);
}

/**
 * Makes a layer that normalises the last axis, or the last `axes` ones together, to mean 0 and variance 1, then computes weight
 * · x + bias: PyTorch's `LayerNorm`.
 *
 * @example
 * const definition = sequential(20, [dense(256), layerNorm(), elu(), dense(784)]);
 */
export function layerNorm(settings: OperationSettings["layerNorm"] = {}): Layer<"layerNorm"> {
  return layer("layerNorm", settings);
}

/**
 * Makes a layer that normalises the channels of each group together over all pixels, then computes weight · x + bias for each
 * channel: PyTorch's `GroupNorm`; with as many groups as channels, `InstanceNorm`.
 *
 * @example
 * const definition = sequential(20, [
 *   dense(8 * 8 * 16), reshape([8, 8, 16]),
 *   groupNorm({ groups: 4 }), silu(), conv({ channels: 1, kernel: 3, padding: 1 }),
 * ]);
 */
export function groupNorm(settings: OperationSettings["groupNorm"]): Layer<"groupNorm"> {
  return layer("groupNorm", settings);
}

/**
 * Makes a layer that divides the last axis by the root of the mean of its squares and multiplies each channel by a weight:
 * PyTorch's `RMSNorm`.
 *
 * @example
 * const definition = sequential(20, [dense(256), rmsNorm(), elu(), dense(784)]);
 */
export function rmsNorm(settings: OperationSettings["rmsNorm"] = {}): Layer<"rmsNorm"> {
  return layer("rmsNorm", settings);
}

/**
 * Makes a layer that computes weight · x + bias for each channel, the last axis: a BatchNorm with fixed statistics.
 *
 * @example
 * const definition = sequential(20, [dense(256), affine(), relu(), dense(784)]);
 */
export function affine(): Layer<"affine"> {
  return layer("affine");
}

/**
 * Makes a layer that computes the softmax along the last axis: exp(x) divided by its sum.
 *
 * @example
 * const definition = sequential(20, [dense(28 * 28 * 4), reshape([28, 28, 4]), softmax()]); // four classes a pixel
 */
export function softmax(): Layer<"softmax"> {
  return layer("softmax");
}

/**
 * Makes a layer that multiplies two values as matrices of their last two axes, `[…, rows, inner]` and `[…, inner, columns]`;
 * all axes before these must be equal. If `transposed` is true, the second value is `[…, columns, inner]`.
 *
 * @example
 * const definition = graph(({ latent }) => {
 *   const h = reshape([16, 8])(dense(16 * 8)(latent(20)));
 *   const scores = softmax()(matmul({ transposed: true })(h, h)); // [16, 16], attention
 *   return matmul()(scores, h); // [16, 8]
 * });
 */
export function matmul(settings: OperationSettings["matmul"] = {}): Layer<"matmul"> {
  return layer("matmul", settings);
}

/** Entries of a sparse matrix by coordinates, as SciPy's `coo_matrix`. */
export interface SparseEntries {
  /** Number of rows of the matrix: the length of the output. */
  readonly outputs: number;
  /** Row of each entry, from 0 to outputs - 1. */
  readonly rows: ArrayLike<number>;
  /** Column of each entry, from 0 to the input's length - 1. */
  readonly columns: ArrayLike<number>;
  /** Value of each entry, a finite number that is rounded to float32. */
  readonly values: ArrayLike<number>;
}

/**
 * Makes a layer that multiplies a vector, `[columns]`, by a constant sparse matrix, A·x: `[outputs]`. The matrix is no parameter:
 * training leaves it as it is, and a file has it in its header, of at most 1 MiB.
 *
 * @param settings entries of the matrix, in typed arrays or arrays; entries of the same row and column add up
 * @example
 * const definition = sequential(20, [
 *   dense(4), // and the differences of neighbours
 *   sparse({ outputs: 3, rows: [0, 0, 1, 1, 2, 2], columns: [0, 1, 1, 2, 2, 3], values: [-1, 1, -1, 1, -1, 1] }),
 * ]);
 */
export function sparse(settings: SparseEntries): Layer<"sparse"> {
  // JSON has no typed arrays. What is no object is refused by `layer`.
  const lists = Object.entries(settings ?? {}).map(([name, value]) => [
    name,
    ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value,
  ]);
  return layer("sparse", typeof settings === "object" ? Object.fromEntries(lists) : settings);
}

/**
 * Makes a layer without inputs whose value is a parameter, the same for all samples, such as StyleGAN's learned input.
 *
 * @param shape shape of the parameter
 * @example
 * const definition = graph(({ latent }) => {
 *   const style = reshape([1, 1, 16])(dense(16)(latent(20)));
 *   return conv({ channels: 1, kernel: 3, padding: 1 })(mul()(constant([8, 8, 16])(), style));
 * });
 */
export function constant(shape: readonly number[]): Layer<"constant"> {
  return layer("constant", { shape });
}

/**
 * Makes a layer that looks up rows of a table of `classes` rows: a fixed input made with `classes`, of shape `[1]`, becomes
 * `[units]`.
 *
 * @example
 * const definition = graph(({ latent, fixed }) => {
 *   const label = embedding({ classes: 10, units: 8 })(fixed("label", { classes: 10 }));
 *   return dense(784)(elu()(dense(256)(concat()(latent(20), label))));
 * });
 */
export function embedding(settings: OperationSettings["embedding"]): Layer<"embedding"> {
  return layer("embedding", settings);
}

/**
 * Makes a layer that applies an activation to each number, given by its name, or by an object with its name and parameter.
 *
 * @param name name of an activation; for elu, leakyRelu and sine also an object with `alpha`, `slope` or `frequency`
 * @example
 * const definition = sequential(20, [dense(256), activation({ name: "leakyRelu", slope: 0.2 }), dense(784)]);
 */
export function activation(name: ActivationLike): Layer<"activation"> {
  return layer("activation", { activation: name });
}

/**
 * Makes a layer that applies a function other than the activations to each number, given by a name, or by an object with a name
 * and all parameters.
 *
 * @example
 * const definition = sequential(20, [dense(784), pointwise({ name: "clip", min: 0, max: 1 })]);
 */
export function pointwise(of: PointwiseLike): Layer<"pointwise"> {
  return layer("pointwise", { function: of });
}

/**
 * Makes a layer with the activation x for x > 0, else alpha · (exp(x) - 1). Default alpha: 1; it must be above 0.
 *
 * @example
 * const definition = sequential(20, [dense(256), elu({ alpha: 0.5 }), dense(784)]);
 */
export function elu(options: { readonly alpha?: number | undefined } = {}): Layer<"activation"> {
  return calling("elu", () => {
    checkOptions(options, { alpha: true });
    return activation({ name: "elu", ...(options.alpha !== undefined && { alpha: options.alpha }) });
  });
}

/**
 * Makes a layer with the activation x for x > 0, else slope · x. Default slope: 0.01; it must be at least 0.
 *
 * @example
 * const definition = sequential(20, [dense(256), leakyRelu({ slope: 0.2 }), dense(784)]);
 */
export function leakyRelu(options: { readonly slope?: number | undefined } = {}): Layer<"activation"> {
  return calling("leakyRelu", () => {
    checkOptions(options, { slope: true });
    return activation({ name: "leakyRelu", ...(options.slope !== undefined && { slope: options.slope }) });
  });
}

/**
 * Makes a layer with the activation sin(frequency · x). Default frequency: 1; it must be above 0.
 *
 * @example
 * const definition = sequential(20, [dense(256), sine({ frequency: 30 }), dense(784)]);
 */
export function sine(options: { readonly frequency?: number | undefined } = {}): Layer<"activation"> {
  return calling("sine", () => {
    checkOptions(options, { frequency: true });
    return activation({
      name: "sine",
      ...(options.frequency !== undefined && { frequency: options.frequency }),
    });
  });
}

/**
 * Makes a layer with the activation max(x, 0).
 *
 * @example
 * const definition = sequential(20, [dense(256), relu(), dense(784)]);
 */
export function relu(): Layer<"activation"> {
  return activation("relu");
}

/**
 * Makes a layer with the activation tanh(x).
 *
 * @example
 * const definition = sequential(20, [dense(256), tanh(), dense(784)]);
 */
export function tanh(): Layer<"activation"> {
  return activation("tanh");
}

/**
 * Makes a layer with the activation 1 / (1 + exp(-x)). At the end of a decoder whose loss is "bce" it is computed together with
 * the loss, without rounding to 0 or 1.
 *
 * @example
 * const definition = sequential(20, [dense(256), elu(), dense(784), sigmoid()]);
 */
export function sigmoid(): Layer<"activation"> {
  return activation("sigmoid");
}

/**
 * Makes a layer with the activation x · sigmoid(x), also called swish.
 *
 * @example
 * const definition = sequential(20, [dense(256), silu(), dense(784)]);
 */
export function silu(): Layer<"activation"> {
  return activation("silu");
}

/**
 * Makes a layer with the activation x · Φ(x), Φ the normal distribution function, by erf: PyTorch's `GELU()`, not
 * `GELU(approximate="tanh")`.
 *
 * @example
 * const definition = sequential(20, [dense(256), gelu(), dense(784)]);
 */
export function gelu(): Layer<"activation"> {
  return activation("gelu");
}

/**
 * Makes a layer with the activation log(1 + exp(x)).
 *
 * @example
 * const definition = sequential(20, [dense(256), softplus(), dense(784)]);
 */
export function softplus(): Layer<"activation"> {
  return activation("softplus");
}

/**
 * Makes a layer that returns x unchanged, for code that chooses between activations.
 *
 * @example
 * const deep = true;
 * const definition = sequential(20, [dense(256), deep ? elu() : identity(), dense(784)]);
 */
export function identity(): Layer<"activation"> {
  return activation("identity");
}

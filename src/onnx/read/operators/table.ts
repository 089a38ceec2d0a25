import { foldEinsum } from "../folding/einsum.ts";
import * as numbers from "../folding/elementwise.ts";
import { constantOf, shapeOf, sizeOf } from "../folding/lengths.ts";
import { foldLayerNorm, foldSoftmax } from "../folding/norms.ts";
import * as folded from "../folding/reductions.ts";
import * as shapes from "../folding/shapes.ts";
import type { Operator } from "../operator.ts";
import * as upgrade from "../upgrade-opset.ts";
import * as arithmetic from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { trilu, where } from "./choices.ts";
import * as comparisons from "./comparisons.ts";
import * as convolutions from "./convolutions.ts";
import { einsum } from "./einsum.ts";
import * as extrema from "./extrema.ts";
import * as pointwise from "./functions.ts";
import * as matmul from "./matmul.ts";
import * as norms from "./norms.ts";
import * as patterns from "./patterns.ts";
import * as pooling from "./pooling.ts";
import * as rearranging from "./rearranging.ts";
import * as reductions from "./reductions.ts";
import * as resampling from "./resampling.ts";
import * as reshaping from "./reshape.ts";
import { resize, upsample } from "./resize.ts";

// The comment of an operator says which of its nodes are refused, beside those of all operators:
// scripts/document-onnx-operators.ts writes it to site/reference/onnx-operators.md.

/** Every supported ONNX operator. */
export const OPERATORS = {
  // Products
  /** Refused: a product along the batch. */
  Gemm: { inputs: 2, read: matmul.gemm, fold: matmul.foldGemm },
  /** Refused: a product along the batch, or of a constant matrix along the points. */
  MatMul: { inputs: 2, read: matmul.matmul, fold: matmul.foldMatmul, wraps: true },
  /**
   * Refused: a sum, a product or a diagonal along the batch; a diagonal along the points; `...` in an input and not
   * in the output.
   */
  Einsum: { inputs: "all", read: einsum, fold: foldEinsum, wraps: true },
  /**
   * Refused: a kernel or bias that is computed; three axes of pixels; an axis of points, unless the kernel has one tap; a
   * kernel that takes more than 2^27 numbers once it is repeated for the images of a sample; `auto_pad` that leaves more
   * than one pixel behind the last window.
   */
  Conv: { inputs: 2, ofPixels: true, constants: [1, 2], read: convolutions.conv },
  /**
   * Refused: a kernel or bias that is computed; three axes of pixels; an axis of points; a kernel that takes more than 2^27
   * numbers once it is repeated for the images of a sample; an `output_shape` larger than the output.
   */
  ConvTranspose: { inputs: 2, ofPixels: true, constants: [1, 2], read: convolutions.convTranspose },
  // Number by number
  /**
   * Refused: a constant with NaN or ∞; a constant of one number that is -∞; a constant with -∞, unless the sum goes into
   * Softmax, Exp, Relu, Sigmoid or Tanh, directly or after operators that preserve infinities, such as Reshape.
   */
  Add: { inputs: 2, read: arithmetic.sumOf("add"), fold: numbers.binary((a, b) => a + b), wraps: true },
  /** Refused: a constant that Add would refuse; of a constant that is subtracted, its negative counts. */
  Sub: { inputs: 2, read: arithmetic.sumOf("sub"), fold: numbers.binary((a, b) => a - b), wraps: true },
  Mul: { inputs: 2, read: patterns.product, fold: numbers.binary((a, b) => a * b), wraps: true },
  /** Refused: two integers that are not constant. */
  Div: { inputs: 2, read: patterns.quotient, fold: numbers.binary(numbers.divide), wraps: true },
  Neg: { inputs: 1, read: arithmetic.neg, fold: numbers.each((x) => 0 - x), wraps: true },
  /** Refused: an exponent that is computed, or more than one number. */
  Pow: {
    inputs: 2,
    constants: [1],
    read: arithmetic.pow,
    fold: numbers.binary((a, b) => a ** b),
    wraps: true,
  },
  Sum: { inputs: "all", read: arithmetic.sum, fold: numbers.many((a, b) => a + b), wraps: true },
  /** Refused: a constant with NaN or ∞. */
  Max: { inputs: "all", read: extrema.extremumOf("maximum"), fold: numbers.many(Math.max) },
  /** Refused: a constant with NaN or -∞. */
  Min: { inputs: "all", read: extrema.extremumOf("minimum"), fold: numbers.many(Math.min) },
  /** Refused: bounds that are computed, or NaN. */
  Clip: { inputs: 1, constants: [1, 2], read: extrema.clip, former: upgrade.CLIP },
  /**
   * Refused: a constant with NaN to choose from; a constant with -∞ to choose from, unless the result goes into Softmax, Exp,
   * Relu, Sigmoid or Tanh, directly or after operators that preserve infinities, such as Reshape; a constant with ∞ to choose
   * from, unless the result goes into Sigmoid or Tanh in this way.
   */
  Where: { inputs: 3, read: where, fold: shapes.where },
  /** Refused: a constant beyond 3e38, or NaN. */
  Greater: { inputs: 2, read: comparisons.greater, fold: numbers.truth((a, b) => a > b) },
  /** Refused: a constant beyond 3e38, or NaN. */
  GreaterOrEqual: { inputs: 2, read: comparisons.greaterOrEqual, fold: numbers.truth((a, b) => a >= b) },
  /** Refused: a constant beyond 3e38, or NaN. */
  Less: { inputs: 2, read: comparisons.less, fold: numbers.truth((a, b) => a < b) },
  /** Refused: a constant beyond 3e38, or NaN. */
  LessOrEqual: { inputs: 2, read: comparisons.lessOrEqual, fold: numbers.truth((a, b) => a <= b) },
  /** Refused: a constant beyond 3e38, or NaN. */
  Equal: { inputs: 2, read: comparisons.equal, fold: numbers.truth((a, b) => a === b) },
  And: { inputs: 2, read: comparisons.and, fold: numbers.truth((a, b) => a !== 0 && b !== 0) },
  Or: { inputs: 2, read: comparisons.or, fold: numbers.truth((a, b) => a !== 0 || b !== 0) },
  Xor: { inputs: 2, read: comparisons.xor, fold: numbers.truth((a, b) => (a !== 0) !== (b !== 0)) },
  Not: { inputs: 1, read: comparisons.not, fold: numbers.each((x) => (x === 0 ? 1 : 0)) },
  Sign: { inputs: 1, read: comparisons.sign, fold: numbers.each(Math.sign) },
  Sqrt: { inputs: 1, read: patterns.root, fold: numbers.each(Math.sqrt) },
  Reciprocal: { inputs: 1, read: pointwise.is("reciprocal"), fold: numbers.each((x) => 1 / x) },
  Abs: { inputs: 1, read: pointwise.is("abs"), fold: numbers.each(Math.abs), wraps: true },
  Exp: { inputs: 1, read: pointwise.is("exp"), fold: numbers.each(Math.exp) },
  Log: { inputs: 1, read: pointwise.is("log"), fold: numbers.each(Math.log) },
  Erf: { inputs: 1, read: pointwise.is("erf"), fold: numbers.each(numbers.erf) },
  Sin: { inputs: 1, read: pointwise.is({ name: "sine", frequency: 1 }), fold: numbers.each(Math.sin) },
  Cos: { inputs: 1, read: pointwise.cos, fold: numbers.each(Math.cos) },
  Tanh: { inputs: 1, read: pointwise.is("tanh"), fold: numbers.each(Math.tanh) },
  Sigmoid: { inputs: 1, read: pointwise.is("sigmoid"), fold: numbers.each(numbers.sigmoid) },
  HardSigmoid: { inputs: 1, read: pointwise.hardSigmoid },
  Relu: { inputs: 1, read: pointwise.is("relu"), fold: numbers.each((x) => Math.max(x, 0)) },
  LeakyRelu: { inputs: 1, read: pointwise.leakyRelu },
  PRelu: { inputs: 2, read: pointwise.prelu },
  /** Refused: `alpha` below 0. */
  Elu: { inputs: 1, read: pointwise.elu },
  /** Refused: `alpha` below 0. */
  Selu: { inputs: 1, read: pointwise.selu },
  /** Refused: `alpha` of 0 or below. */
  Celu: { inputs: 1, read: pointwise.celu },
  Softplus: { inputs: 1, read: pointwise.is("softplus"), fold: numbers.each(numbers.softplus) },
  Softsign: { inputs: 1, read: pointwise.softsign },
  Gelu: { inputs: 1, read: pointwise.gelu },
  Mish: { inputs: 1, read: pointwise.is("mish") },
  HardSwish: { inputs: 1, read: pointwise.is("hardSwish") },
  // Norms
  /**
   * Refused: `training_mode` other than 0, and before opset 14 more outputs than one; scales, shifts, means or
   * variances that are computed.
   */
  BatchNormalization: {
    inputs: 5,
    batchFirst: true,
    constants: [1, 2, 3, 4],
    read: norms.batchNorm,
    former: upgrade.BATCH_NORM,
  },
  /** Refused: statistics over the batch or the points; scales or shifts that are computed. */
  InstanceNormalization: { inputs: 3, batchFirst: true, constants: [1, 2], read: norms.instanceNorm },
  /**
   * Refused: statistics over the batch or the points; scales or shifts that are computed; `num_groups` that does not
   * divide the channels.
   */
  GroupNormalization: { inputs: 3, batchFirst: true, constants: [1, 2], read: norms.groupNorm },
  /**
   * Refused: statistics over the batch or the points; scales or shifts that are computed; `epsilon` of 0 or below.
   */
  LayerNormalization: { inputs: 2, constants: [1, 2], read: norms.layerNorm, fold: foldLayerNorm },
  /**
   * Refused: statistics over the batch or the points; scales or shifts that are computed; `epsilon` of 0 or below.
   */
  RMSNormalization: { inputs: 2, constants: [1], read: norms.rmsNorm },
  /**
   * Refused: sums over the batch or the points; a row that a constant mask makes -∞ throughout, where ONNX Runtime
   * returns NaN.
   */
  Softmax: { inputs: 1, read: norms.softmax, fold: foldSoftmax },
  /** Refused: sums over the batch or the points. */
  LogSoftmax: { inputs: 1, read: norms.logSoftmax },
  // Sums over axes
  /** Refused: statistics over the batch; axes that are computed. */
  ReduceMean: { inputs: 1, read: reductions.reduceMean, fold: folded.reduceMean, wraps: true },
  /** Refused: statistics over the batch; axes that are computed. */
  ReduceSum: { inputs: 1, read: reductions.reduceSum, fold: folded.reduceSum, wraps: true },
  /** Refused: statistics over the batch; axes that are computed; `noop_with_empty_axes` without axes. */
  ReduceL1: { inputs: 1, read: reductions.reduceL1, fold: folded.reduceL1, wraps: true },
  /** Refused: statistics over the batch; axes that are computed; `noop_with_empty_axes` without axes. */
  ReduceL2: { inputs: 1, read: reductions.reduceL2, fold: folded.reduceL2, wraps: true },
  /** Refused: statistics over the batch; axes that are computed; `noop_with_empty_axes` without axes. */
  ReduceSumSquare: { inputs: 1, read: reductions.reduceSumSquare, fold: folded.reduceSumSquare, wraps: true },
  /** Refused: a maximum over the batch or the points; axes that are computed. */
  ReduceMax: { inputs: 1, read: reductions.extremaOf("maximum"), fold: folded.reduceMax },
  /** Refused: a minimum over the batch or the points; axes that are computed. */
  ReduceMin: { inputs: 1, read: reductions.extremaOf("minimum"), fold: folded.reduceMin },
  /** Refused: statistics over the batch; axes that are computed; `noop_with_empty_axes` without axes. */
  ReduceLogSum: { inputs: 1, read: reductions.reduceLogSum, fold: folded.reduceLogSum },
  /** Refused: a sum over the batch or the points; axes that are computed; `noop_with_empty_axes` without axes. */
  ReduceLogSumExp: { inputs: 1, read: reductions.reduceLogSumExp, fold: folded.reduceLogSumExp },
  GlobalAveragePool: { inputs: 1, batchFirst: true, read: reductions.globalAveragePool },
  // Pixels
  /**
   * Refused: `coordinate_transformation_mode` `tf_crop_and_resize`; `tf_half_pixel_for_nn` with another `mode` than `nearest`,
   * or with `nearest_mode` `ceil` or `round_prefer_ceil`; `antialias` with `nearest`; `exclude_outside` with neither `cubic`
   * nor `antialias`; scales other than 1 that leave pixels as many as before, where ONNX Runtime copies and the standard
   * interpolates; `align_corners` with scales that make no whole number of pixels, which ONNX Runtime rounds down and the
   * standard's tests do not; in opset 10, `nearest` to fewer pixels by a scale other than 1/2, 1/3, …; scales or sizes that are computed;
   * the batch or the channels resized; three axes of pixels; an axis of points.
   */
  Resize: { inputs: 1, ofPixels: true, read: resize, former: upgrade.RESIZE },
  /** Refused: files of opset 10 or later, in which Resize replaces Upsample; nodes that would be refused as Resize. */
  Upsample: { inputs: 1, ofPixels: true, read: upsample, former: upgrade.UPSAMPLE },
  /**
   * Refused: `mode` `wrap`; pads or a value that are computed, or a value of NaN; the batch or the points padded; more pixels
   * reflected than there are; a value of -∞, unless the result goes into Softmax, Exp, Relu, Sigmoid or Tanh, directly or after
   * operators that preserve infinities, such as Reshape; a value of ∞, unless the result goes into Sigmoid or Tanh in this way.
   */
  Pad: { inputs: 2, read: resampling.pad, former: upgrade.PAD },
  /**
   * Refused: `dilations`; `ceil_mode` where the last window is not whole; pads as wide as the window; `auto_pad` that
   * leaves more than one pixel behind the last window; three axes of pixels; an axis of points.
   */
  AveragePool: { inputs: 1, ofPixels: true, read: resampling.averagePool },
  /**
   * Refused: its second output, Indices; a window of padding alone; `dilations` with `auto_pad`, or with more than
   * 256 pixels of padding; `auto_pad` that leaves more than one pixel behind the last window; three axes of pixels; an axis of points.
   */
  MaxPool: { inputs: 1, ofPixels: true, read: pooling.maxPool },
  /** Refused: a maximum over the points. */
  GlobalMaxPool: { inputs: 1, batchFirst: true, read: pooling.globalMaxPool },
  /**
   * Refused: other inputs than [batch, channels, height, width]; a `blocksize` whose square does not divide the
   * channels.
   */
  DepthToSpace: { inputs: 1, batchFirst: true, read: rearranging.depthToSpace },
  // Places
  /**
   * Refused: a shape that is computed from anything but lengths of axes, or that mixes the batch with another axis; a shape
   * without the batch.
   */
  Reshape: { inputs: 2, read: reshaping.reshape, fold: shapes.reshape },
  /**
   * Refused: a shape that is computed from anything but lengths of axes; a length that depends on the batch or the points
   * otherwise than in proportion; a new length for an axis longer than 1; a new length of several times the points.
   */
  Expand: { inputs: 2, read: reshaping.expand, fold: shapes.expand },
  /** Refused: repeats that are computed; the batch repeated. */
  Tile: { inputs: 2, read: reshaping.tile, fold: shapes.tile },
  Flatten: { inputs: 1, read: rearranging.flatten, fold: shapes.flatten },
  /** Refused: axes that are computed; an axis that is longer than 1. */
  Squeeze: { inputs: 1, read: rearranging.squeeze, fold: shapes.squeeze },
  /** Refused: axes that are computed. */
  Unsqueeze: { inputs: 1, read: rearranging.unsqueeze, fold: shapes.unsqueeze },
  Transpose: { inputs: 1, read: rearranging.transpose, fold: shapes.transpose },
  /** Refused: values concatenated along the batch or the points. */
  Concat: { inputs: "all", read: rearranging.concat, fold: shapes.concat },
  /** Refused: the batch or the points split; lengths that are computed. */
  Split: { inputs: 1, read: rearranging.split, fold: shapes.split, former: upgrade.SPLIT },
  /** Refused: bounds that are computed; a part of the batch or of the points. */
  Slice: { inputs: 3, read: rearranging.slice, fold: shapes.slice, former: upgrade.SLICE },
  /**
   * Refused: constant indices that select a part of the batch or of the points, that are a matrix, or that are more than 256;
   * indices that are an integer input, with an `axis` other than 0 or a table that is computed; all other indices that are
   * computed.
   */
  Gather: { inputs: 2, read: rearranging.gather, fold: shapes.gather },
  /** Refused: indices that are no integer input of the decoder; an `axis` other than the last; more than 4096 classes. */
  OneHot: { inputs: 3, read: rearranging.oneHot },
  /** Refused: a diagonal that is computed; a triangle of the batch or of the points. */
  Trilu: { inputs: 1, read: trilu, fold: shapes.trilu },
  Identity: { inputs: 1, read: rearranging.identity, fold: shapes.same },
  /** Refused: `training_mode` other than 0. */
  Dropout: { inputs: 1, read: rearranging.dropout, fold: shapes.same },
  /**
   * Refused: computed floats to integers; integers of an input to fewer than 32 bits; constants beyond the range of
   * the integers that they become, except integers of up to 2^53, which wrap; types other than numbers.
   */
  Cast: { inputs: 1, read: cast, fold: shapes.cast },
  // Constants and lengths alone
  /** Refused: texts; sparse tensors. */
  Constant: { inputs: 0, constant: constantOf },
  Shape: { inputs: 1, constant: shapeOf },
  Size: { inputs: 1, constant: sizeOf },
  /** Refused: a `value` of more than one number. */
  ConstantOfShape: { inputs: 1, fold: shapes.constantOfShape },
  Range: { inputs: 3, fold: shapes.range, wraps: true },
  Mod: { inputs: 2, fold: numbers.modulo, wraps: true },
  Floor: { inputs: 1, fold: numbers.each(Math.floor) },
  Ceil: { inputs: 1, fold: numbers.each(Math.ceil) },
  Round: { inputs: 1, fold: numbers.each(numbers.roundEven) },
  ReduceProd: { inputs: 1, fold: folded.reduceProd, wraps: true },
} as const satisfies Readonly<Record<string, Operator>>;

/** Name of a supported ONNX operator. */
export type OperatorName = keyof typeof OPERATORS;

/** Returns the operator with an ONNX name; undefined if it is not supported. */
export function operatorOf(name: string): Operator | undefined {
  return Object.hasOwn(OPERATORS, name) ? OPERATORS[name as OperatorName] : undefined;
}

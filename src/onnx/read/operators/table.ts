import * as functions from "../activations.ts";
import type { NodeView } from "../node-view.ts";
import type { Operand } from "../value.ts";
import * as arithmetic from "./arithmetic.ts";
import * as comparisons from "./comparisons.ts";
import * as convolutions from "./convolutions.ts";
import { einsum } from "./einsum.ts";
import * as pointwise from "./functions.ts";
import * as norms from "./norms.ts";
import * as patterns from "./patterns.ts";
import * as pooling from "./pooling.ts";
import * as products from "./products.ts";
import * as rearranging from "./rearranging.ts";
import * as reductions from "./reductions.ts";
import * as resampling from "./resampling.ts";
import * as reshaping from "./reshape.ts";
import { resize, upsample } from "./resize.ts";
import { cast } from "./types.ts";

/** What is made of a node: its outputs, or the only one. */
export type Operator = (node: NodeView) => Operand | readonly Operand[];

/** The operators that are read where what they read depends on inputs. Those of constants alone are in `folding/`. */
export const OPERATORS = {
  // Products
  Gemm: products.gemm,
  MatMul: products.matmul,
  Einsum: einsum,
  Conv: convolutions.conv,
  ConvTranspose: convolutions.convTranspose,
  // Number by number
  Add: arithmetic.add,
  Sub: arithmetic.sub,
  Mul: patterns.product,
  Div: patterns.quotient,
  Neg: arithmetic.neg,
  Pow: arithmetic.pow,
  Sum: arithmetic.sum,
  Max: arithmetic.max,
  Min: arithmetic.min,
  Clip: arithmetic.clip,
  Where: arithmetic.where,
  Greater: comparisons.greater,
  GreaterOrEqual: comparisons.greaterOrEqual,
  Less: comparisons.less,
  LessOrEqual: comparisons.lessOrEqual,
  Equal: comparisons.equal,
  And: comparisons.and,
  Or: comparisons.or,
  Xor: comparisons.xor,
  Not: comparisons.not,
  Sign: comparisons.sign,
  Sqrt: patterns.root,
  Reciprocal: pointwise.is(functions.RECIPROCAL),
  Abs: pointwise.is(functions.ABS),
  Exp: pointwise.is(functions.EXP),
  Log: pointwise.is(functions.LOG),
  Erf: pointwise.is(functions.ERF),
  Sin: pointwise.sin,
  Cos: pointwise.cos,
  Tanh: pointwise.is(functions.TANH),
  Sigmoid: pointwise.is(functions.SIGMOID),
  HardSigmoid: pointwise.hardSigmoid,
  Relu: pointwise.is(functions.RELU),
  LeakyRelu: pointwise.leakyRelu,
  PRelu: pointwise.prelu,
  Elu: pointwise.elu,
  Selu: pointwise.selu,
  Celu: pointwise.celu,
  Softplus: pointwise.is(functions.SOFTPLUS),
  Softsign: pointwise.softsign,
  Gelu: pointwise.gelu,
  Mish: pointwise.is(functions.MISH),
  HardSwish: pointwise.is(functions.HARD_SWISH),
  // Norms
  BatchNormalization: norms.batchNorm,
  InstanceNormalization: norms.instanceNorm,
  GroupNormalization: norms.groupNorm,
  LayerNormalization: norms.layerNorm,
  RMSNormalization: norms.rmsNorm,
  Softmax: norms.softmax,
  LogSoftmax: norms.logSoftmax,
  // Sums over axes
  ReduceMean: reductions.reduceMean,
  ReduceSum: reductions.reduceSum,
  ReduceL1: reductions.reduceL1,
  ReduceL2: reductions.reduceL2,
  ReduceSumSquare: reductions.reduceSumSquare,
  ReduceMax: reductions.reduceMax,
  ReduceMin: reductions.reduceMin,
  ReduceLogSum: reductions.reduceLogSum,
  ReduceLogSumExp: reductions.reduceLogSumExp,
  GlobalAveragePool: reductions.globalAveragePool,
  // Pixels
  Resize: resize,
  Upsample: upsample,
  Pad: resampling.pad,
  AveragePool: resampling.averagePool,
  MaxPool: pooling.maxPool,
  GlobalMaxPool: pooling.globalMaxPool,
  DepthToSpace: rearranging.depthToSpace,
  // Places
  Reshape: reshaping.reshape,
  Expand: reshaping.expand,
  Tile: reshaping.tile,
  Flatten: rearranging.flatten,
  Squeeze: rearranging.squeeze,
  Unsqueeze: rearranging.unsqueeze,
  Transpose: rearranging.transpose,
  Concat: rearranging.concat,
  Split: rearranging.split,
  Slice: rearranging.slice,
  Gather: rearranging.gather,
  OneHot: rearranging.oneHot,
  Trilu: arithmetic.trilu,
  Identity: rearranging.identity,
  Dropout: rearranging.dropout,
  Cast: cast,
} as const satisfies Readonly<Record<string, Operator>>;

/** The operator of this name; undefined of one that is not read. */
export function operatorOf(name: string): Operator | undefined {
  return Object.hasOwn(OPERATORS, name) ? OPERATORS[name as keyof typeof OPERATORS] : undefined;
}

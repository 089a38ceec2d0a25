import type { ELEMENTWISE } from "./folding/elementwise.ts";
import type { REDUCTIONS } from "./folding/reductions.ts";
import type { SHAPES } from "./folding/shapes.ts";
import type { OPERATORS } from "./operators/table.ts";

/** Every operator that is read, some of constants or shapes alone. */
export type OperatorName =
  | keyof (typeof OPERATORS & typeof ELEMENTWISE & typeof REDUCTIONS & typeof SHAPES)
  | ("Constant" | "Shape" | "Size");

/** How many inputs each must have; what may come behind them is optional. "all": however many there are, one at least. */
const INPUTS: { readonly [Name in OperatorName]: number | "all" } = {
  ...{ Constant: 0, Shape: 1, Size: 1, ConstantOfShape: 1, Identity: 1, Dropout: 1, Cast: 1 },
  // Products
  ...{ Gemm: 2, MatMul: 2, Einsum: "all", Conv: 2, ConvTranspose: 2 },
  // Number by number
  ...{ Add: 2, Sub: 2, Mul: 2, Div: 2, Pow: 2, Mod: 2, Sum: "all", Max: "all", Min: "all", Where: 3 },
  ...{ Neg: 1, Clip: 1, Sqrt: 1, Reciprocal: 1, Abs: 1, Sign: 1, Exp: 1, Log: 1, Erf: 1, Sin: 1, Cos: 1 },
  ...{ Floor: 1, Ceil: 1, Round: 1, Not: 1, And: 2, Or: 2, Xor: 2 },
  ...{ Equal: 2, Greater: 2, GreaterOrEqual: 2, Less: 2, LessOrEqual: 2 },
  ...{ Tanh: 1, Sigmoid: 1, HardSigmoid: 1, Relu: 1, LeakyRelu: 1, PRelu: 2, Elu: 1, Selu: 1, Celu: 1 },
  ...{ Softplus: 1, Softsign: 1, Gelu: 1, Mish: 1, HardSwish: 1 },
  // Norms
  ...{ BatchNormalization: 5, InstanceNormalization: 3, GroupNormalization: 3, LayerNormalization: 2 },
  ...{ RMSNormalization: 2, Softmax: 1, LogSoftmax: 1 },
  // Sums over axes
  ...{ ReduceMean: 1, ReduceSum: 1, ReduceL1: 1, ReduceL2: 1, ReduceSumSquare: 1 },
  ...{ ReduceMax: 1, ReduceMin: 1, ReduceProd: 1, GlobalAveragePool: 1 },
  ...{ ReduceLogSum: 1, ReduceLogSumExp: 1 },
  // Pixels
  ...{ Resize: 1, Upsample: 1, Pad: 2, AveragePool: 1, MaxPool: 1, GlobalMaxPool: 1, DepthToSpace: 1 },
  // Places
  ...{ Reshape: 2, Expand: 2, Tile: 2, Flatten: 1, Squeeze: 1, Unsqueeze: 1, Transpose: 1, Concat: "all" },
  ...{ Split: 1, Slice: 3, Gather: 2, OneHot: 3, Range: 3, Trilu: 1 },
};

/**
 * True if the inputs that an operator must have are there.
 *
 * @param operator one that is read
 * @param inputs undefined: left out
 */
export function hasInputs(operator: string, inputs: readonly unknown[]): boolean {
  const needed = INPUTS[operator as OperatorName];
  const least = needed === "all" ? Math.max(inputs.length, 1) : needed;
  return inputs.length >= least && inputs.slice(0, least).every((input) => input !== undefined);
}

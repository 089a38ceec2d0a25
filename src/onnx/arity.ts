// How many inputs operators must have; what may come behind them is optional.

const INPUTS: Readonly<Record<string, number>> = {
  ...{ Constant: 0, Add: 2, Sub: 2, Mul: 2, Div: 2, Pow: 2, Mod: 2, Equal: 2, Greater: 2, GreaterOrEqual: 2 },
  ...{ Less: 2, LessOrEqual: 2, And: 2, Or: 2, Xor: 2, PRelu: 2, Where: 3, Range: 3 },
  ...{ MatMul: 2, Gemm: 2, Conv: 2, ConvTranspose: 2, Reshape: 2, Expand: 2, Tile: 2, Gather: 2, Slice: 3 },
  ...{ BatchNormalization: 5, InstanceNormalization: 3, GroupNormalization: 3, LayerNormalization: 2 },
  ...{ RMSNormalization: 2, Pad: 2, OneHot: 3 },
};

/** Operators all of whose inputs must be there, however many. */
const ALL = ["Sum", "Max", "Min", "Concat"];

/** Whether the inputs of a node that its operator must have are there: each is named, or "" where it is left out. */
export function hasInputs(operator: string, inputs: readonly string[]): boolean {
  const least = ALL.includes(operator) ? Math.max(inputs.length, 1) : (INPUTS[operator] ?? 1);
  return inputs.length >= least && inputs.slice(0, least).every((name) => name !== "");
}

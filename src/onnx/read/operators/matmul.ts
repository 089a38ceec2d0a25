import { broadcastShape } from "../../../graph/settings.ts";
import type { Equation } from "../einsum-equation.ts";
import { sumOfProducts } from "../folding/einsum.ts";
import { stretched } from "../folding/elementwise.ts";
import type { NodeView } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import type { Tensor } from "../tensor.ts";
import { dimensionAt, type Value } from "../value.ts";
import { combine, linear } from "./arithmetic.ts";
import { contraction } from "./einsum.ts";

// MatMul and Gemm, as Einsums, of computed values and of constants, as of learnt tokens before they are combined with the latent.

/** For each of two matrices, whether it is transposed. */
type Turns = readonly [boolean, boolean];

const SUMMED = "inner";

/**
 * Returns the equation of a product of two matrices in the last two axes, with the other axes broadcast; a vector has no axis of
 * rows, or of columns.
 */
function equationOf(ranks: readonly [number, number], turns: Turns = [false, false]): Equation {
  const leading = (rank: number) =>
    Array.from({ length: Math.max(rank - 2, 0) }, (_, i) => `axis ${rank - i}`);
  const [rows, columns] = [["row"], ["column"]].map((labels, i) => (ranks[i]! > 1 ? labels : []));
  const matrices = [
    [...rows!, SUMMED],
    [SUMMED, ...columns!],
  ];
  return {
    inputs: matrices.map((labels, i) => [...leading(ranks[i]!), ...(turns[i] ? labels.reverse() : labels)]),
    output: [...leading(Math.max(...ranks)), ...rows!, ...columns!],
  };
}

function product(node: NodeView, a: Value, b: Value, turns?: Turns): Value {
  if (a.axes.length === 0 || b.axes.length === 0) return node.refuse("it multiplies what are no matrices");
  const equation = equationOf([a.axes.length, b.axes.length], turns);
  const [left, right] = [a, b].map((value, i) => dimensionAt(value, equation.inputs[i]!.indexOf(SUMMED)));
  if (left!.hasBatch === right!.hasBatch && left!.count !== right!.count) {
    return node.refuse(`it multiplies ${left!.count} numbers by a matrix of ${right!.count} rows`);
  }
  if (left!.hasPoints !== right!.hasPoints) return node.refuse("it multiplies along the points");
  return contraction(node, [a, b], equation);
}

/** Translates a MatMul node. */
export function matmul(node: NodeView): Value {
  return product(node, node.value(0), node.value(1));
}

/** Translates a Gemm node, alpha · A · B + beta · C. */
export function gemm(node: NodeView): Value {
  const [a, b] = [node.value(0), node.value(1)];
  if (a.axes.length !== 2 || b.axes.length !== 2) return node.refuse("it multiplies what are no matrices");
  const scaled = linear(node, product(node, a, b, turnsOf(node)), node.float("alpha", 1), 0);
  const beta = node.float("beta", 1);
  if (!node.has(2) || beta === 0) return scaled;
  return combine(node, "add", scaled, linear(node, node.value(2), beta, 0));
}

function turnsOf(node: NodeView): Turns {
  return [node.integer("transA", 0) !== 0, node.integer("transB", 0) !== 0];
}

/** Multiplies two constants; undefined if they do not fit, of which `product` says more. */
function folded(a: Tensor, b: Tensor, claim: Parameters<Fold>[2], turns?: Turns): Tensor | undefined {
  const { inputs, output } = equationOf([a.shape.length, b.shape.length], turns);
  const operands = [a, b].map(({ values, shape }, i) => ({ values, shape, labels: inputs[i]! }));
  const inner = operands.map(({ shape, labels }) => shape[labels.indexOf(SUMMED)]);
  const fits = broadcastShape([a, b].map(({ shape }) => shape.slice(0, -2)));
  if (inner[0] === undefined || inner[0] !== inner[1] || !fits) return undefined;
  const { values, shape } = sumOfProducts([operands[0]!, operands[1]!], output, claim);
  return { type: a.type, shape, values };
}

/** Constant-folds MatMul. */
export const foldMatmul: Fold = (_node, [a, b], claim) => folded(a!, b!, claim);

/** Constant-folds Gemm; undefined if A and B are not matrices that fit, or C would broadcast beyond the product. */
export const foldGemm: Fold = (node, [a, b, c], claim) => {
  if (a!.shape.length !== 2 || b!.shape.length !== 2) return undefined;
  const made = folded(a!, b!, claim, turnsOf(node));
  if (!made || (c && String(broadcastShape([made.shape, c.shape])) !== String(made.shape))) return undefined;
  const [alpha, beta] = [node.float("alpha", 1), node.float("beta", 1)];
  // As in `gemm`: beta = 0 leaves out what would be infinity times 0.
  const added = c && beta !== 0 && stretched(c, made.shape);
  const values = made.values.map((value, i) => alpha * value + (added ? beta * added[i]! : 0));
  return { ...made, values };
};

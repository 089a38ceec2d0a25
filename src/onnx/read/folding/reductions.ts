import { sizeOf } from "../../../graph/operations.ts";
import { broadcastShape } from "../../../graph/settings.ts";
import type { Fold } from "../operator.ts";
import { reducedAxes } from "../operators/reductions.ts";
import { type Numbers, permuted, strided, type Tensor, zerosLike } from "../tensor.ts";
import { commonShape, stretched } from "./elementwise.ts";

// Constant folding of reductions and matrix products, as of learnt tokens before they are combined with the latent.

type Summary = (numbers: Numbers) => number;

/** Makes a function that combines numbers from left to right, starting with `first`. */
const combined =
  (combine: (all: number, number: number) => number, first: number): Summary =>
  (numbers) => {
    let all = first;
    for (const number of numbers) all = combine(all, number);
    return all;
  };

const total = combined((all, number) => all + number, 0);
const squares = combined((all, number) => all + number * number, 0);
const greatest = combined(Math.max, Number.NEGATIVE_INFINITY);

/** Computes log Σ exp(x) as m + log Σ exp(x - m), where m is the maximum, or 0 if that is infinite. */
const logSumExp: Summary = (numbers) => {
  const largest = greatest(numbers);
  const centre = Number.isFinite(largest) ? largest : 0;
  return centre + Math.log(total(numbers.map((number) => Math.exp(number - centre))));
};

/** Makes the constant folding of a reduction operator, which applies `summary` to the numbers along its axes. */
function reduction(summary: Summary): Fold {
  return (node, [tensor], claim) => {
    const { shape, values, type } = tensor!;
    const axes = reducedAxes(node, shape.length);
    if (!axes) return tensor!;
    claim(values.length);
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const sorted = permuted(values, shape, [...kept, ...axes]);
    const width = sizeOf(axes.map((axis) => shape[axis]!));
    const count = sizeOf(kept.map((axis) => shape[axis]!));
    const keepsAxes = node.integer("keepdims", 1) !== 0;
    return {
      type,
      shape: keepsAxes
        ? shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
        : kept.map((axis) => shape[axis]!),
      values: zerosLike(values, count).map((_, i) => summary(sorted.subarray(i * width, (i + 1) * width))),
    };
  };
}

/** Constant-folds ReduceSum. */
export const reduceSum = reduction(total);
/** Constant-folds ReduceMean. */
export const reduceMean = reduction((numbers) => total(numbers) / numbers.length);
/** Constant-folds ReduceL1. */
export const reduceL1 = reduction((numbers) => total(numbers.map(Math.abs)));
/** Constant-folds ReduceL2. */
export const reduceL2 = reduction((numbers) => Math.sqrt(squares(numbers)));
/** Constant-folds ReduceSumSquare. */
export const reduceSumSquare = reduction(squares);
/** Constant-folds ReduceMax. */
export const reduceMax = reduction(greatest);
/** Constant-folds ReduceMin. */
export const reduceMin = reduction(combined(Math.min, Number.POSITIVE_INFINITY));
/** Constant-folds ReduceLogSum. */
export const reduceLogSum = reduction((numbers) => Math.log(total(numbers)));
/** Constant-folds ReduceLogSumExp. */
export const reduceLogSumExp = reduction(logSumExp);
/** Constant-folds ReduceProd. */
export const reduceProd = reduction(combined((all, number) => all * number, 1));

/**
 * Constant-folds MatMul: matrix products over the last two axes, with the other axes broadcast. Undefined if shapes do
 * not fit.
 */
export const matmul: Fold = (node, [a, b], claim) => {
  const [left, right] = [a!, b!];
  const [rows, inner] = left.shape.slice(-2);
  const columns = right.shape.at(-1);
  if (rows === undefined || inner === undefined || columns === undefined) return undefined;
  if (right.shape.length < 2 || right.shape.at(-2) !== inner) return undefined;
  const [before, behind] = [left, right].map(({ shape }) => shape.slice(0, -2)) as [number[], number[]];
  const shape = commonShape(node, [before, behind]);
  const matrices = sizeOf(shape);
  claim(matrices * rows * columns);
  // Products take time, too: 64 of them are charged as one output number.
  claim((matrices * rows * columns * inner) / 64);
  const first = (own: readonly number[], matrix: number) => {
    const values = new Float64Array(sizeOf(own)).map((_, i) => i * matrix);
    return stretched({ ...left, shape: own, values }, shape);
  };
  const starts = { left: first(before, rows * inner), right: first(behind, inner * columns) };
  const values = new Float32Array(matrices * rows * columns);
  const sums = new Float64Array(columns);
  for (let row = 0; row < matrices * rows; row++) {
    const matrix = Math.floor(row / rows);
    const from = starts.left[matrix]! + (row % rows) * inner;
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const factor = left.values[from + k]!;
      const at = starts.right[matrix]! + k * columns;
      for (let j = 0; j < columns; j++) sums[j]! += factor * right.values[at + j]!;
    }
    values.set(sums, row * columns);
  }
  return { type: left.type, shape: [...shape, rows, columns], values } satisfies Tensor;
};

/**
 * Constant-folds Gemm, alpha · A · B + beta · C. Returns undefined, so that the node becomes operations of the graph, if A and
 * B are not matrices that fit, or C would broadcast beyond the product.
 */
export const gemm: Fold = (node, [a, b, c], claim) => {
  const [left, right] = [a!, b!].map((matrix, i) =>
    turned(matrix, node.integer(i === 0 ? "transA" : "transB", 0) !== 0),
  );
  const product = left && right && matmul(node, [left, right], claim);
  if (!product || !("shape" in product)) return undefined;
  const { shape } = product;
  const alpha = node.float("alpha", 1);
  const beta = node.float("beta", 1);
  if (c && String(broadcastShape([shape, c.shape])) !== String(shape)) return undefined;
  const added = c && stretched(c, shape);
  const values = product.values.map((value, i) => alpha * value + (added ? beta * added[i]! : 0));
  return { ...product, values };
};

/** Returns a matrix, transposed if `turns`; undefined for a tensor that is not a matrix. */
function turned(matrix: Tensor, turns: boolean): Tensor | undefined {
  const [rows, columns, ...more] = matrix.shape;
  if (rows === undefined || columns === undefined || more.length > 0) return undefined;
  if (!turns) return matrix;
  return { ...matrix, shape: [columns, rows], values: strided(matrix.values, [columns, rows], [1, columns]) };
}

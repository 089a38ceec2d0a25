import { sizeOf } from "../../../graph/operations.ts";
import type { Fold } from "../operator.ts";
import { reducedAxes } from "../operators/reductions.ts";
import { type Numbers, permuted, zerosLike } from "../tensor.ts";

// Constant folding of reductions.

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

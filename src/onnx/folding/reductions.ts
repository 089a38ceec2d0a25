import { sizeOf, stridesOf } from "../../graph/operations.ts";
import { reducedAxes } from "../operators/reductions.ts";
import { type Numbers, strided, type Tensor } from "../tensor.ts";
import type { Fold } from "./shapes.ts";

// Sums of constants, and their products as matrices.

type Summary = (numbers: Numbers) => number;

const total: Summary = (numbers) => {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
};
const squares: Summary = (numbers) => {
  let sum = 0;
  for (const number of numbers) sum += number * number;
  return sum;
};

const combined =
  (combine: (a: number, b: number) => number, first: number): Summary =>
  (numbers) => {
    let all = first;
    for (const number of numbers) all = combine(all, number);
    return all;
  };

const greatest = combined(Math.max, Number.NEGATIVE_INFINITY);

/** m + log Σ exp(x - m), m the largest x, or 0 where that is infinite. */
const logSumExp: Summary = (numbers) => {
  const largest = greatest(numbers);
  const centre = Number.isFinite(largest) ? largest : 0;
  return centre + Math.log(total(numbers.map((number) => Math.exp(number - centre))));
};

function reduction(summary: Summary): Fold {
  return (node, [tensor], claim) => {
    const { shape, values, type } = tensor!;
    const axes = reducedAxes(node, shape.length);
    if (!axes) return tensor!;
    claim(values.length);
    const strides = stridesOf(shape);
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const order = [...kept, ...axes];
    const sorted = strided(
      values,
      order.map((axis) => shape[axis]!),
      order.map((axis) => strides[axis]!),
    );
    const width = sizeOf(axes.map((axis) => shape[axis]!));
    const count = sizeOf(kept.map((axis) => shape[axis]!));
    const result = values instanceof Float32Array ? new Float32Array(count) : new Float64Array(count);
    const keepsAxes = node.integer("keepdims", 1) !== 0;
    return {
      type,
      shape: keepsAxes
        ? shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
        : kept.map((axis) => shape[axis]!),
      values: result.map((_, i) => summary(sorted.subarray(i * width, (i + 1) * width))),
    };
  };
}

const matmul: Fold = (_node, [a, b], claim) => {
  const [left, right] = [a!, b!];
  if (left.shape.length !== 2 || right.shape.length !== 2 || left.shape[1] !== right.shape[0])
    return undefined;
  const [rows, inner] = left.shape as [number, number];
  const columns = right.shape[1]!;
  claim(rows * columns);
  // A product is a number's worth of time, too.
  claim((rows * columns * inner) / 64);
  const values = new Float32Array(rows * columns);
  const sums = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    sums.fill(0);
    for (let k = 0; k < inner; k++) {
      const factor = left.values[i * inner + k]!;
      for (let j = 0; j < columns; j++) sums[j]! += factor * right.values[k * columns + j]!;
    }
    values.set(sums, i * columns);
  }
  return { type: left.type, shape: [rows, columns], values } satisfies Tensor;
};

/** By operator. */
export const REDUCTIONS = {
  ReduceSum: reduction(total),
  ReduceMean: reduction((numbers) => total(numbers) / numbers.length),
  ReduceL1: reduction((numbers) => total(numbers.map(Math.abs))),
  ReduceL2: reduction((numbers) => Math.sqrt(squares(numbers))),
  ReduceSumSquare: reduction(squares),
  ReduceMax: reduction(greatest),
  ReduceMin: reduction(combined(Math.min, Number.POSITIVE_INFINITY)),
  ReduceLogSum: reduction((numbers) => Math.log(total(numbers))),
  ReduceLogSumExp: reduction(logSumExp),
  ReduceProd: reduction(combined((a, b) => a * b, 1)),
  MatMul: matmul,
} satisfies Readonly<Record<string, Fold>>;

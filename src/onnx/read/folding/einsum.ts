import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { equationOf } from "../einsum-equation.ts";
import { dimensionsOfConstant } from "../node-view.ts";
import type { Fold } from "../operator.ts";
import type { Numbers } from "../tensor.ts";

// Constant folding of Einsum.

/** Constant tensor with an Einsum label for each axis. A label that occurs twice denotes the diagonal of its two axes. */
export interface LabelledNumbers {
  readonly values: Numbers;
  readonly shape: readonly number[];
  readonly labels: readonly string[];
}

/** The scalar 1, a neutral factor. */
const ONE: LabelledNumbers = { values: Float32Array.of(1), shape: [], labels: [] };

/**
 * Computes an Einsum of one or two operands: multiplies them, sums over all labels that the output lacks, and takes
 * diagonals of repeated labels.
 *
 * @param claim called with the numbers to be computed; throws if folding would take too much in total
 */
export function sumOfProducts(
  [a, b = ONE]: readonly [LabelledNumbers, (LabelledNumbers | undefined)?],
  output: readonly string[],
  claim: (numbers: number) => void,
): LabelledNumbers {
  const lengths = new Map<string, number>(output.map((label) => [label, 1]));
  for (const { labels, shape } of [a, b]) {
    for (const [axis, label] of labels.entries()) {
      if ((lengths.get(label) ?? 1) === 1) lengths.set(label, shape[axis]!);
    }
  }
  const order = [...output, ...[...lengths.keys()].filter((label) => !output.includes(label))];
  const whole = order.map((label) => lengths.get(label)!);
  const shape = whole.slice(0, output.length);
  const width = sizeOf(whole.slice(output.length));
  const count = sizeOf(shape);
  claim(count);
  // Products take time, too: 64 of them are charged as one output number.
  claim((count * width) / 64);
  const isNarrow = [a, b].every(({ values }) => values instanceof Float32Array);
  const values = isNarrow ? new Float32Array(count) : new Float64Array(count);
  const [left, right] = [stridesAlong(a, order), stridesAlong(b, order)];
  const depth = width === 1 ? 1 : whole.at(-1)!;
  const rows = width === 1 ? order.length : order.length - 1;
  const [dx, dy] = [left[rows] ?? 0, right[rows] ?? 0];
  const position = new Array<number>(rows).fill(0);
  let [x, y] = [0, 0];
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < width; k += depth) {
      sum += dot(a.values, x, dx, b.values, y, dy, depth);
      for (let axis = rows - 1; axis >= 0; axis--) {
        x += left[axis]!;
        y += right[axis]!;
        if (++position[axis]! < whole[axis]!) break;
        x -= left[axis]! * whole[axis]!;
        y -= right[axis]! * whole[axis]!;
        position[axis] = 0;
      }
    }
    values[i] = sum;
  }
  return { values, shape, labels: output };
}

/** Sums n products of numbers that are dx and dy apart. */
function dot(a: Numbers, x: number, dx: number, b: Numbers, y: number, dy: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[x + i * dx]! * b[y + i * dy]!;
  return sum;
}

/** Returns the stride of each label in an operand: 0 if it is absent or broadcast, the sum of both strides for a diagonal. */
function stridesAlong({ shape, labels }: LabelledNumbers, order: readonly string[]): number[] {
  const strides = stridesOf(shape);
  return order.map((label) =>
    labels.reduce((sum, each, axis) => (each === label && shape[axis] !== 1 ? sum + strides[axis]! : sum), 0),
  );
}

/** Constant-folds Einsum, combining operands from left to right. */
export const foldEinsum: Fold = (node, inputs, claim) => {
  const tensors = inputs.map((tensor, i) => tensor ?? node.refuse(`its input ${i} is missing`));
  const dimensions = tensors.map((tensor) => dimensionsOfConstant(node, { at: [tensor] }));
  const equation = equationOf(node, dimensions);
  const operands = tensors.map(({ values, shape }, i) => ({ values, shape, labels: equation.inputs[i]! }));
  const product = operands.slice(1).reduce<LabelledNumbers>((left, right, i) => {
    const later = [...equation.output, ...operands.slice(i + 2).flatMap(({ labels }) => labels)];
    const has = new Set([...left.labels, ...right.labels]);
    const kept = [...new Set(later)].filter((label) => has.has(label));
    return sumOfProducts([left, right], kept, claim);
  }, operands[0]!);
  const { values, shape } = sumOfProducts([product], equation.output, claim);
  return { type: tensors[0]!.type, shape, values };
};

import { sizeOf, stridesOf } from "../../../graph/operations.ts";
import { type Equation, equationOf } from "../einsum-equation.ts";
import { type LabelledNumbers, sumOfProducts } from "../folding/einsum.ts";
import type { NodeView } from "../node-view.ts";
import { type Numbers, strided } from "../tensor.ts";
import {
  BATCH,
  dimensionAt,
  dimensionsOf,
  keepAxes,
  makeValue,
  replaced,
  splitAxis,
  type Value,
} from "../value.ts";
import { combine } from "./arithmetic.ts";
import { ALONG_BATCH, multiplied, productOfValues } from "./products.ts";
import { positions } from "./rearranging.ts";
import { reduce } from "./reductions.ts";

// Einsum of computed values: operands are multiplied from left to right. The axis of a label may consist of several
// stored axes, which avoids transposing them for matrix products.

/** Value with an Einsum label for each axis. Labels are distinct, and axes longer than 1. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** Maximum number of numbers that one node computes from constants: 256 MB as float32. */
const MOST_NUMBERS = 2 ** 26;

/** Translates an Einsum node. */
export function einsum(node: NodeView): Value {
  const values = node.values();
  return contraction(node, values, equationOf(node, values.map(dimensionsOf)));
}

/** Multiplies values by an equation that fits them, from left to right, and sums over the labels that the output lacks. */
export function contraction(node: NodeView, values: readonly Value[], { inputs, output }: Equation): Value {
  const operands = values.map((value, i) => labelled(node, value, inputs[i]!));
  const product = operands.slice(1).reduce((left, right, i) => {
    const later = new Set([...output, ...operands.slice(i + 2).flatMap(({ labels }) => labels)]);
    const wanted = ({ labels }: Labelled) => new Set([...later, ...labels]);
    return contracted(node, summed(node, left, wanted(right)), summed(node, right, wanted(left)), later);
  }, operands[0]!);
  const result = summed(node, product, new Set(output));
  return { ...result.value, axes: output.map((label) => axisOf(result, label)) };
}

/** Returns the stored axes of a label; none if the value is broadcast along it. */
function axisOf({ value, labels }: Labelled, label: string): readonly number[] {
  return value.axes[labels.indexOf(label)] ?? [];
}

/** Returns the label of the batch axis; undefined if the value has none. */
function batchOf({ value, labels }: Labelled): string | undefined {
  return labels.find((_, axis) => value.axes[axis]!.includes(BATCH));
}

const isConstant = ({ value }: Labelled) => typeof value.source !== "string";

/** Labels the axes of a value. Drops axes of length 1, and replaces axes with the same label by their diagonal. */
function labelled(node: NodeView, value: Value, all: readonly string[]): Labelled {
  const axes = value.axes.flatMap((factors, axis) => (factors.length > 0 ? [axis] : []));
  const whole: Labelled = {
    value: { ...value, axes: axes.map((axis) => value.axes[axis]!) },
    labels: axes.map((axis) => all[axis]!),
  };
  const twice = whole.labels.filter((label, i) => whole.labels.indexOf(label) !== i);
  if (twice.length === 0) return whole;
  const hasLength = whole.labels.every((label, axis) => {
    const { hasBatch, hasPoints } = dimensionAt(whole.value, axis);
    return !twice.includes(label) || !(hasBatch || hasPoints);
  });
  if (!hasLength) return node.refuse("it takes a diagonal along the batch or the points");
  if (isConstant(whole)) return folded(node, whole, undefined, [...new Set(whole.labels)]);
  return twice.reduce<Labelled>((operand, label) => diagonal(node, operand, label), whole);
}

/**
 * Replaces the two axes with a label, of length n each, by their diagonal: positions 0, n + 1, 2 · (n + 1), … of the
 * merged axes.
 */
function diagonal(node: NodeView, { value, labels }: Labelled, label: string): Labelled {
  const [first, second] = [labels.indexOf(label), labels.lastIndexOf(label)];
  const others = labels.flatMap((_, axis) => (axis === first || axis === second ? [] : [axis]));
  const both = [...value.axes[first]!, ...value.axes[second]!];
  const joint = { ...value, axes: [...others.map((axis) => value.axes[axis]!), both] };
  const { count } = dimensionAt(value, first);
  return {
    value: positions(node, joint, others.length, 0, count, count + 1),
    labels: [...others.map((axis) => labels[axis]!), label],
  };
}

/** Sums a value over all labels except `wanted`. */
function summed(node: NodeView, operand: Labelled, wanted: ReadonlySet<string>): Labelled {
  const { value, labels } = operand;
  const kept = labels.filter((label) => wanted.has(label));
  if (kept.length === labels.length) return operand;
  const batch = batchOf(operand);
  if (batch !== undefined && !wanted.has(batch)) {
    return node.refuse("it sums over the batch, which makes samples depend on each other");
  }
  if (isConstant(operand)) return folded(node, operand, undefined, kept);
  const axes = labels.flatMap((label, axis) => (wanted.has(label) ? [] : [axis]));
  const sum = reduce(node, "sum", value, axes);
  return { value: keepAxes(sum, (axis) => !axes.includes(axis)), labels: kept };
}

/** Multiplies two values, and sums over the labels that both have and `wanted` lacks. */
function contracted(node: NodeView, a: Labelled, b: Labelled, wanted: ReadonlySet<string>): Labelled {
  const both = a.labels.filter((label) => b.labels.includes(label));
  const sums = both.filter((label) => !wanted.has(label));
  const batches = [a, b].flatMap((operand) => batchOf(operand) ?? []);
  if (new Set(batches).size > 1 || batches.some((label) => sums.includes(label))) {
    return node.refuse(ALONG_BATCH);
  }
  const all = [...new Set([...a.labels, ...b.labels])].filter((label) => !sums.includes(label));
  if (isConstant(a) && isConstant(b)) return folded(node, a, b, all);
  if (sums.length === 0) return numberByNumber(node, a, b);
  if (both.length === sums.length) {
    if (isConstant(b) && batchOf(b) === undefined) return byMatrix(node, a, b, sums);
    if (isConstant(a) && batchOf(a) === undefined) return byMatrix(node, b, a, sums);
  }
  const shared = both.filter((label) => wanted.has(label));
  return asMatrices(node, a, b, shared, sums) ?? summed(node, numberByNumber(node, a, b), wanted);
}

/** Multiplies two values elementwise, matching axes by label, with broadcasting. */
function numberByNumber(node: NodeView, a: Labelled, b: Labelled): Labelled {
  const labels = [...new Set([...a.labels, ...b.labels])];
  const [left, right] = [a, b].map((operand): Value => {
    return { ...operand.value, axes: labels.map((label) => axisOf(operand, label)) };
  });
  return { value: combine(node, "mul", left!, right!), labels };
}

/** Multiplies a value by a constant matrix; all labels that they share, `all`, are summed over. */
function byMatrix(node: NodeView, { value, labels }: Labelled, matrix: Labelled, all: readonly string[]) {
  const sums = asStored({ value, labels }, all);
  const rest = labels.flatMap((label, axis) => (sums.includes(label) ? [] : [axis]));
  const columns = matrix.labels.filter((label) => !sums.includes(label));
  const { values, shape } = sumOfProducts([numbersOf(matrix)], [...sums, ...columns], claiming(node));
  const [rows, width] = [sizeOf(shape.slice(0, sums.length)), sizeOf(shape.slice(sums.length))];
  const depth = sums.flatMap((label) => value.axes[labels.indexOf(label)]!);
  const whole = { ...value, axes: [...rest.map((axis) => value.axes[axis]!), depth] };
  const weight = { values, rows, columns: width, rowStride: width, columnStride: 1 };
  const product = multiplied(node, whole, rest.length, weight);
  const split = splitAt(product, rest.length, shape.slice(sums.length));
  return {
    value: { ...split, axes: [...split.axes.slice(0, -1), ...split.axes.at(-1)!.map((stored) => [stored])] },
    labels: [...rest.map((axis) => labels[axis]!), ...columns],
  };
}

/**
 * Multiplies two values as a batch of matrices.
 *
 * @param shared labels of both values that are kept: one product for each position
 * @param all labels of both values that are summed over
 * @returns undefined if an elementwise product is cheaper, or points would be merged with another axis
 */
function asMatrices(
  node: NodeView,
  a: Labelled,
  b: Labelled,
  shared: readonly string[],
  all: readonly string[],
): Labelled | undefined {
  const sums = asStored(isConstant(a) ? b : a, all);
  const rows = own(a, [...shared, ...sums]);
  const columns = own(b, [...shared, ...sums]);
  if (rows.stored.length === 0 && columns.stored.length === 0) return undefined;
  const depth = [a, b].map((operand) => sums.flatMap((label) => axisOf(operand, label)));
  const mixesPoints = (operand: Labelled, stored: readonly number[]) =>
    stored.length > 1 && stored.some((axis) => operand.value.shape[axis] === "points");
  if ([rows.stored, depth[0]!].some((stored) => mixesPoints(a, stored))) return undefined;
  if ([columns.stored, depth[1]!].some((stored) => mixesPoints(b, stored))) return undefined;
  const before = (operand: Labelled, hasBatch: boolean) => [
    hasBatch ? [BATCH] : [],
    ...shared.map((label) => axisOf(operand, label)),
  ];
  const product = productOfValues(
    node,
    { ...a.value, axes: [...before(a, rows.hasBatch), rows.stored, depth[0]!] },
    { ...b.value, axes: [...before(b, columns.hasBatch), depth[1]!, columns.stored] },
  );
  const lengths = ({ value }: Labelled, stored: readonly number[]) =>
    stored.map((axis) => value.shape[axis]!);
  const count = shared.length + 1;
  const left = splitAt(product, count, lengths(a, rows.stored));
  const split = splitAt(left, count + 1, lengths(b, columns.stored));
  const apart = (operand: Labelled, labels: readonly string[], parts: readonly number[]) => {
    let next = 0;
    return labels.map((label) => replaced(axisOf(operand, label), () => parts[next++]!));
  };
  const axes = [
    ...split.axes.slice(1, count),
    ...apart(a, rows.labels, split.axes[count]!),
    ...apart(b, columns.labels, split.axes[count + 1]!),
  ];
  return {
    value: { ...split, axes },
    labels: [...shared, ...rows.labels, ...columns.labels],
  };
}

/**
 * Returns the labels of a value that are not in `others`, in stored order; their stored axes without the batch; and
 * whether they include the batch.
 */
function own(operand: Labelled, others: readonly string[]) {
  const left = operand.labels.filter((label) => !others.includes(label));
  const labels = asStored(operand, left);
  const factors = labels.flatMap((label) => axisOf(operand, label));
  return { labels, hasBatch: factors.includes(BATCH), stored: factors.filter((axis) => axis !== BATCH) };
}

/** Sorts labels by the order in which their axes are stored. */
function asStored(operand: Labelled, labels: readonly string[]): string[] {
  return [...labels].sort((a, b) => axisOf(operand, a)[0]! - axisOf(operand, b)[0]!);
}

/** Splits an ONNX axis, of at most one stored axis, into stored axes with the given lengths. */
function splitAt(value: Value, axis: number, lengths: Value["shape"]): Value {
  return lengths.length < 2 ? value : splitAxis(value, value.axes[axis]![0]!, lengths);
}

/** Computes an Einsum of one or two constant operands, summed over the labels that the output lacks. */
function folded(node: NodeView, a: Labelled, b: Labelled | undefined, output: readonly string[]): Labelled {
  const batch = batchOf(a) ?? (b && batchOf(b));
  const made = sumOfProducts([numbersOf(a), b && numbersOf(b)], output, claiming(node));
  const axes = output.map((label, axis) => (label === batch ? [BATCH, axis] : [axis]));
  return { value: makeValue(made.values, made.shape, axes), labels: output };
}

/** Returns the numbers of a constant value; those of one sample if it repeats along the batch. */
function numbersOf({ value, labels }: Labelled): LabelledNumbers {
  const lengths = value.shape as readonly number[];
  const strides = stridesOf(lengths);
  const axes = value.axes.map((factors) => factors.filter((factor) => factor !== BATCH));
  const of = (numbers: readonly number[], factors: readonly number[]) =>
    factors.map((each) => numbers[each]!);
  return {
    values: strided(value.source as Numbers, of(lengths, axes.flat()), of(strides, axes.flat())),
    shape: axes.map((factors) => sizeOf(of(lengths, factors))),
    labels,
  };
}

/** Returns a function that refuses the node if it would compute too many numbers. */
function claiming(node: NodeView): (numbers: number) => void {
  return (numbers) => {
    if (numbers <= MOST_NUMBERS) return;
    node.refuse(`it makes more than ${MOST_NUMBERS} numbers of constants alone; save what it computes`);
  };
}

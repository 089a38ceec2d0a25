import * as functions from "../activations.ts";
import { arrange, storedAxes } from "../layout.ts";
import type { NodeView } from "../node-view.ts";
import type { Site } from "../site.ts";
import { BATCH, makeValue, type Value } from "../value.ts";
import { combine, pointwise } from "./arithmetic.ts";

// Sums and means over axes.

/** The axes that a reduction names, all of them where it names none; undefined where it then does nothing. */
export function reducedAxes(node: NodeView, rank: number): number[] | undefined {
  const given = node.has(1) ? [...node.tensor(1).values] : node.integers("axes");
  if (given && given.length > 0) return node.axes(given, rank);
  if (node.integer("noop_with_empty_axes", 0) !== 0) {
    // The standard has said both that such a node does nothing and that it takes squares or sizes.
    if (["ReduceL1", "ReduceL2", "ReduceSumSquare"].includes(node.operator)) {
      return node.refuse("it has noop_with_empty_axes and no axes, which has no one meaning; name its axes");
    }
    return undefined;
  }
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** The sum or mean over axes of the file. */
export function reduce(
  node: Site,
  kind: "sum" | "mean",
  value: Value,
  axes: readonly number[],
  keepsAxes: boolean,
): Value {
  const factors = axes.flatMap((axis) => value.axes[axis]!);
  if (factors.includes(BATCH)) return node.refuse("it takes statistics over the batch");
  const left = (place: (axis: number) => number) =>
    value.axes.flatMap((own, axis) => {
      if (axes.includes(axis)) return keepsAxes ? [[]] : [];
      return [own.map((factor) => (factor === BATCH ? BATCH : place(factor)))];
    });
  if (factors.length === 0) return { ...value, axes: left((axis) => axis) };
  const all = storedAxes(value);
  const kept = all.filter((axis) => !factors.includes(axis));
  const { source } = arrange(
    node,
    value,
    all.map((axis) => [axis]),
  );
  const shape = kept.length > 0 ? kept.map((axis) => value.shape[axis]!) : [1];
  const reduced = [...factors].sort((a, b) => a - b);
  const result = node.writer.write(kind, [source], shape, { settings: { axes: reduced } });
  return makeValue(
    result,
    shape,
    left((axis) => kept.indexOf(axis)),
  );
}

function reduction(kind: "sum" | "mean", before: typeof same, after: typeof same) {
  return (node: NodeView): Value => {
    const value = node.value(0);
    const axes = reducedAxes(node, value.axes.length);
    const input = before(node, value);
    return after(node, axes ? reduce(node, kind, input, axes, node.integer("keepdims", 1) !== 0) : input);
  };
}

const same = (_node: Site, value: Value): Value => value;
const squared = (node: Site, value: Value) => combine(node, "mul", value, value);
const as = (activation: Parameters<typeof pointwise>[2]) => (node: Site, value: Value) =>
  pointwise(node, value, activation);

export const reduceMean = reduction("mean", same, same);
export const reduceSum = reduction("sum", same, same);
export const reduceL2 = reduction("sum", squared, as(functions.ROOT_OF_SQUARES));
export const reduceSumSquare = reduction("sum", squared, same);
export const reduceL1 = reduction("sum", as(functions.ABS), same);

export function globalAveragePool(node: NodeView): Value {
  const value = node.value(0);
  const axes = value.axes.map((_, axis) => axis).slice(2);
  return reduce(node, "mean", value, axes, true);
}

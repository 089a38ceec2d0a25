import { type AxisMap, matrixOf } from "../../graph/linear-map.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { Order } from "../../onnx-format/axis-order.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";
import { type Backward, type Task, Unwritable } from "./task.ts";
import { type Form, type GraphValue, positionOf } from "./value.ts";

// Maps along axes one by one, between pixels say, as products with a matrix for each axis. Backwards that is less than the
// many slices that would have to be added up.

/** A matrix is a part of every graph's file: so many numbers are 16 MB. */
const MOST_ENTRIES = 2 ** 22;

/**
 * What passes the gradient for the output of such a map on to its input.
 *
 * @param axes of the output, by what they take of the input
 * @param orderOf the order in which it does so
 */
export function mapBackward(
  task: Task,
  axes: readonly AxisMap[],
  orderOf: (gradient: GraphValue) => Order,
): Backward {
  const changed = changedAxes(task, axes, "its gradient");
  return (gradient) => alongAxes(task.graph, gradient, orderOf(gradient), changed, false);
}

/** Writes such a map of the operation's input, with the axes in this order. */
export function mapForward(task: Task, axes: readonly AxisMap[], order: Order): Form {
  return alongAxes(task.graph, task.inputs[0]!, order, changedAxes(task, axes, "it"), true);
}

function changedAxes({ operation, inputs }: Task, axes: readonly AxisMap[], what: string): ChangedAxis[] {
  const { shape } = inputs[0]!;
  const changed = axes.flatMap((map, axis) => (map.isIdentity ? [] : [{ axis, map, length: shape[axis]! }]));
  const tooLong = changed.find(({ map, length }) => map.length * length > MOST_ENTRIES);
  if (!tooLong) return changed;
  const size = `${tooLong.map.length} × ${tooLong.length}`;
  throw new Unwritable(
    operation,
    `${what} would take a matrix of ${size} numbers, expected at most ${MOST_ENTRIES}`,
  );
}

/** An axis of the output by what it takes of the input's, which has this length. */
interface ChangedAxis {
  readonly axis: number;
  readonly map: AxisMap;
  readonly length: number;
}

/** Products of an input, or of the gradient for an output, with the matrices of the axes. */
function alongAxes(
  graph: OnnxGraph,
  value: GraphValue,
  order: Order,
  changed: readonly ChangedAxis[],
  isForward: boolean,
): Form {
  let tensor = value.in(order);
  const lengths = value.lengths(order);
  for (const { axis, map, length } of changed) {
    const position = positionOf(order, axis);
    const [before, behind] = [lengths.slice(0, position), lengths.slice(position + 1)];
    const from = lengths[position]!;
    lengths[position] = isForward ? map.length : length;
    if (behind.length === 0) {
      tensor = graph.apply("MatMul", tensor, axisMatrix(graph, map, length, isForward));
      continue;
    }
    const isRow = behind.length === 1;
    const rows = isRow ? tensor : graph.reshape(tensor, [sizeOf(before), from, sizeOf(behind)]);
    const product = graph.apply("MatMul", axisMatrix(graph, map, length, !isForward), rows);
    tensor = isRow ? product : graph.reshape(product, lengths);
  }
  return { tensor, order };
}

function axisMatrix(graph: OnnxGraph, map: AxisMap, inputs: number, isTurned: boolean): Tensor {
  const dims: readonly [number, number] = isTurned ? [inputs, map.length] : [map.length, inputs];
  return graph.matrix(dims, matrixOf(map, inputs, isTurned));
}

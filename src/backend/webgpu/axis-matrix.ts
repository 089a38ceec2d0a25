import type { Order } from "../../axis-order.ts";
import type { AxisMap } from "../../graph/linear-map.ts";
import { sizeOf } from "../../graph/operations.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";
import { type Backward, type Task, Unwritable } from "./task.ts";
import { type Form, type GraphValue, positionOf } from "./value.ts";

// Maps along axes one by one, between pixels say: of each axis a matrix. Backwards a product with it for each axis is less
// than the many slices that would have to be added up.

/** A matrix is a part of every graph's file: so many numbers are 16 MB. */
const MOST_ENTRIES = 2 ** 22;

/**
 * What passes the gradient for the output of such a map on to its input.
 *
 * @param axes of the output, by what they take of the input
 * @param orderOf the order in which it does so
 */
export function mapBackward(
  { graph, operation, inputs }: Task,
  axes: readonly AxisMap[],
  orderOf: (gradient: GraphValue) => Order,
): Backward {
  const { shape } = inputs[0]!;
  const changed = axes.flatMap((map, axis) => (map.isIdentity ? [] : [{ axis, map, length: shape[axis]! }]));
  const tooLong = changed.find(({ map, length }) => map.length * length > MOST_ENTRIES);
  if (tooLong) {
    const size = `${tooLong.map.length} × ${tooLong.length}`;
    throw new Unwritable(
      operation,
      `its gradient would take a matrix of ${size} numbers, expected at most ${MOST_ENTRIES}`,
    );
  }
  return (gradient) => alongAxes(graph, gradient, orderOf(gradient), changed);
}

/** An axis of the output by what it takes of the input's, which has this length. */
interface ChangedAxis {
  readonly axis: number;
  readonly map: AxisMap;
  readonly length: number;
}

function alongAxes(
  graph: OnnxGraph,
  gradient: GraphValue,
  order: Order,
  changed: readonly ChangedAxis[],
): Form {
  let tensor = gradient.in(order);
  const lengths = gradient.lengths(order);
  for (const { axis, map, length } of changed) {
    const position = positionOf(order, axis);
    const [before, behind] = [lengths.slice(0, position), lengths.slice(position + 1)];
    lengths[position] = length;
    if (behind.length === 0) {
      tensor = graph.apply("MatMul", tensor, axisMatrix(graph, map, length, false));
      continue;
    }
    const isRow = behind.length === 1;
    const rows = isRow ? tensor : graph.reshape(tensor, [sizeOf(before), map.length, sizeOf(behind)]);
    const product = graph.apply("MatMul", axisMatrix(graph, map, length, true), rows);
    tensor = isRow ? product : graph.reshape(product, lengths);
  }
  return { tensor, order };
}

/** What each position of the output takes of each one of the input, [output, input], or turned round. */
function axisMatrix(graph: OnnxGraph, map: AxisMap, inputs: number, isTurned: boolean): Tensor {
  const outputs = map.length;
  const values = new Float32Array(outputs * inputs);
  for (let output = 0; output < outputs; output++) {
    for (const { position, weight } of map.terms(output) ?? []) {
      const at = isTurned ? position * outputs + output : output * inputs + position;
      values[at] = values[at]! + weight;
    }
  }
  return graph.matrix(isTurned ? [inputs, outputs] : [outputs, inputs], values);
}

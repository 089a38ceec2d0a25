import type { Shape } from "../../graph/operations.ts";
import { withoutAxes } from "../../onnx-format/axis-order.ts";
import type { Form } from "../../onnx-format/value.ts";
import type { OnnxGraph } from "./onnx.ts";
import type { GpuValue } from "./task.ts";

/**
 * Writes nodes that turn the gradient for a broadcast value into the gradient for the value itself: sums over the axes along
 * which it was broadcast.
 *
 * @param shape shape that the value was broadcast to, without the batch axis
 */
export function unbroadcast(
  graph: OnnxGraph,
  { tensor, order }: Form,
  shape: Shape,
  { shape: own, batch }: GpuValue,
): Form {
  const missing = shape.length - own.length;
  const axes = order.flatMap((axis, k) => (shape[axis] !== (own[axis - missing] ?? 1) ? [k + 1] : []));
  const summed = axes.length > 0 ? graph.sum(tensor, axes) : tensor;
  if (missing === 0) return { tensor: summed, order };
  const ownOrder = withoutAxes(order, missing);
  const lengths = [batch, ...ownOrder.map((axis) => own[axis]!)];
  return { tensor: graph.reshape(summed, lengths), order: ownOrder };
}

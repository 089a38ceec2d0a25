import type { MapKind } from "../../../graph/map-kind.ts";
import { KINDS, type MapKindName, sizeOf } from "../../../graph/operations.ts";
import { alongAxes, changedAxes } from "../../../onnx-format/axis-matrix.ts";
import { firstOrder, positionOf } from "../../../onnx-format/axis-order.ts";
import { orderOfRest } from "../../../onnx-format/kinds/resampling.ts";
import type { Form } from "../../../onnx-format/value.ts";
import type { Backwards, GpuValue, Written } from "../task.ts";

/**
 * Writes nodes that compute the gradient of an operation that is a linear map along each pixel axis, such as an upsampling:
 * products with the transposed matrices of the axes.
 *
 * @param order axis order of the result; channels first by default
 */
export function pixelsBackward(
  written: Written<MapKindName<"pixels">>,
  gradient: GpuValue,
  order = firstOrder(gradient.rank),
): Form {
  const { axes } = KINDS[written.operation.kind] as MapKind<object>;
  const maps = axes(written.operation, [written.input.shape], 0);
  return alongAxes(gradient, order, changedAxes(written, maps, "its gradient"), true);
}

/**
 * Writes nodes that compute the gradient of a sum or a mean: for each number that was reduced, `share` times the gradient for
 * the output.
 */
function reduceBackward(
  { graph, operation, input, batch }: Written<"sum" | "mean">,
  gradient: GpuValue,
  share: number,
): Form {
  const { axes, keepAxes } = operation;
  const { order } = input.any;
  const kept = [batch, ...order.map((axis) => (axes.includes(axis) ? 1 : input.shape[axis]!))];
  const own = graph.reshape(gradient.in(keepAxes ? order : orderOfRest(order, axes)), kept);
  const scaled = share === 1 ? own : graph.apply("Mul", own, share);
  return { tensor: graph.expand(scaled, input.lengths(order)), order };
}

/** Gradient writers of operations that resample or reduce pixels. */
export const BACKWARD = {
  /**
   * Writes nodes for the gradient of a pad; for padding with zeros it is the part of g, the gradient for the output, at the
   * input's pixels.
   */
  pad(written, gradient) {
    const { tensor, order } = gradient.any;
    const { graph, operation, input } = written;
    if (operation.mode !== "zeros") return pixelsBackward(written, gradient, order);
    const begins = operation.padding.slice(0, operation.padding.length / 2);
    const ends = begins.map((begin, axis) => begin + input.shape[axis]!);
    const positions = begins.map((_, axis) => positionOf(order, axis));
    const lists = [begins, ends, positions].map((list) => graph.integers(list));
    return { tensor: graph.apply("Slice", tensor, ...lists), order };
  },
  /**
   * Writes nodes for the gradient of an upsampling; for mode "nearest" each pixel gets the sum of g, the gradient for the
   * output, over its copies.
   */
  upsample(written, gradient) {
    const { graph, operation, input, batch } = written;
    if (operation.mode !== "nearest") return pixelsBackward(written, gradient);
    const order = firstOrder(input.rank);
    const pixels = operation.scale.flatMap((times, axis) => [input.shape[axis]!, times]);
    const copies = graph.reshape(gradient.first, [batch, input.shape.at(-1)!, ...pixels]);
    const axes = operation.scale.map((_, axis) => 3 + 2 * axis);
    return { tensor: graph.reshape(graph.sum(copies, axes), input.lengths(order)), order };
  },
  /** Writes nodes for the gradient of a sum: each number that was summed gets g, the gradient for the output. */
  sum: (written, gradient) => reduceBackward(written, gradient, 1),
  /**
   * Writes nodes for the gradient of a mean: each number that was averaged gets g / count, with g the gradient for the output.
   */
  mean(written, gradient) {
    const count = sizeOf(written.operation.axes.map((axis) => written.input.shape[axis]!));
    return reduceBackward(written, gradient, 1 / count);
  },
} satisfies Backwards;

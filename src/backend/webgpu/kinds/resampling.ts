import type { MapKind } from "../../../graph/map-kind.ts";
import { KINDS, type MapKindName, sizeOf } from "../../../graph/operations.ts";
import { alongAxes, changedAxes } from "../../../onnx-format/axis-matrix.ts";
import { firstOrder, positionOf } from "../../../onnx-format/axis-order.ts";
import { orderOfRest } from "../../../onnx-format/kinds/resampling.ts";
import type { Form } from "../../../onnx-format/value.ts";
import type { Backward, GpuValue, Written } from "../task.ts";

/** Gradient of a map of pixels, by products with the transposed matrices of its axes. */
export function pixelsBackward(
  written: Written<MapKindName<"pixels">>,
  gradient: GpuValue,
  order = firstOrder(gradient.rank),
): Form {
  const { axes } = KINDS[written.operation.kind] as MapKind<object>;
  const maps = axes(written.operation, [written.input.shape], 0);
  return alongAxes(gradient, order, changedAxes(written, maps, "its gradient"), true);
}

/** Gradient of a pad: of zeros, the part that belongs to the input's pixels. */
export const padBackward: Backward<"pad"> = (written, gradient) => {
  const { tensor, order } = gradient.any;
  const { graph, operation, input } = written;
  if (operation.mode !== "zeros") return pixelsBackward(written, gradient, order);
  const begins = operation.padding.slice(0, operation.padding.length / 2);
  const ends = begins.map((begin, axis) => begin + input.shape[axis]!);
  const positions = begins.map((_, axis) => positionOf(order, axis));
  const lists = [begins, ends, positions].map((list) => graph.integers(list));
  return { tensor: graph.apply("Slice", tensor, ...lists), order };
};

/** Gradient of an upsampling: of the nearest pixels, each sums the gradients of its copies. */
export const upsampleBackward: Backward<"upsample"> = (written, gradient) => {
  const { graph, operation, input, batch } = written;
  if (operation.mode !== "nearest") return pixelsBackward(written, gradient);
  const order = firstOrder(input.rank);
  const pixels = operation.scale.flatMap((times, axis) => [input.shape[axis]!, times]);
  const copies = graph.reshape(gradient.first, [batch, input.shape.at(-1)!, ...pixels]);
  const axes = operation.scale.map((_, axis) => 3 + 2 * axis);
  return { tensor: graph.reshape(graph.sum(copies, axes), input.lengths(order)), order };
};

/** Gradient of a sum, or of a mean, which is a share of it. */
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

/** g for each number that was summed. */
export const sumBackward: Backward<"sum"> = (written, gradient) => reduceBackward(written, gradient, 1);

/** g divided by the count, for each number. */
export const meanBackward: Backward<"mean"> = (written, gradient) => {
  const count = sizeOf(written.operation.axes.map((axis) => written.input.shape[axis]!));
  return reduceBackward(written, gradient, 1 / count);
};

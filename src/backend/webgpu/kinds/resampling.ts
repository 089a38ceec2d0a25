import { averagePool } from "../../../graph/kinds/average-pool.ts";
import { pad } from "../../../graph/kinds/pad.ts";
import { resize } from "../../../graph/kinds/resize.ts";
import { type UpsampleFields, upsample } from "../../../graph/kinds/upsample.ts";
import type { AxisMap } from "../../../graph/linear-map.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { alongAxes, changedAxes } from "../../../onnx-format/axis-matrix.ts";
import { firstOrder, positionOf } from "../../../onnx-format/axis-order.ts";
import { orderOfRest, type PadMode } from "../../../onnx-format/kinds/resampling.ts";
import type { Form } from "../../../onnx-format/value.ts";
import type { Backward, GpuValue, Written } from "../task.ts";

/** Gradient of linear maps along the axes, by products with their matrices. */
function alongMaps(
  written: Written,
  maps: readonly AxisMap[],
  gradient: GpuValue,
  order = firstOrder(gradient.rank),
): Form {
  return alongAxes(gradient, order, changedAxes(written, maps, "its gradient"), true);
}

const padMatrices: Backward<"pad"> = (written, gradient) =>
  alongMaps(written, pad.axes(written.operation, [written.input.shape], 0), gradient, gradient.any.order);

/** Gradients of the ways to pad. */
const PAD_BACKWARD: { readonly [Mode in PadMode]: Backward<"pad"> } = {
  /** The part of the gradient that belongs to the input's pixels. */
  zeros({ graph, operation: { padding }, input }, { any: { tensor, order } }) {
    const begins = padding.slice(0, padding.length / 2);
    const ends = begins.map((begin, axis) => begin + input.shape[axis]!);
    const positions = begins.map((_, axis) => positionOf(order, axis));
    const lists = [begins, ends, positions].map((list) => graph.integers(list));
    return { tensor: graph.apply("Slice", tensor, ...lists), order };
  },
  reflect: padMatrices,
  edge: padMatrices,
};

/** Gradient of a pad, by its mode. */
export const padBackward: Backward<"pad"> = (written, gradient, index) =>
  PAD_BACKWARD[written.operation.mode](written, gradient, index);

/** Gradients of each mode of `upsample`. */
const UPSAMPLE_BACKWARD: { readonly [Mode in UpsampleFields["mode"]]: Backward<"upsample"> } = {
  /** Each pixel sums the gradients of its copies. */
  nearest({ graph, operation: { scale }, input, batch }, gradient) {
    const order = firstOrder(input.rank);
    const pixels = scale.flatMap((times, axis) => [input.shape[axis]!, times]);
    const copies = graph.reshape(gradient.first, [batch, input.shape.at(-1)!, ...pixels]);
    const axes = scale.map((_, axis) => 3 + 2 * axis);
    return { tensor: graph.reshape(graph.sum(copies, axes), input.lengths(order)), order };
  },
  bilinear: (written, gradient) =>
    alongMaps(written, upsample.axes(written.operation, [written.input.shape], 0), gradient),
};

/** Gradient of an upsampling, by its mode. */
export const upsampleBackward: Backward<"upsample"> = (written, gradient, index) =>
  UPSAMPLE_BACKWARD[written.operation.mode](written, gradient, index);

/** g times the transposed matrices of the axes. */
export const resizeBackward: Backward<"resize"> = (written, gradient) =>
  alongMaps(written, resize.axes(written.operation, [written.input.shape], 0), gradient);

/** g times the transposed matrices of the axes. */
export const averagePoolBackward: Backward<"averagePool"> = (written, gradient) =>
  alongMaps(written, averagePool.axes(written.operation, [written.input.shape], 0), gradient);

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

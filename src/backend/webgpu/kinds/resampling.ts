import { averagePool, pad, type UpsampleFields, upsample } from "../../../graph/kinds/resampling.ts";
import { resize } from "../../../graph/kinds/resize.ts";
import type { AxisMap } from "../../../graph/linear-map.ts";
import { type OperationDescription, sizeOf } from "../../../graph/operations.ts";
import { alongAxes, changedAxes } from "../../../onnx-format/axis-matrix.ts";
import { firstOrder, type Order, positionOf } from "../../../onnx-format/axis-order.ts";
import { orderOfRest } from "../../../onnx-format/kinds/resampling.ts";
import type { Backward, GpuValue, Written } from "../task.ts";

/** Gradient of linear maps along the axes, by products with their matrices; channels first unless `orderOf` says otherwise. */
function mapBackward(
  written: Written,
  maps: readonly AxisMap[],
  orderOf: (gradient: GpuValue) => Order = ({ rank }) => firstOrder(rank),
): Backward {
  const changed = changedAxes(written, maps, "its gradient");
  return (gradient) => alongAxes(gradient, orderOf(gradient), changed, true);
}

/** The part of the gradient that belongs to the input's pixels. */
function cut({ graph, operation: { padding }, inputs: [input] }: Written<"pad">): Backward {
  return ({ any: { tensor, order } }) => {
    const begins = padding.slice(0, padding.length / 2);
    const ends = begins.map((begin, axis) => begin + input!.shape[axis]!);
    const positions = begins.map((_, axis) => positionOf(order, axis));
    const lists = [begins, ends, positions].map((list) => graph.integers(list));
    return { tensor: graph.apply("Slice", tensor, ...lists), order };
  };
}

function padMatrices(written: Written<"pad">): Backward {
  const maps = pad.axes(written.operation, [written.inputs[0]!.shape], 0);
  return mapBackward(written, maps, (gradient) => gradient.any.order);
}

/** Gradients of the ways to pad. */
const PAD_BACKWARD: {
  readonly [Mode in OperationDescription<"pad">["mode"]]: (written: Written<"pad">) => Backward;
} = { zeros: cut, reflect: padMatrices, edge: padMatrices };

export const padBackward = (written: Written<"pad">): Backward[] => [
  PAD_BACKWARD[written.operation.mode](written),
];

/** Gradients of each mode of `upsample`. */
const UPSAMPLE_BACKWARD: {
  readonly [Mode in UpsampleFields["mode"]]: (written: Written<"upsample">) => Backward;
} = {
  /** Each pixel sums the gradients of its copies. */
  nearest({ graph, operation: { scale }, inputs: [input], batch }) {
    const order = firstOrder(input!.rank);
    return (gradient) => {
      const pixels = scale.flatMap((times, axis) => [input!.shape[axis]!, times]);
      const copies = graph.reshape(gradient.first, [batch, input!.shape.at(-1)!, ...pixels]);
      const sums = graph.sum(
        copies,
        scale.map((_, axis) => 3 + 2 * axis),
      );
      return { tensor: graph.reshape(sums, input!.lengths(order)), order };
    };
  },
  bilinear: (written) =>
    mapBackward(written, upsample.axes(written.operation, [written.inputs[0]!.shape], 0)),
};

export const upsampleBackward = (written: Written<"upsample">): Backward[] => [
  UPSAMPLE_BACKWARD[written.operation.mode](written),
];

export const resizeBackward = (written: Written<"resize">): Backward[] => [
  mapBackward(written, resize.axes(written.operation, [written.inputs[0]!.shape], 0)),
];

export const averagePoolBackward = (written: Written<"averagePool">): Backward[] => [
  mapBackward(written, averagePool.axes(written.operation, [written.inputs[0]!.shape], 0)),
];

/** Gradient of a sum, or of a mean. */
export function reduceBackward(written: Written<"sum"> | Written<"mean">): Backward[] {
  const {
    graph,
    operation,
    inputs: [input],
    batch,
  } = written;
  const { kind, axes, keepAxes } = operation;
  const { order } = input!.any;
  const outputOrder = keepAxes ? order : orderOfRest(order, axes);
  const kept = [batch, ...order.map((axis) => (axes.includes(axis) ? 1 : input!.shape[axis]!))];
  const share = kind === "sum" ? 1 : 1 / sizeOf(axes.map((axis) => input!.shape[axis]!));
  return [
    (gradient) => {
      const own = graph.reshape(gradient.in(outputOrder), kept);
      const scaled = share === 1 ? own : graph.apply("Mul", own, share);
      return { tensor: graph.expand(scaled, input!.lengths(order)), order };
    },
  ];
}

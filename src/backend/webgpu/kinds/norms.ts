import type { OperationKind } from "../../../graph/operations.ts";
import { firstOrder, lastOrder, type Order } from "../../../onnx-format/axis-order.ts";
import type { OnnxGraph, Tensor } from "../onnx.ts";
import type { Task, Written } from "../task.ts";
import { type Form, type GraphValue, positionOf } from "../value.ts";

/** One of an operation's lists of a number for each channel, so that a tensor of this order can be multiplied by it. */
function ofChannels<Kind extends OperationKind>(
  task: Task<Kind>,
  name: "weight" | "bias",
  order: Order,
): Tensor {
  const { graph, parameter, inputs } = task;
  const channels = inputs[0]!.shape.at(-1)!;
  const behind = order.length - positionOf(order, order.length - 1);
  return behind === 0
    ? parameter(name)
    : graph.reshape(parameter(name), [channels, ...new Array<number>(behind).fill(1)]);
}

export function writeAffine(task: Task<"affine">): Written {
  const { graph, inputs } = task;
  const { tensor, order } = inputs[0]!.any;
  const [weight, bias] = [ofChannels(task, "weight", order), ofChannels(task, "bias", order)];
  return {
    output: { tensor: graph.apply("Add", graph.apply("Mul", tensor, weight), bias), order },
    backward: [(gradient) => ({ tensor: graph.apply("Mul", gradient.in(order), weight), order })],
  };
}

/** What has been normalised before it is scaled, u, and what the numbers were divided by. */
interface Normed {
  readonly u: Tensor;
  readonly root: Tensor;
}

/** (g - mean g - u·mean(g·u)) / root, or without mean g where u has a mean. */
function normBackward(
  graph: OnnxGraph,
  gradient: Tensor,
  { u, root }: Normed,
  axes: readonly number[],
  isCentred: boolean,
): Tensor {
  const along = graph.apply("Mul", u, graph.mean(graph.apply("Mul", gradient, u), axes));
  const centred = isCentred ? graph.apply("Sub", gradient, graph.mean(gradient, axes)) : gradient;
  return graph.apply("Div", graph.apply("Sub", centred, along), root);
}

/** The root of the mean of the squares, and a little. */
function rootOf(graph: OnnxGraph, x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const square = graph.mean(graph.apply("Mul", x, x), axes);
  return graph.apply("Sqrt", graph.apply("Add", square, epsilon));
}

function normed(graph: OnnxGraph, x: Tensor, axes: readonly number[], epsilon: number): Normed {
  const centred = graph.apply("Sub", x, graph.mean(x, axes));
  const root = rootOf(graph, centred, axes, epsilon);
  return { u: graph.apply("Div", centred, root), root };
}

export function writeRmsNorm(task: Task<"rmsNorm">): Written {
  const { graph, operation, inputs } = task;
  const { tensor: x, order } = inputs[0]!.any;
  const axes = [positionOf(order, order.length - 1)];
  const root = rootOf(graph, x, axes, operation.epsilon);
  const u = graph.apply("Div", x, root);
  const weight = ofChannels(task, "weight", order);
  return {
    output: { tensor: graph.apply("Mul", u, weight), order },
    backward: [
      (gradient) => {
        const scaled = graph.apply("Mul", gradient.in(order), weight);
        return { tensor: normBackward(graph, scaled, { u, root }, axes, false), order };
      },
    ],
  };
}

export function writeLayerNorm({ graph, operation, inputs, parameter }: Task<"layerNorm">): Written {
  const { axes: count, epsilon } = operation;
  const input = inputs[0]!;
  const order = lastOrder(input.rank);
  const axes = lastOrder(count).map((axis) => 1 + input.rank - count + axis);
  const x = input.last;
  const weight = parameter("weight");
  const attributes = { axis: { integer: axes[0]! }, epsilon: { float: epsilon } };
  return {
    output: {
      ...{ tensor: graph.applyWith(attributes, "LayerNormalization", x, weight, parameter("bias")), order },
    },
    backward: [
      (gradient) => {
        const scaled = graph.apply("Mul", gradient.last, weight);
        const inner = normed(graph, x, axes, epsilon);
        return { tensor: normBackward(graph, scaled, inner, axes, true), order };
      },
    ],
  };
}

/** A group's numbers are a row of a matrix for each sample: channels come first. */
export function writeGroupNorm(task: Task<"groupNorm">): Written {
  const { graph, operation, inputs, batch } = task;
  const { groups, epsilon } = operation;
  const input = inputs[0]!;
  const isFirst = input.any.order[0] === input.rank - 1;
  const { tensor, order }: Form = isFirst
    ? input.any
    : { tensor: input.first, order: firstOrder(input.rank) };
  const lengths = input.lengths(order);
  const size = lengths.reduce((product, length) => product * length) / batch / groups;
  const grouped = (value: Tensor) => graph.reshape(value, [batch, groups, size]);
  const axes = [2];
  const x = grouped(tensor);
  const inner = normed(graph, x, axes, epsilon);
  const weight = ofChannels(task, "weight", order);
  const bias = ofChannels(task, "bias", order);
  const scaled = graph.apply("Mul", graph.reshape(inner.u, lengths), weight);
  return {
    output: { tensor: graph.apply("Add", scaled, bias), order },
    backward: [
      (gradient: GraphValue) => {
        const own = grouped(graph.apply("Mul", gradient.in(order), weight));
        return { tensor: graph.reshape(normBackward(graph, own, inner, axes, true), lengths), order };
      },
    ],
  };
}

import { firstOrder, isFirst, lastOrder, type Order, positionOf } from "../axis-order.ts";
import type { Tensor } from "../emitter.ts";
import type { Task, Writer } from "../task.ts";
import type { Form } from "../value.ts";

/**
 * Returns an operation's parameter, one number per channel, in a shape that broadcasts with a tensor whose axes are in this
 * order.
 */
export function perChannel(task: Task, name: "weight" | "bias", order: Order): Tensor {
  const { graph, parameter, operation } = task;
  const behind = order.length - positionOf(order, order.length - 1);
  if (behind === 0) return parameter(name);
  const channels = operation.shape.at(-1)!;
  return graph.reshape(parameter(name), [channels, ...new Array<number>(behind).fill(1)]);
}

/**
 * Writes nodes that multiply a tensor by the operation's weight, one number per channel, and, if `hasBias`, add its bias per
 * channel.
 */
export function scaled(task: Task, { tensor, order }: Form, hasBias: boolean): Form {
  const { graph, parameter, operation } = task;
  if (graph.scaleChannelsFirst && isFirst(order)) {
    const lists = hasBias ? [parameter("weight"), parameter("bias")] : [parameter("weight")];
    const [weight, bias] = lists;
    return { tensor: graph.scaleChannelsFirst(tensor, operation.shape.at(-1)!, weight!, bias), order };
  }
  const product = graph.apply("Mul", tensor, perChannel(task, "weight", order));
  return { tensor: hasBias ? graph.apply("Add", product, perChannel(task, "bias", order)) : product, order };
}

/** Writes the nodes of weight · x + bias, with a weight and a bias per channel. */
export const writeAffine: Writer<"affine"> = (task) => scaled(task, task.input.any, true);

/** Writes the nodes of weight · x / √(mean(x²) + ε), with the mean over the channels and a weight per channel. */
export const writeRmsNorm: Writer<"rmsNorm"> = (task) => {
  const { graph, operation, input } = task;
  const { tensor, order } = input.any;
  const mean = graph.mean(graph.apply("Mul", tensor, tensor), [positionOf(order, order.length - 1)]);
  const root = graph.apply("Sqrt", graph.apply("Add", mean, operation.epsilon));
  return scaled(task, { tensor: graph.apply("Div", tensor, root), order }, false);
};

/** Writes a LayerNormalization node over the operation's last `axes` axes. */
export const writeLayerNorm: Writer<"layerNorm"> = ({ graph, operation, input, parameter }) => {
  const { axes, epsilon } = operation;
  const attributes = { axis: { integer: 1 + input.rank - axes }, epsilon: { float: epsilon } };
  const lists = [parameter("weight"), parameter("bias")];
  const tensor = graph.applyWith(attributes, "LayerNormalization", input.last, ...lists);
  return { tensor, order: lastOrder(input.rank) };
};

/** Returns the input with channels first, so that the numbers of a group of channels are contiguous. */
export function channelsFirst({ input }: Task): Form {
  return isFirst(input.any.order) ? input.any : { tensor: input.first, order: firstOrder(input.rank) };
}

/** Writes an InstanceNormalization node. Each group of several channels is reshaped to a single channel for it. */
export const writeGroupNorm: Writer<"groupNorm"> = (task) => {
  const { graph, operation, input, batch, parameter } = task;
  const { groups, epsilon, shape } = operation;
  const { tensor, order } = channelsFirst(task);
  const normalised = (x: Tensor, ...lists: Tensor[]) =>
    graph.applyWith({ epsilon: { float: epsilon } }, "InstanceNormalization", x, ...lists);
  if (groups === shape.at(-1) && shape.length > 1) {
    return { tensor: normalised(tensor, parameter("weight"), parameter("bias")), order };
  }
  // Each group is treated as one channel, of all its numbers.
  const grouped = graph.reshape(tensor, [batch, groups, undefined]);
  const u = normalised(grouped, graph.filled(groups, 1), graph.filled(groups, 0));
  return scaled(task, { tensor: graph.reshape(u, input.lengths(order)), order }, true);
};

/** Writes a Softmax node over the channels. */
export const writeSoftmax: Writer<"softmax"> = ({ graph, input }) => {
  const { tensor, order } = input.any;
  const axis = positionOf(order, order.length - 1);
  return { tensor: graph.applyWith({ axis: { integer: axis } }, "Softmax", tensor), order };
};

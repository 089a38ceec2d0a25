import { lastOrder, type Order, positionOf } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../../../onnx-format/emitter.ts";
import { channelsFirst, perChannel, scaled } from "../../../onnx-format/kinds/norms.ts";
import type { Form } from "../../../onnx-format/value.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backwards, GpuTask, GpuValue, Written } from "../task.ts";

/** Writes nodes that multiply a gradient by the weight of each channel. */
function weighted(written: Written, gradient: GpuValue, order: Order): Tensor {
  return written.graph.apply("Mul", gradient.in(order), perChannel(written, "weight", order));
}

/**
 * Normalised numbers u, before weight and bias, and the divisor that made them: √(variance + ε), or √(mean x² + ε) for an RMS
 * norm of x.
 */
interface Normed {
  readonly u: Tensor;
  readonly root: Tensor;
}

/** Writes nodes that compute x / √(mean x² + ε), the mean over `axes`. */
function divided(graph: OnnxGraph, x: Tensor, axes: readonly number[], epsilon: number): Normed {
  const square = graph.mean(graph.apply("Mul", x, x), axes);
  const root = graph.apply("Sqrt", graph.apply("Add", square, epsilon));
  return { u: graph.apply("Div", x, root), root };
}

/** Writes nodes that compute (x - mean x) / √(variance + ε), with mean and variance over `axes`. */
function normed(graph: OnnxGraph, x: Tensor, axes: readonly number[], epsilon: number): Normed {
  return divided(graph, graph.apply("Sub", x, graph.mean(x, axes)), axes, epsilon);
}

/**
 * Writes nodes that compute the gradient for the input of a norm, (g - mean g - u·mean(g·u)) / root, where u are the normalised
 * numbers, g is the gradient for u, and root is the divisor that made u. Without `isCentred`, for an RMS norm, mean g is left
 * out.
 */
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

/** Axis of one group's numbers in a tensor of shape [batch, groups, size], along which a group norm averages. */
const ROW = [2];

/** Writes nodes that reshape a tensor to [batch, groups, size], with one group's numbers along the last axis. */
function asRows(
  { graph, operation: { groups, shape }, batch }: GpuTask<"groupNorm">,
  tensor: Tensor,
): Tensor {
  const size = shape.reduce((product, length) => product * length) / groups;
  return graph.reshape(tensor, [batch, groups, size]);
}

/** Writes the nodes of a group norm, as separate operations that its gradient can reuse. */
export function writeGpuGroupNorm(task: GpuTask<"groupNorm">): Form {
  const { graph, operation, input } = task;
  const { tensor, order } = channelsFirst(task);
  const { u } = normed(graph, asRows(task, tensor), ROW, operation.epsilon);
  return scaled(task, { tensor: graph.reshape(u, input.lengths(order)), order }, true);
}

/** Gradient writers of norms, softmax, and scale and shift of channels. */
export const BACKWARD = {
  /** Writes nodes for the gradient of weight · x + bias for x: g · weight, g the gradient for the output. */
  affine(written, gradient) {
    const { order } = written.output;
    return { tensor: weighted(written, gradient, order), order };
  },
  /** Writes nodes for the gradient of an RMS norm for its input. */
  rmsNorm(written, gradient) {
    const { graph, operation, input } = written;
    const { order } = written.output;
    const axes = [positionOf(order, order.length - 1)];
    const inner = divided(graph, input.in(order), axes, operation.epsilon);
    return { tensor: normBackward(graph, weighted(written, gradient, order), inner, axes, false), order };
  },
  /** Writes nodes for the gradient of a layer norm for its input, with mean and variance computed again. */
  layerNorm({ graph, operation, input, parameter }, gradient) {
    const { axes: count, epsilon } = operation;
    const axes = lastOrder(count).map((axis) => 1 + input.rank - count + axis);
    const own = graph.apply("Mul", gradient.last, parameter("weight"));
    const inner = normed(graph, input.last, axes, epsilon);
    return { tensor: normBackward(graph, own, inner, axes, true), order: lastOrder(input.rank) };
  },
  /** Writes nodes for the gradient of a group norm for its input. */
  groupNorm(written, gradient) {
    const { graph, operation, input } = written;
    const { order } = written.output;
    const inner = normed(graph, asRows(written, input.in(order)), ROW, operation.epsilon);
    const own = asRows(written, weighted(written, gradient, order));
    return { tensor: graph.reshape(normBackward(graph, own, inner, ROW, true), input.lengths(order)), order };
  },
  /**
   * Writes nodes for the gradient of a softmax y for its input, y·(g - Σ y·g), summed along the last axis; g is the gradient
   * for y.
   */
  softmax({ graph, output: { tensor, order } }, gradient) {
    const own = gradient.in(order);
    const sum = graph.sum(graph.apply("Mul", tensor, own), [positionOf(order, order.length - 1)]);
    return { tensor: graph.apply("Mul", tensor, graph.apply("Sub", own, sum)), order };
  },
} satisfies Backwards;

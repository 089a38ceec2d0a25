import type { OperationDescription } from "../../graph/operations.ts";
import { lastOrder, positionOf } from "../axis-order.ts";
import type { Emitter, Extent, Tensor } from "../emitter.ts";
import { ofPixels, type Task, type Writer } from "../task.ts";
import { aligned, type Form, withRank } from "../value.ts";

// Writes operations that move numbers. Most work on a tensor with its axes in any order.

/** Writes a Reshape node, or none if the shape does not change. */
export const writeReshape: Writer<"reshape"> = ({ graph, shape, input, batch }) => {
  const isSame = String(shape) === String(input.shape) && !shape.includes(undefined);
  if (isSame) return input.any;
  return { tensor: graph.reshape(input.last, [batch, ...shape]), order: lastOrder(shape.length) };
};

/** Permutes axes by relabelling the axes of the tensor; writes no node. */
export const writePermute: Writer<"permute"> = ({ operation: { axes }, input }) => {
  const { tensor, order } = input.any;
  return { tensor, order: order.map((axis) => axes.indexOf(axis)) };
};

/** End of a slice that means the end of any axis. */
const END = 2 ** 31 - 1;

/** Writes a Slice node for one axis. */
export const writeSlice: Writer<"slice"> = ({ graph, operation, definition, input }) => {
  const { axis, step } = operation;
  // Bounds as given in the definition: negative ones count from an end that may only be known when the graph is run.
  const { start, end = step > 0 ? END : -END } = definition;
  const { tensor, order } = input.any;
  const bounds = [start, end, positionOf(order, axis), step].map((bound) => graph.integers([bound]));
  return { tensor: graph.apply("Slice", tensor, ...bounds), order };
};

/** Writes a Concat node, after broadcasting inputs with fewer axes. */
export const writeConcat: Writer<"concat"> = ({ graph, operation, inputs, shape, batch }) => {
  if (inputs.length === 1) return inputs[0]!.any;
  const { order, tensors } = aligned(graph, inputs);
  const longest = tensors[inputs.findIndex(({ rank }) => rank === shape.length)];
  const whole = tensors.map((tensor, i) => {
    // Values with fewer axes are broadcast, as in additions; Concat does not broadcast by itself.
    const input = inputs[i]!;
    const missing = shape.length - input.rank;
    const lengths = order.map((axis) => (axis < missing && axis !== operation.axis ? shape[axis] : 1));
    return stretched(graph, tensor, [input.batch === batch ? 1 : batch, ...lengths], longest);
  });
  return { tensor: graph.concat(whole, positionOf(order, operation.axis)), order };
};

/**
 * Writes an Expand node that broadcasts a tensor; none if all `lengths` are 1. A length of 1 leaves an axis unchanged.
 *
 * @param like tensor from whose axes undefined `lengths` are taken, each from the axis of the same index. Default: `tensor`
 */
function stretched(graph: Emitter, tensor: Tensor, lengths: readonly Extent[], like?: Tensor): Tensor {
  return lengths.every((length) => length === 1) ? tensor : graph.expand(tensor, lengths, like);
}

/** Writes an Expand node for the axes that become longer. */
export const writeExpand: Writer<"expand"> = ({ graph, input, shape }) => {
  const missing = shape.length - input.rank;
  const order = missing > 0 ? lastOrder(shape.length) : input.any.order;
  const lengths = order.map((axis) => {
    const isThere = axis >= missing && input.shape[axis - missing] !== 1;
    return isThere ? 1 : shape[axis];
  });
  return { tensor: stretched(graph, withRank(graph, input, order), [1, ...lengths]), order };
};

/** ONNX's names for the orders of a block's pixels within the channels. */
const BLOCK_ORDERS: { readonly [Each in OperationDescription<"depthToSpace">["order"]]: string } = {
  CRD: "CRD",
  DCR: "DCR",
};

/** Writes a DepthToSpace node, with channels first. */
export const writeDepthToSpace: Writer<"depthToSpace"> = (task) => {
  const { block, order } = task.operation;
  return ofPixels(
    task,
    { blocksize: { integer: block }, mode: { text: BLOCK_ORDERS[order] } },
    "DepthToSpace",
  );
};

/** Returns the tensor of a constant operation, its parameter with a batch axis of length 1; writes no node. */
export const writeConstant: Writer<"constant"> = ({ operation: { shape }, parameter }) => ({
  tensor: parameter("weight", [1, ...shape]),
  order: lastOrder(shape.length),
});

/**
 * Writes a Gather node that looks up the rows of an embedding table for classes.
 *
 * @param classes integers of shape [batch, …the output's shape without its last axis]
 */
export function tableRows({ graph, operation, parameter }: Task<"embedding">, classes: Tensor): Form {
  const rows = graph.applyWith({ axis: { integer: 0 } }, "Gather", parameter("weight"), classes);
  return { tensor: rows, order: lastOrder(operation.shape.length) };
}

/** Writes the nodes of an embedding: each class, along a last axis of length 1, is replaced by its row of the embedding table. */
export const writeEmbedding: Writer<"embedding"> = (task) => {
  const { graph, input } = task;
  return tableRows(task, graph.apply("Squeeze", input.last, graph.integers([input.rank])));
};

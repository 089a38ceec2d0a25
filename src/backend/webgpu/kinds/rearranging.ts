import type { OperationDescription } from "../../../graph/operations.ts";
import { firstOrder, lastOrder, positionOf } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../../../onnx-format/emitter.ts";
import { tableRows } from "../../../onnx-format/kinds/rearranging.ts";
import type { Form } from "../../../onnx-format/value.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backwards, GpuTask } from "../task.ts";
import { unbroadcast } from "../unbroadcast.ts";

function gather(graph: OnnxGraph, from: Tensor, axis: number, positions: readonly number[]): Tensor {
  return graph.applyWith({ axis: { integer: axis } }, "Gather", from, graph.integers(positions));
}

/** Returns the positions along the sliced axis of the input that a slice takes. */
function positionsTaken({ axis, start, step, shape }: OperationDescription<"slice">): number[] {
  return Array.from({ length: shape[axis]! }, (_, i) => start + i * step);
}

/**
 * Writes a slice without steps in the Slice operator: with negative steps onnxruntime-web 1.30 takes wrong positions on the GPU.
 */
export function writeGpuSlice({ graph, operation, input }: GpuTask<"slice">): Form {
  const { axis, start, step, shape } = operation;
  const { tensor, order } = input.any;
  const position = positionOf(order, axis);
  if (step === 1) return { tensor: graph.slice(tensor, position, start, start + shape[axis]!), order };
  return { tensor: gather(graph, tensor, position, positionsTaken(operation)), order };
}

/**
 * For each mode of depth-to-space, the permutation of [batch, channels, height, block, width, block] into the order of the
 * input's channels.
 */
const BLOCK_PERMUTATIONS: {
  readonly [Each in OperationDescription<"depthToSpace">["order"]]: readonly number[];
} = {
  CRD: [0, 1, 3, 5, 2, 4],
  DCR: [0, 3, 5, 1, 2, 4],
};

/** Code of the type int32 in ONNX's enum TensorProto.DataType. */
const INT32 = 6;

/**
 * Writes an embedding whose classes are float32 numbers, as all inputs of a GPU graph are. It has no gradient, as no class
 * depends on the latent.
 */
export function writeGpuEmbedding(task: GpuTask<"embedding">): Form {
  const { graph, input, batch } = task;
  const classes = graph.applyWith({ to: { integer: INT32 } }, "Cast", input.last);
  return tableRows(task, graph.reshape(classes, [batch, ...input.shape.slice(0, -1)]));
}

/** Gradient writers of operations that rearrange numbers. */
export const BACKWARD = {
  /** Writes nodes for the gradient of a reshape: g, the gradient for the output, in the shape of the input. */
  reshape({ graph, operation, input, batch }, gradient) {
    if (operation.shape.join() === input.shape.join()) return gradient.any;
    return { tensor: graph.reshape(gradient.last, [batch, ...input.shape]), order: lastOrder(input.rank) };
  },
  /**
   * Returns, without writing a node, the gradient of a permutation of axes: g, the gradient for the output, with another axis
   * order.
   */
  permute({ operation: { axes } }, gradient) {
    const { tensor, order } = gradient.any;
    return { tensor, order: order.map((axis) => axes[axis]!) };
  },
  /**
   * Writes nodes for the gradient of a slice: g, the gradient for the output, with zeros at the positions that the slice
   * leaves out.
   */
  slice({ graph, operation, input }, gradient) {
    const { axis, start, step, shape } = operation;
    const [length, count] = [input.shape[axis]!, shape[axis]!];
    const { tensor, order } = gradient.any;
    const at = positionOf(order, axis);
    const pad = (before: number, behind: number) =>
      graph.padded(tensor, 1 + order.length, at, [behind], [before]);
    if (step === 1) return { tensor: pad(start, length - start - count), order };
    // Each position takes the element of g that was made from it, or the zero appended to g.
    const from = new Array<number>(length).fill(count);
    positionsTaken(operation).forEach((place, i) => {
      from[place] = i;
    });
    return { tensor: gather(graph, pad(0, 1), at, from), order };
  },
  /**
   * Writes nodes for the gradient of a concatenation for one input: the part of g, the gradient for the output, at that
   * input's positions.
   */
  concat({ graph, operation, inputs, output }, gradient, index) {
    const { axis, shape } = operation;
    const { order } = output;
    if (inputs.length === 1) return gradient.any;
    const lengths = inputs.map((input) => input.shape[axis - shape.length + input.rank] ?? 1);
    const begin = lengths.slice(0, index).reduce((sum, length) => sum + length, 0);
    const own = shape.map((each, k) => (k === axis ? lengths[index]! : each));
    const end = begin + lengths[index]!;
    const tensor = graph.slice(gradient.in(order), positionOf(order, axis), begin, end);
    return unbroadcast(graph, { tensor, order }, own, inputs[index]!);
  },
  /** Writes nodes for the gradient of a broadcast: g, the gradient for the output, summed over the copies. */
  expand: ({ graph, operation, input }, gradient) => unbroadcast(graph, gradient.any, operation.shape, input),
  /**
   * Writes nodes for the gradient of depth-to-space: g, the gradient for the output, with each block's pixels moved back to
   * channels.
   */
  depthToSpace({ graph, operation, input, batch }, gradient) {
    const { block, order: blocks, shape } = operation;
    const order = firstOrder(3);
    const [height, width] = input.shape;
    const pixels = graph.reshape(gradient.first, [batch, shape[2]!, height!, block, width!, block]);
    const channels = graph.transpose(pixels, BLOCK_PERMUTATIONS[blocks]);
    return { tensor: graph.reshape(channels, input.lengths(order)), order };
  },
} satisfies Backwards;

import { firstOrder, lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../onnx.ts";
import type { Backward, Task, Written } from "../task.ts";
import { aligned, positionOf, stretchable, unstretched } from "../value.ts";

// Operations that put numbers elsewhere. Most take a tensor with its axes in any order.

export function writeReshape({ graph, operation: { shape }, inputs, batch }: Task<"reshape">): Written {
  const input = inputs[0]!;
  if (shape.join() === input.shape.join())
    return { output: input.any, backward: [(gradient) => gradient.any] };
  return {
    output: { tensor: graph.reshape(input.last, [batch, ...shape]), order: lastOrder(shape.length) },
    backward: [
      (gradient) => {
        const tensor = graph.reshape(gradient.last, [batch, ...input.shape]);
        return { tensor, order: lastOrder(input.rank) };
      },
    ],
  };
}

/** Writes nothing: the tensor's axes are others of the value. */
export function writePermute({ operation: { axes }, inputs }: Task<"permute">): Written {
  const { tensor, order } = inputs[0]!.any;
  return {
    output: { tensor, order: order.map((axis) => axes.indexOf(axis)) },
    backward: [
      (gradient) => {
        const { tensor: own, order: ownOrder } = gradient.any;
        return { tensor: own, order: ownOrder.map((axis) => axes[axis]!) };
      },
    ],
  };
}

export function writeSlice({ graph, operation, inputs }: Task<"slice">): Written {
  const { axis, start, step, shape } = operation;
  const input = inputs[0]!;
  const { tensor, order } = input.any;
  const [length, count] = [input.shape[axis]!, shape[axis]!];
  const position = positionOf(order, axis);
  const gather = (from: Tensor, at: number, positions: readonly number[]) =>
    graph.applyWith({ axis: { integer: at } }, "Gather", from, graph.integers(positions));
  const taken = Array.from({ length: count }, (_, i) => start + i * step);
  return {
    // Not by a Slice with steps: on the GPU onnxruntime-web 1.30 takes other positions where they lead backwards.
    output: {
      tensor:
        step === 1 ? graph.slice(tensor, position, start, start + count) : gather(tensor, position, taken),
      order,
    },
    backward: [
      (gradient) => {
        const { tensor: own, order: ownOrder } = gradient.any;
        const at = positionOf(ownOrder, axis);
        const pad = (before: number, behind: number) =>
          graph.padded(own, 1 + ownOrder.length, at, [before], [behind]);
        if (step === 1) return { tensor: pad(start, length - start - count), order: ownOrder };
        // Every position takes the one that was made of it, or the zero behind them all.
        const from = new Array<number>(length).fill(count);
        taken.forEach((place, i) => {
          from[place] = i;
        });
        return { tensor: gather(pad(0, 1), at, from), order: ownOrder };
      },
    ],
  };
}

/** A shader may have as few as eight buffers, one of them for the result. */
const MOST_BESIDE = 7;

export function writeConcat({ graph, operation, inputs, batch }: Task<"concat">): Written {
  const { axis, shape } = operation;
  if (inputs.length === 1) return { output: inputs[0]!.any, backward: [(gradient) => gradient.any] };
  const { order, tensors } = aligned(graph, inputs);
  const position = positionOf(order, axis);
  const concat = (parts: readonly Tensor[]): Tensor => {
    if (parts.length === 1) return parts[0]!;
    if (parts.length <= MOST_BESIDE) {
      return graph.applyWith({ axis: { integer: position } }, "Concat", ...parts);
    }
    const groups = Array.from({ length: Math.ceil(parts.length / MOST_BESIDE) }, (_, i) =>
      concat(parts.slice(i * MOST_BESIDE, (i + 1) * MOST_BESIDE)),
    );
    return concat(groups);
  };
  let end = 0;
  const parts = inputs.map((input, i) => {
    const length = input.shape[axis - shape.length + input.rank] ?? 1;
    const own = shape.map((each, k) => (k === axis ? length : each));
    const lengths = [batch, ...order.map((each) => own[each]!)];
    const begin = end;
    end += length;
    const isWhole = stretchable(input, order).join() === lengths.join();
    const tensor = isWhole ? tensors[i]! : graph.expand(tensors[i]!, lengths);
    const backward: Backward = (gradient) => {
      const sliced = graph.slice(gradient.in(order), position, begin, begin + length);
      return unstretched(graph, { tensor: sliced, order }, own, input);
    };
    return { tensor, backward };
  });
  return {
    output: { tensor: concat(parts.map(({ tensor }) => tensor)), order },
    backward: parts.map(({ backward }) => backward),
  };
}

export function writeExpand({ graph, operation: { shape }, inputs, batch }: Task<"expand">): Written {
  const input = inputs[0]!;
  const isLonger = shape.length > input.rank;
  const order = isLonger ? lastOrder(shape.length) : input.any.order;
  const own = isLonger ? graph.reshape(input.last, stretchable(input, order)) : input.in(order);
  const lengths = [batch, ...order.map((axis) => shape[axis]!)];
  const isWhole = stretchable(input, order).join() === lengths.join();
  return {
    output: { tensor: isWhole ? own : graph.expand(own, lengths), order },
    backward: [(gradient) => unstretched(graph, gradient.any, shape, input)],
  };
}

export function writeDepthToSpace({ graph, operation, inputs, batch }: Task<"depthToSpace">): Written {
  const { block, order: blocks, shape } = operation;
  const input = inputs[0]!;
  const order = firstOrder(3);
  const attributes = { blocksize: { integer: block }, mode: { text: blocks } };
  return {
    output: { tensor: graph.applyWith(attributes, "DepthToSpace", input.first), order },
    backward: [
      (gradient) => {
        const [height, width] = input.shape;
        const pixels = graph.reshape(gradient.first, [batch, shape[2]!, height!, block, width!, block]);
        const channels = graph.transpose(pixels, blocks === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]);
        return { tensor: graph.reshape(channels, input.lengths(order)), order };
      },
    ],
  };
}

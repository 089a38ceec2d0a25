import { lastOrder } from "../../onnx-format/axis-order.ts";
import { lengthOf, reshaped, shapeTensor, type Task } from "./task.ts";
import { aligned, type Form } from "./value.ts";

// Operations that put numbers elsewhere, or add them up. Most take a tensor with its axes in any order.

export function writeReshape(task: Task<"reshape">): Form {
  const { shape, inputs } = task;
  const [input] = inputs;
  const isSame = shape.length === input!.rank && shape.every((length, axis) => length === input!.shape[axis]);
  if (isSame && shape.every((length) => length !== undefined)) return input!.any;
  return { tensor: reshaped(task, input!.last, shape), order: lastOrder(shape.length) };
}

/** Writes nothing: the tensor's axes are others of the value. */
export function writePermute({ operation: { axes }, inputs: [input] }: Task<"permute">): Form {
  const { tensor, order } = input!.any;
  return { tensor, order: order.map((axis) => axes.indexOf(axis)) };
}

/** Beyond any axis; the length of one that is as long is not known here. */
const END = 2 ** 31 - 1;

export function writeSlice({ file, operation, definition, inputs: [input], apply }: Task<"slice">): Form {
  const { axis, step } = operation;
  // As they were given: below 0 they are counted from the end, which may be any.
  const { start, end = step > 0 ? END : -END } = definition;
  const { tensor, order } = input!.any;
  const bounds = [[start], [end], [1 + order.indexOf(axis)], [step]].map((values) => file.integers(values));
  return { tensor: apply("Slice", [tensor, ...bounds]), order };
}

export function writeConcat(task: Task<"concat">): Form {
  const { file, operation, inputs, shape, apply } = task;
  if (inputs.length === 1) return inputs[0]!.any;
  const { order, tensors } = aligned(file, operation.name, inputs);
  const areShared = inputs.every(({ isShared }) => isShared);
  const longest = inputs.findIndex(({ rank }) => rank === shape.length);
  const whole = tensors.map((tensor, i) => {
    // As with add, what has fewer axes is stretched; but a Concat does not do so itself.
    const { rank, isShared } = inputs[i]!;
    const missing = shape.length - rank;
    const lengths = order.map((axis, k) => {
      if (axis >= missing) return 1;
      const length = shape[axis];
      return typeof length === "number" ? length : lengthOf(task, tensors[longest]!, 1 + k);
    });
    const batch = isShared && !areShared ? task.batch() : 1;
    const target = [batch, ...lengths];
    return target.every((length) => length === 1)
      ? tensor
      : apply("Expand", [tensor, shapeTensor(task, target)]);
  });
  const axis = 1 + order.indexOf(operation.axis);
  return { tensor: apply("Concat", whole, { axis: { integer: axis } }), order };
}

export function writeExpand(task: Task<"expand">): Form {
  const { file, definition, inputs, shape, apply } = task;
  const input = inputs[0]!;
  const missing = shape.length - input.rank;
  const { tensor, order } =
    missing === 0
      ? input.any
      : {
          tensor: apply("Unsqueeze", [input.last, file.integers(lastOrder(missing).map((axis) => axis + 1))]),
          order: lastOrder(shape.length),
        };
  // An Expand leaves an axis as it is where its length is to be 1.
  const lengths = order.map((axis) => {
    const length = definition.shape[axis]!;
    const isThere = axis >= missing && input.shape[axis - missing] !== 1;
    if (isThere) return 1;
    return length === "points" ? task.points() : length;
  });
  if (lengths.every((length) => length === 1)) return { tensor, order };
  return { tensor: apply("Expand", [tensor, shapeTensor(task, [1, ...lengths])]), order };
}

export function writePad({ file, operation, inputs: [input], apply }: Task<"pad">): Form {
  const { padding, mode } = operation;
  const { tensor, order } = input!.any;
  const axes = padding.length / 2;
  const side = (first: number) => [0, ...order.map((axis) => (axis < axes ? padding[first + axis]! : 0))];
  const pads = file.integers([...side(0), ...side(axes)]);
  const padded = apply("Pad", [tensor, pads], { mode: { text: mode === "zeros" ? "constant" : mode } });
  return { tensor: padded, order };
}

export function writeReduce(task: Task<"sum"> | Task<"mean">): Form {
  const { file, operation, inputs, apply } = task;
  const { axes, keepAxes, kind } = operation;
  const input = inputs[0]!;
  const { tensor, order } = input.any;
  const positions = axes.map((axis) => 1 + order.indexOf(axis)).sort((a, b) => a - b);
  const isWhole = axes.length === input.rank;
  // A value has an axis at least.
  const keeps = keepAxes || (isWhole && input.rank === 1);
  const keepdims = { integer: keeps ? 1 : 0 };
  const reduced =
    kind === "sum"
      ? apply("ReduceSum", [tensor, file.integers(positions)], { keepdims })
      : apply("ReduceMean", [tensor], { axes: { integers: positions }, keepdims });
  if (keeps) return { tensor: reduced, order };
  if (isWhole) return { tensor: apply("Unsqueeze", [reduced, file.integers([1])]), order: [0] };
  const rest = order.filter((axis) => !axes.includes(axis));
  const renumbered = rest.map((axis) => axis - axes.filter((gone) => gone < axis).length);
  return { tensor: reduced, order: renumbered };
}

/** The rows of a table; a single integer's is a vector. */
export function writeEmbedding({ file, operation, inputs, apply, parameter }: Task<"embedding">): Form {
  const input = inputs[0]!;
  // The last axis, of length 1, becomes the row.
  const classes = apply("Squeeze", [input.last, file.integers([input.rank])]);
  return {
    tensor: apply("Gather", [parameter("weight"), classes], { axis: { integer: 0 } }),
    order: lastOrder(operation.shape.length),
  };
}

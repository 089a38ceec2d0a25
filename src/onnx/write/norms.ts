import { firstOrder, lastOrder } from "../../onnx-format/axis-order.ts";
import type { Tensor } from "./file.ts";
import { reshaped, type Task } from "./task.ts";
import type { Form } from "./value.ts";

/** Every number multiplied by its channel's weight, and the bias added if there is one. */
function scaled(task: Task, { tensor, order }: Form, channels: number, hasBias: boolean): Tensor {
  const { file, apply, parameter } = task;
  const weight = parameter("weight");
  if (order[0] === order.length - 1) {
    // A BatchNorm of variance 1 takes lists for channels first, and rounds nothing else.
    const bias = hasBias ? parameter("bias") : file.filled(channels, 0);
    const statistics = [file.filled(channels, 0), file.filled(channels, 1)];
    return apply("BatchNormalization", [tensor, weight, bias, ...statistics], { epsilon: { float: 0 } });
  }
  const product = apply("Mul", [tensor, weight]);
  return hasBias ? apply("Add", [product, parameter("bias")]) : product;
}

/** A tensor with channels first or last; the one that there is, if it is such. */
function channelsAtAnEnd({ inputs: [input] }: Task): Form {
  const { any } = input!;
  if (any.order[0] === any.order.length - 1 || any.order.at(-1) === any.order.length - 1) return any;
  return { tensor: input!.last, order: lastOrder(input!.rank) };
}

export function writeAffine(task: Task<"affine">): Form {
  const form = channelsAtAnEnd(task);
  return { tensor: scaled(task, form, task.operation.shape.at(-1)!, true), order: form.order };
}

export function writeRmsNorm(task: Task<"rmsNorm">): Form {
  const { operation, apply } = task;
  const { tensor, order } = channelsAtAnEnd(task);
  const axis = 1 + order.indexOf(order.length - 1);
  const square = apply("Mul", [tensor, tensor]);
  const mean = apply("ReduceMean", [square], { axes: { integers: [axis] }, keepdims: { integer: 1 } });
  const root = apply("Sqrt", [apply("Add", [mean, operation.epsilon])]);
  const form = { tensor: apply("Div", [tensor, root]), order };
  return { tensor: scaled(task, form, operation.shape.at(-1)!, false), order };
}

export function writeLayerNorm({ operation, inputs: [input], apply, parameter }: Task<"layerNorm">): Form {
  const { axes, epsilon } = operation;
  const tensor = apply("LayerNormalization", [input!.last, parameter("weight"), parameter("bias")], {
    axis: { integer: 1 + input!.rank - axes },
    epsilon: { float: epsilon },
  });
  return { tensor, order: lastOrder(input!.rank) };
}

export function writeGroupNorm(task: Task<"groupNorm">): Form {
  const { file, operation, inputs, apply, parameter } = task;
  const { groups, shape } = operation;
  const epsilon = { epsilon: { float: operation.epsilon } };
  const channels = shape.at(-1)!;
  const input = inputs[0]!;
  const isFirst = input.any.order[0] === input.rank - 1;
  const { tensor, order } = isFirst ? input.any : { tensor: input.first, order: firstOrder(input.rank) };
  if (groups === channels && input.rank > 1) {
    const normed = apply("InstanceNormalization", [tensor, parameter("weight"), parameter("bias")], epsilon);
    return { tensor: normed, order };
  }
  // A group is a channel of a value of so many.
  const grouped = reshaped(task, tensor, [groups, undefined]);
  const ones = [file.filled(groups, 1), file.filled(groups, 0)];
  const normed = apply("InstanceNormalization", [grouped, ...ones], epsilon);
  const form = {
    tensor: reshaped(
      task,
      normed,
      order.map((axis) => input.shape[axis]),
    ),
    order,
  };
  return { tensor: scaled(task, form, channels, true), order };
}

import type { ConvolutionSettings } from "../../graph/convolution.ts";
import { firstOrder } from "../../onnx-format/axis-order.ts";
import type { Tensor } from "./file.ts";
import type { Task } from "./task.ts";
import type { Form } from "./value.ts";

// Operations that ONNX knows with channels first.

/** An operator of the only value that is read, with channels first. */
export function ofPixels(
  { inputs: [input], apply }: Task,
  operator: string,
  beside: readonly (Tensor | "")[],
  attributes: Parameters<Task["apply"]>[2],
): Form {
  return {
    tensor: apply(operator, [input!.first, ...beside], attributes),
    order: firstOrder(input!.rank),
  };
}

const integers = (values: readonly number[]) => ({ integers: values });

function convolutionAttributes({ kernel, stride, padding, dilation, groups }: ConvolutionSettings) {
  return {
    kernel_shape: integers(kernel),
    strides: integers(stride),
    pads: integers(padding),
    dilations: integers(dilation),
    group: { integer: groups },
  };
}

export function writeConv(task: Task<"conv">): Form {
  const { operation, parameter } = task;
  return ofPixels(task, "Conv", [parameter("weight"), parameter("bias")], convolutionAttributes(operation));
}

export function writeConvTranspose(task: Task<"convTranspose">): Form {
  const { file, operation, inputs, apply, parameter } = task;
  const { stride, padding, outputPadding } = operation;
  const tensors = [parameter("weight"), parameter("bias")];
  if (outputPadding.every((extra, axis) => extra < stride[axis]!)) {
    return ofPixels(task, "ConvTranspose", tensors, {
      ...convolutionAttributes(operation),
      output_padding: integers(outputPadding),
    });
  }
  // ONNX Runtime refuses pixels beyond the stride: those that they come from are there, as zeros, and the rest is cut.
  const axes = stride.length;
  const after = outputPadding.map((extra, axis) => padding[axis + axes]! - extra);
  const zeros = after.map((pixels, axis) => Math.max(0, Math.ceil(-pixels / stride[axis]!)));
  const pads = [
    ...padding.slice(0, axes),
    ...after.map((pixels, axis) => pixels + zeros[axis]! * stride[axis]!),
  ];
  const input = inputs[0]!;
  const wider = zeros.some((pixels) => pixels > 0)
    ? apply("Pad", [input.first, file.integers([...new Array(axes + 2).fill(0), 0, 0, ...zeros])])
    : input.first;
  const tensor = apply("ConvTranspose", [wider, ...tensors], {
    ...convolutionAttributes({ ...operation, padding: pads }),
  });
  return { tensor, order: firstOrder(input.rank) };
}

export function writeAveragePool(task: Task<"averagePool">): Form {
  const { kernel, stride, padding, countPadding } = task.operation;
  return ofPixels(task, "AveragePool", [], {
    kernel_shape: integers(kernel),
    strides: integers(stride),
    pads: integers(padding),
    count_include_pad: { integer: countPadding ? 1 : 0 },
  });
}

export function writeDepthToSpace(task: Task<"depthToSpace">): Form {
  const { block, order } = task.operation;
  return ofPixels(task, "DepthToSpace", [], { blocksize: { integer: block }, mode: { text: order } });
}

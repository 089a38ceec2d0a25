import { firstOrder } from "../../../axis-order.ts";
import { type ConvolutionSettings, transposedLengths } from "../../../graph/convolution.ts";
import type { Attributes } from "../../../onnx-messages.ts";
import type { OnnxGraph, Tensor } from "../onnx.ts";
import type { Task, Written } from "../task.ts";
import type { GraphValue } from "../value.ts";

// The gradient of a convolution is the transposed convolution by the same weight, and the other way round.

const integers = (values: readonly number[]) => ({ integers: values });

function attributesOf({ kernel, stride, padding, dilation, groups }: ConvolutionSettings): Attributes {
  return {
    ...{ kernel_shape: integers(kernel), strides: integers(stride), pads: integers(padding) },
    ...{ dilations: integers(dilation), group: { integer: groups } },
  };
}

export function writeConv({ graph, operation, inputs, parameter }: Task<"conv">): Written {
  const input = inputs[0]!;
  const order = firstOrder(input.rank);
  const weight = parameter("weight");
  const channels = { from: input.shape.at(-1)!, to: operation.shape.at(-1)! };
  return {
    output: {
      ...{ tensor: convolution(graph, input.first, operation, channels, [weight, parameter("bias")]), order },
    },
    backward: [
      (gradient) => {
        // Pixels of the input that no step of the kernel reaches.
        const reached = transposedLengths(
          { ...operation, outputPadding: operation.kernel.map(() => 0) },
          gradient.shape,
        );
        const outputPadding = reached.map((length, axis) => input.shape[axis]! - length);
        return {
          tensor: transposedConvolution(graph, gradient.first, operation, outputPadding, [weight]),
          order,
        };
      },
    ],
  };
}

export function writeConvTranspose(task: Task<"convTranspose">): Written {
  const { graph, operation, inputs, parameter } = task;
  const input = inputs[0]!;
  const order = firstOrder(input.rank);
  const tensors = [parameter("weight"), parameter("bias")];
  return {
    output: {
      ...{
        tensor: transposedConvolution(graph, input.first, operation, operation.outputPadding, tensors),
        order,
      },
    },
    backward: [
      (gradient) => {
        const channels = { from: operation.shape.at(-1)!, to: input.shape.at(-1)! };
        const tensor = convolution(graph, gradient.first, operation, channels, [tensors[0]!]);
        return { tensor: firstPixels(graph, tensor, operation, input), order };
      },
    ],
  };
}

/** What a convolution leaves of an output padding beyond the stride are pixels that the input does not have. */
function firstPixels(
  graph: OnnxGraph,
  tensor: Tensor,
  { stride, outputPadding }: Task<"convTranspose">["operation"],
  { shape }: GraphValue,
): Tensor {
  return outputPadding.reduce(
    (rest, extra, axis) => (extra < stride[axis]! ? rest : graph.slice(rest, 2 + axis, 0, shape[axis]!)),
    tensor,
  );
}

/**
 * @param channels how many there are
 * @param tensors the weight, and the bias if there is one
 */
function convolution(
  graph: OnnxGraph,
  tensor: Tensor,
  settings: ConvolutionSettings,
  { from, to }: { readonly from: number; readonly to: number },
  [weight, ...bias]: readonly Tensor[],
): Tensor {
  // With 6, 9, 15, … channels onnxruntime-web 1.30 takes wrong ones on the GPU, where it makes a multiple of 4.
  const isMisread = settings.groups === 1 && from > 3 && from % 3 === 0 && from % 4 !== 0 && to % 4 === 0;
  const zeros = (of: Tensor) => {
    const pads = new Array<number>(2 * (settings.kernel.length + 2)).fill(0);
    pads[settings.kernel.length + 3] = 4 - (from % 4);
    return isMisread ? graph.apply("Pad", of, graph.integers(pads)) : of;
  };
  return graph.applyWith(attributesOf(settings), "Conv", zeros(tensor), zeros(weight!), ...bias);
}

/** @param tensors the weight, and the bias if there is one */
function transposedConvolution(
  graph: OnnxGraph,
  tensor: Tensor,
  settings: ConvolutionSettings,
  outputPadding: readonly number[],
  tensors: readonly Tensor[],
): Tensor {
  const { stride, padding } = settings;
  const axes = stride.length;
  // More pixels behind are fewer that are cut off there. Where none are cut off any more, what they come from is put
  // behind the input, as zeros.
  const after = outputPadding.map((extra, axis) => padding[axis + axes]! - extra);
  const zeros = after.map((pixels, axis) => Math.max(0, Math.ceil(-pixels / stride[axis]!)));
  const isPadded = zeros.some((pixels) => pixels > 0);
  const pads = [...new Array<number>(axes + 2).fill(0), 0, 0, ...zeros];
  const wider = isPadded ? graph.apply("Pad", tensor, graph.integers(pads)) : tensor;
  const cut = after.map((pixels, axis) => pixels + zeros[axis]! * stride[axis]!);
  const attributes = attributesOf({ ...settings, padding: [...padding.slice(0, axes), ...cut] });
  return graph.applyWith(attributes, "ConvTranspose", wider, ...tensors);
}

import { convolvedLengths, transposedLengths } from "../../../graph/convolution.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { firstOrder, lastOrder, positionOf } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../../../onnx-format/emitter.ts";
import { writeDense } from "../../../onnx-format/kinds/products.ts";
import type { Form } from "../../../onnx-format/value.ts";
import { convolution, transposedConvolution } from "../convolve.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backward, GpuTask, Written } from "../task.ts";

/** A value as a matrix whose rows are all positions of all axes but the last one: a Gemm takes matrices only. */
function asMatrix(graph: OnnxGraph, tensor: Tensor, batch: number, shape: readonly number[]): Tensor {
  return graph.reshape(tensor, [batch * sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
}

/** Writes one Gemm, also of several axes, since the batch is a number. */
export function writeGpuDense(task: GpuTask<"dense">): Form {
  const { graph, operation, inputs, batch, parameter } = task;
  const { shape } = operation;
  if (shape.length === 1) return writeDense(task);
  const rows = asMatrix(graph, inputs[0]!.last, batch, inputs[0]!.shape);
  const lists = [parameter("weight"), parameter("bias")];
  const product = graph.applyWith({ transB: { integer: 1 } }, "Gemm", rows, ...lists);
  return { tensor: graph.reshape(product, [batch, ...shape]), order: lastOrder(shape.length) };
}

export const denseBackward = ({ graph, inputs: [input], parameter }: Written<"dense">): Backward[] => [
  (gradient) => {
    const { batch, shape, last } = gradient;
    const order = lastOrder(input!.rank);
    const product = graph.apply("Gemm", asMatrix(graph, last, batch, shape), parameter("weight"));
    if (shape.length === 1) return { tensor: product, order };
    return { tensor: graph.reshape(product, [batch, ...input!.shape]), order };
  },
];

export function softmaxBackward({ graph, output: { tensor, order } }: Written<"softmax">): Backward[] {
  return [
    (gradient) => {
      // y·(g - Σ y·g)
      const own = gradient.in(order);
      const sum = graph.sum(graph.apply("Mul", tensor, own), [positionOf(order, order.length - 1)]);
      return { tensor: graph.apply("Mul", tensor, graph.apply("Sub", own, sum)), order };
    },
  ];
}

export function matmulBackward({ graph, operation, inputs: [left, right] }: Written<"matmul">): Backward[] {
  const { transposed } = operation;
  const order = lastOrder(left!.rank);
  const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
  return [
    (gradient) => {
      const tensor = graph.apply("MatMul", gradient.last, right!.in(transposed ? order : swapped));
      return { tensor, order };
    },
    (gradient) => {
      // The gradient of a transposed factor is transposed: no node is needed for that.
      const tensor = graph.apply("MatMul", left!.in(swapped), gradient.last);
      return { tensor, order: transposed ? swapped : order };
    },
  ];
}

export function writeGpuConv({ graph, operation: settings, inputs, parameter }: GpuTask<"conv">): Form {
  const input = inputs[0]!;
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const output = settings.shape;
  return {
    tensor: convolution({ graph, input, settings, output, weight, bias }),
    order: firstOrder(input.rank),
  };
}

/** The transposed convolution by the same weight. */
export function convBackward({ graph, operation, inputs, parameter }: Written<"conv">): Backward[] {
  const input = inputs[0]!;
  return [
    (gradient) => {
      // Pixels behind those that the kernel reaches have a gradient of 0.
      const none = operation.kernel.map(() => 0);
      const reached = transposedLengths({ ...operation, outputPadding: none }, operation.shape);
      const beyond = reached.map((length, axis) => input.shape[axis]! - length);
      const weight = parameter("weight");
      const given = { graph, input: gradient, settings: operation, output: input.shape, weight };
      return { tensor: transposedConvolution(given, beyond), order: firstOrder(input.rank) };
    },
  ];
}

export function writeGpuConvTranspose(task: GpuTask<"convTranspose">): Form {
  const { graph, operation: settings, inputs, parameter } = task;
  const input = inputs[0]!;
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const given = { graph, input, settings, output: settings.shape, weight, bias };
  return { tensor: transposedConvolution(given, settings.outputPadding), order: firstOrder(input.rank) };
}

/** The convolution by the same weight. */
export function convTransposeBackward(written: Written<"convTranspose">): Backward[] {
  const { graph, operation: settings, inputs, parameter } = written;
  const input = inputs[0]!;
  return [
    (gradient) => {
      // With an output padding beyond the stride a convolution makes pixels that the input does not have.
      const lengths = convolvedLengths(settings, settings.shape);
      const output = [...lengths, input.shape.at(-1)!];
      const weight = parameter("weight");
      const whole = convolution({ graph, input: gradient, settings, output, weight });
      const tensor = lengths.reduce((rest, length, axis) => {
        const own = input.shape[axis]!;
        return length === own ? rest : graph.slice(rest, 2 + axis, 0, own);
      }, whole);
      return { tensor, order: firstOrder(input.rank) };
    },
  ];
}

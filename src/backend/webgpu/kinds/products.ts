import { convolvedLengths, transposedLengths } from "../../../graph/convolution.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { firstOrder, lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../../../onnx-format/emitter.ts";
import { writeDense } from "../../../onnx-format/kinds/products.ts";
import type { Form } from "../../../onnx-format/value.ts";
import { convolution, transposedConvolution } from "../convolve.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backwards, GpuTask } from "../task.ts";

/** Reshapes a value to a matrix whose columns are its last axis, since a Gemm takes matrices only. */
function asMatrix(graph: OnnxGraph, tensor: Tensor, batch: number, shape: readonly number[]): Tensor {
  return graph.reshape(tensor, [batch * sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
}

/** Writes a dense operation as one Gemm, also of values with several axes, since the length of the batch is known. */
export function writeGpuDense(task: GpuTask<"dense">): Form {
  const { graph, operation, input, batch, parameter } = task;
  const { shape } = operation;
  if (shape.length === 1) return writeDense(task);
  const rows = asMatrix(graph, input.last, batch, input.shape);
  const lists = [parameter("weight"), parameter("bias")];
  const product = graph.applyWith({ transB: { integer: 1 } }, "Gemm", rows, ...lists);
  return { tensor: graph.reshape(product, [batch, ...shape]), order: lastOrder(shape.length) };
}

/** Writes a convolution in a form that onnxruntime-web computes correctly. */
export function writeGpuConv({ graph, operation: settings, input, parameter }: GpuTask<"conv">): Form {
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const output = settings.shape;
  return {
    tensor: convolution({ graph, input, settings, output, weight, bias }),
    order: firstOrder(input.rank),
  };
}

/** Writes a transposed convolution in a form that onnxruntime-web computes correctly. */
export function writeGpuConvTranspose(task: GpuTask<"convTranspose">): Form {
  const { graph, operation: settings, input, parameter } = task;
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const given = { graph, input, settings, output: settings.shape, weight, bias };
  return { tensor: transposedConvolution(given, settings.outputPadding), order: firstOrder(input.rank) };
}

/** Gradients of products. */
export const BACKWARD = {
  /** Writes the gradient of a dense operation: g · W, as one Gemm. */
  dense({ graph, input, parameter }, { batch, shape, last }) {
    const order = lastOrder(input.rank);
    const product = graph.apply("Gemm", asMatrix(graph, last, batch, shape), parameter("weight"));
    if (shape.length === 1) return { tensor: product, order };
    return { tensor: graph.reshape(product, [batch, ...input.shape]), order };
  },
  /** Writes the gradients of A · B: g · Bᵀ and Aᵀ · g. */
  matmul({ graph, operation, inputs }, gradient, index) {
    const { transposed } = operation;
    const [left, right] = inputs;
    const order = lastOrder(left!.rank);
    const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
    if (index === 0) {
      const factor = right!.in(transposed ? order : swapped);
      return { tensor: graph.apply("MatMul", gradient.last, factor), order };
    }
    // The gradient of a transposed factor is transposed: no node is needed for that.
    const tensor = graph.apply("MatMul", left!.in(swapped), gradient.last);
    return { tensor, order: transposed ? swapped : order };
  },
  /** Writes the gradient of a convolution: the transposed convolution by the same weight. */
  conv({ graph, operation, input, parameter }, gradient) {
    // Pixels behind those that the kernel reaches have a gradient of 0.
    const none = operation.kernel.map(() => 0);
    const reached = transposedLengths({ ...operation, outputPadding: none }, operation.shape);
    const beyond = reached.map((length, axis) => input.shape[axis]! - length);
    const weight = parameter("weight");
    const given = { graph, input: gradient, settings: operation, output: input.shape, weight };
    return { tensor: transposedConvolution(given, beyond), order: firstOrder(input.rank) };
  },
  /** Writes the gradient of a transposed convolution: the convolution by the same weight. */
  convTranspose(written, gradient) {
    const { graph, operation: settings, input, parameter } = written;
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
} satisfies Backwards;

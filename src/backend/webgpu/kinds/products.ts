import { convolvedLengths, transposedLengths } from "../../../graph/convolution.ts";
import { transposed } from "../../../graph/linear-map.ts";
import { sizeOf } from "../../../graph/operations.ts";
import { firstOrder, lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../../../onnx-format/emitter.ts";
import { sparseProduct, writeDense } from "../../../onnx-format/kinds/products.ts";
import type { Form } from "../../../onnx-format/value.ts";
import { convolution, transposedConvolution } from "../convolve.ts";
import type { OnnxGraph } from "../onnx.ts";
import type { Backwards, GpuTask } from "../task.ts";

/**
 * Writes a node that reshapes a tensor to a matrix whose columns are the tensor's last axis, since a Gemm operator takes matrices
 * only.
 */
function asMatrix(graph: OnnxGraph, tensor: Tensor, batch: number, shape: readonly number[]): Tensor {
  return graph.reshape(tensor, [batch * sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
}

/**
 * Writes the nodes of a fully connected operation, with one Gemm. Values with several axes become matrices, whose number of rows
 * is known on the GPU.
 */
export function writeGpuDense(task: GpuTask<"dense">): Form {
  const { graph, operation, input, batch, parameter } = task;
  const { shape } = operation;
  if (shape.length === 1) return writeDense(task);
  const rows = asMatrix(graph, input.last, batch, input.shape);
  const lists = [parameter("weight"), parameter("bias")];
  const product = graph.applyWith({ transB: { integer: 1 } }, "Gemm", rows, ...lists);
  return { tensor: graph.reshape(product, [batch, ...shape]), order: lastOrder(shape.length) };
}

/** Writes the nodes of a convolution in a form that onnxruntime-web computes correctly. */
export function writeGpuConv({ graph, operation: settings, input, parameter }: GpuTask<"conv">): Form {
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const output = settings.shape;
  return {
    tensor: convolution({ graph, input, settings, output, weight, bias }),
    order: firstOrder(input.rank),
  };
}

/** Writes the nodes of a transposed convolution in a form that onnxruntime-web computes correctly. */
export function writeGpuConvTranspose(task: GpuTask<"convTranspose">): Form {
  const { graph, operation: settings, input, parameter } = task;
  const [weight, bias] = [parameter("weight"), parameter("bias")];
  const given = { graph, input, settings, output: settings.shape, weight, bias };
  return { tensor: transposedConvolution(given, settings.outputPadding), order: firstOrder(input.rank) };
}

/** Gradient writers of operations that are products: dense, matmul, sparse, conv and convTranspose. */
export const BACKWARD = {
  /**
   * Writes nodes for the gradient of a fully connected operation for its input: g · W, g the gradient for the output and W the
   * weight matrix, as one Gemm.
   */
  dense({ graph, input, parameter }, { batch, shape, last }) {
    const order = lastOrder(input.rank);
    const product = graph.apply("Gemm", asMatrix(graph, last, batch, shape), parameter("weight"));
    if (shape.length === 1) return { tensor: product, order };
    return { tensor: graph.reshape(product, [batch, ...input.shape]), order };
  },
  /** Writes nodes for the gradients of A · B from g, the gradient for the product: g · Bᵀ for A, and Aᵀ · g for B. */
  matmul({ graph, operation, inputs }, gradient, index) {
    const { transposed } = operation;
    const [left, right] = inputs;
    const order = lastOrder(left!.rank);
    const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
    if (index === 0) {
      const factor = right!.in(transposed ? order : swapped);
      return { tensor: graph.apply("MatMul", gradient.last, factor), order };
    }
    // If B is stored transposed, so is its gradient: the axis order says so, and no node is needed.
    const tensor = graph.apply("MatMul", left!.in(swapped), gradient.last);
    return { tensor, order: transposed ? swapped : order };
  },
  /** Writes nodes for the gradient of a product with a sparse matrix A: Aᵀ · g, g the gradient for the output. */
  sparse: ({ graph, operation: { map } }, gradient) => ({
    tensor: sparseProduct(graph, transposed(map), gradient.last, gradient.batch),
    order: lastOrder(1),
  }),
  /**
   * Writes nodes for the gradient of a convolution for its input: the transposed convolution of g, the gradient for the
   * output, with the same weight.
   */
  conv({ graph, operation, input, parameter }, gradient) {
    // Pixels beyond the kernel's last position have a gradient of 0.
    const none = operation.kernel.map(() => 0);
    const reached = transposedLengths({ ...operation, outputPadding: none }, operation.shape);
    const beyond = reached.map((length, axis) => input.shape[axis]! - length);
    const weight = parameter("weight");
    const given = { graph, input: gradient, settings: operation, output: input.shape, weight };
    return { tensor: transposedConvolution(given, beyond), order: firstOrder(input.rank) };
  },
  /**
   * Writes nodes for the gradient of a transposed convolution for its input: the convolution of g, the gradient for the
   * output, with the same weight.
   */
  convTranspose(written, gradient) {
    const { graph, operation: settings, input, parameter } = written;
    // If the output padding exceeds the stride, the convolution makes more pixels than the input has.
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

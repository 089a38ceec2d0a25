import { lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Tensor } from "../onnx.ts";
import type { Task, Written } from "../task.ts";
import { type GraphValue, rowCount } from "../value.ts";

/** A Gemm takes matrices only: rows are all positions of all axes but the last one. */
export function writeDense({ graph, operation, inputs, batch, parameter }: Task<"dense">): Written {
  const input = inputs[0]!;
  const { shape } = operation;
  const order = lastOrder(shape.length);
  const isMatrix = shape.length === 1;
  const rows = batch * rowCount(shape);
  const asMatrix = (tensor: Tensor, { shape: own }: GraphValue) =>
    isMatrix ? tensor : graph.reshape(tensor, [rows, own.at(-1)!]);
  const asValue = (matrix: Tensor, own: readonly number[]) => ({
    ...{ tensor: isMatrix ? matrix : graph.reshape(matrix, [batch, ...own]), order },
  });
  const matrix = asMatrix(input.last, input);
  const transB = { integer: 1 };
  const product = graph.applyWith({ transB }, "Gemm", matrix, parameter("weight"), parameter("bias"));
  return {
    output: asValue(product, shape),
    backward: [
      (gradient) =>
        asValue(graph.apply("Gemm", asMatrix(gradient.last, gradient), parameter("weight")), input.shape),
    ],
  };
}

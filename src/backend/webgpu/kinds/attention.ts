import { lastOrder } from "../../../onnx-format/axis-order.ts";
import type { Task, Written } from "../task.ts";
import { positionOf } from "../value.ts";

export function writeSoftmax({ graph, inputs }: Task<"softmax">): Written {
  const { tensor: x, order } = inputs[0]!.any;
  const axis = positionOf(order, order.length - 1);
  const output = graph.applyWith({ axis: { integer: axis } }, "Softmax", x);
  return {
    output: { tensor: output, order },
    backward: [
      (gradient) => {
        const own = gradient.in(order);
        // y·(g - Σ y·g)
        const mean = graph.sum(graph.apply("Mul", output, own), [axis]);
        return { tensor: graph.apply("Mul", output, graph.apply("Sub", own, mean)), order };
      },
    ],
  };
}

export function writeMatmul({ graph, operation: { transposed }, inputs }: Task<"matmul">): Written {
  const [left, right] = inputs;
  const order = lastOrder(left!.rank);
  const swapped = [...order.slice(0, -2), order.length - 1, order.length - 2];
  return {
    output: {
      ...{ tensor: graph.apply("MatMul", left!.last, right!.in(transposed ? swapped : order)), order },
    },
    backward: [
      (gradient) => {
        const tensor = graph.apply("MatMul", gradient.last, right!.in(transposed ? order : swapped));
        return { tensor, order };
      },
      (gradient) => {
        // Of one that is transposed the product is, too: the transposed gradient is the same without a node.
        const tensor = graph.apply("MatMul", left!.in(swapped), gradient.last);
        return { tensor, order: transposed ? swapped : order };
      },
    ],
  };
}

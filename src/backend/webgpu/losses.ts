import type { StandardLossKind } from "../../terms/losses.ts";
import { softplusTail } from "./functions.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";

/**
 * Losses of the data's elements, [rows, outputSize], which add up along a row to the loss of its sample; `slope` writes their
 * derivatives for the decoder's outputs (or logits), [rows, outputSize].
 */
export interface Elements {
  readonly elements: Tensor;
  /** Writes the nodes of the derivatives of the elements' losses for the outputs (or logits), [rows, outputSize]. */
  slope(): Tensor;
}

/**
 * For each loss, the writer of its nodes from the decoder's logits (cross entropy) or outputs (squared error). The argument
 * `weigh` multiplies each element by its weight in the sample's loss.
 */
export const ELEMENT_LOSSES: {
  readonly [Kind in StandardLossKind]: (
    graph: OnnxGraph,
    output: Tensor,
    targets: Tensor,
    weigh: (values: Tensor) => Tensor,
  ) => Elements;
} = {
  squaredError(graph, output, targets, weigh) {
    const error = graph.apply("Sub", output, targets);
    // Weighted before it is squared: an element of weight 0 must not overflow.
    const weighed = weigh(error);
    return {
      elements: graph.apply("Mul", weighed, error),
      slope: () => graph.apply("Mul", weighed, 2),
    };
  },
  binaryCrossEntropy(graph, output, targets, weigh) {
    // For y = 1 and a large output the result is small: no large term may be added first.
    const linear = graph.apply("Sub", graph.apply("Relu", output), graph.apply("Mul", output, targets));
    return {
      elements: weigh(graph.apply("Add", linear, softplusTail(graph, output))),
      slope: () => weigh(graph.apply("Sub", graph.apply("Sigmoid", output), targets)),
    };
  },
};

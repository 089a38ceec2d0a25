import type { Decoder } from "../../decoder/decoder.ts";
import type { StandardLoss } from "../../loss.ts";
import { type Activated, activate, softplusTail } from "./activation.ts";
import type { OnnxGraph, Tensor } from "./onnx.ts";

/** What a graph of an objective is about. */
export interface ObjectiveShape {
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  /** Are there weights for the elements? */
  readonly weighted: boolean;
  /** How many samples are computed at once. */
  readonly rows: number;
}

/** A decoder's parameters as inputs of a graph, so that one set of them on the GPU serves all its graphs. */
export interface ParameterInputs {
  /** [outputSize, inputSize] of each layer. */
  readonly weights: readonly Tensor[];
  /** [outputSize] of each layer. */
  readonly biases: readonly Tensor[];
}

/** The names of the inputs that hold layer `index`'s parameters. */
export function parameterNames(index: number): { readonly weight: string; readonly bias: string } {
  return { weight: `weight${index}`, bias: `bias${index}` };
}

export function parameterInputs(graph: OnnxGraph, decoder: Decoder): ParameterInputs {
  const weights = decoder.layers.map(({ inputSize, outputSize }, i) =>
    graph.input(parameterNames(i).weight, [outputSize, inputSize]),
  );
  const biases = decoder.layers.map(({ outputSize }, i) => graph.input(parameterNames(i).bias, [outputSize]));
  return { weights, biases };
}

/** The data of an objective as inputs of a graph. */
export interface DataInputs {
  /** [rows, n], 0 where the weight is. */
  readonly targets: Tensor;
  /** [rows, n], by which the elements' losses are multiplied before they are summed; see `writeRow` in rows.ts. */
  readonly weights: Tensor | undefined;
}

export const TARGETS = "targets";
export const ELEMENT_WEIGHTS = "elementWeights";

export function dataInputs(graph: OnnxGraph, shape: ObjectiveShape): DataInputs {
  const targets = graph.input(TARGETS, [shape.rows, shape.decoder.outputSize]);
  return { targets, weights: weightsInput(graph, shape) };
}

export function weightsInput(graph: OnnxGraph, { decoder, weighted, rows }: ObjectiveShape) {
  return weighted ? graph.input(ELEMENT_WEIGHTS, [rows, decoder.outputSize]) : undefined;
}

/** The outputs of a decoder's layers and how they are passed backwards. */
interface Forward {
  readonly output: Tensor;
  readonly layers: readonly Activated[];
}

/**
 * D(z).
 *
 * @param z [rows, latentSize]
 * @param toLogits leave out the output activation
 */
export function forward(
  graph: OnnxGraph,
  decoder: Decoder,
  { weights, biases }: ParameterInputs,
  z: Tensor,
  toLogits: boolean,
): Forward {
  const last = decoder.layers.length - 1;
  let output = z;
  const layers = decoder.layers.map(({ activation }, i) => {
    const sums = graph.applyWith({ transB: { integer: 1 } }, "Gemm", output, weights[i]!, biases[i]!);
    const activated = activate(graph, toLogits && i === last ? { name: "identity" } : activation, sums);
    output = activated.output;
    return activated;
  });
  return { output, layers };
}

/** l(y, D(z)), [rows, 1], and how its gradient is written. */
export function objective(
  graph: OnnxGraph,
  shape: ObjectiveShape,
  parameters: ParameterInputs,
  data: DataInputs,
  z: Tensor,
): { readonly value: Tensor; gradient(): Tensor } {
  const { decoder, loss } = shape;
  const { output, layers } = forward(graph, decoder, parameters, z, loss.name === "binaryCrossEntropy");
  const { elements, slope } = elementLosses(graph, shape, data, output);
  const value = graph.applyWith({ keepdims: { integer: 1 } }, "ReduceSum", elements, graph.integers([1]));
  return {
    value,
    gradient: () =>
      layers.reduceRight(
        (gradient, layer, i) => graph.apply("Gemm", layer.backward(gradient), parameters.weights[i]!),
        slope(),
      ),
  };
}

/** The elements' losses, whose sum is the sample's, and how their derivatives for the outputs are written. */
function elementLosses(
  graph: OnnxGraph,
  { decoder, loss }: ObjectiveShape,
  { targets, weights }: DataInputs,
  output: Tensor,
): { readonly elements: Tensor; slope(): Tensor } {
  const scale = loss.reduction === "sum" ? 1 : 1 / decoder.outputSize;
  const weigh = (values: Tensor) => graph.apply("Mul", values, weights ?? scale);
  if (loss.name === "squaredError") {
    const error = graph.apply("Sub", output, targets);
    // Weighted before it is squared: what a weight of 0 leaves out must not overflow.
    const weighed = weigh(error);
    return {
      elements: graph.apply("Mul", weighed, error),
      slope: () => graph.apply("Mul", weighed, 2),
    };
  }
  // Where y is 1 and the output large, what is left is small: nothing large may be added to it before.
  const linear = graph.apply("Sub", graph.apply("Relu", output), graph.apply("Mul", output, targets));
  return {
    elements: weigh(graph.apply("Add", linear, softplusTail(graph, output))),
    slope: () => weigh(graph.apply("Sub", graph.apply("Sigmoid", output), targets)),
  };
}

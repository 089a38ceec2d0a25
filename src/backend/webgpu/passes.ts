import { show } from "../../check.ts";
import type { Decoder } from "../../decoder/decoder.ts";
import { LatentflowError } from "../../errors.ts";
import { logitOperations, parametersOf } from "../../graph/graph.ts";
import type { Operation, OperationKind, TensorName } from "../../graph/operations.ts";
import type { StandardLoss } from "../../terms/losses.ts";
import { type StandardTermKind, takesLogits } from "../../terms/terms.ts";
import { activate, softplusTail, type Written } from "./activation.ts";
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

/** A decoder's parameters as inputs of a graph, so that one set of them on the GPU serves all its graphs: by name. */
export type ParameterInputs = ReadonlyMap<string, Tensor>;

/** The name of the input that holds a tensor of operation `index`. */
export function parameterName(index: number, tensor: TensorName): string {
  return `${tensor}${index}`;
}

export function parameterInputs(graph: OnnxGraph, decoder: Decoder): ParameterInputs {
  return new Map(
    parametersOf(decoder).map(({ operation, tensor, shape }) => {
      const name = parameterName(operation, tensor);
      return [name, graph.input(name, shape)];
    }),
  );
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

/** How operations of a kind are written. Values are matrices of a row for each sample, whatever their shape. */
type Writers = {
  readonly [Kind in OperationKind]: (
    graph: OnnxGraph,
    operation: Operation<Kind>,
    x: Tensor,
    tensor: (name: TensorName) => Tensor,
  ) => Written;
};

const WRITERS: Writers = {
  dense: (graph, _operation, x, tensor) => ({
    output: graph.applyWith({ transB: { integer: 1 } }, "Gemm", x, tensor("weight"), tensor("bias")),
    backward: (gradient) => graph.apply("Gemm", gradient, tensor("weight")),
  }),
  activation: (graph, { activation }, x) => activate(graph, activation, x),
  reshape: (_graph, _operation, x) => ({ output: x, backward: (gradient) => gradient }),
  ...{ conv: refuse, convTranspose: refuse, add: refuse, sub: refuse, mul: refuse, concat: refuse },
  ...{ expand: refuse, permute: refuse, slice: refuse, depthToSpace: refuse, pad: refuse, upsample: refuse },
  ...{ averagePool: refuse, sum: refuse, mean: refuse, layerNorm: refuse, groupNorm: refuse },
  ...{
    rmsNorm: refuse,
    affine: refuse,
    softmax: refuse,
    matmul: refuse,
    constant: refuse,
    embedding: refuse,
    pointwise: refuse,
  },
};

function refuse(_graph: OnnxGraph, { kind, name }: Operation): never {
  throw new LatentflowError(
    "unsupported",
    `webgpu: ${kind} ${show(name)} is not computed on the GPU yet; use wasm()`,
  );
}

/**
 * D(z).
 *
 * @param z [rows, latentSize]
 * @param toLogits leave out the output activation
 * @returns what the operations have written, in their order
 */
export function forward(
  graph: OnnxGraph,
  decoder: Decoder,
  parameters: ParameterInputs,
  z: Tensor,
  toLogits: boolean,
): Written[] {
  const count = toLogits ? logitOperations(decoder) : decoder.operations.length;
  let x = z;
  return decoder.operations.slice(0, count).map((operation, i) => {
    const write = WRITERS[operation.kind] as Writers[OperationKind];
    const tensor = (name: TensorName) => parameters.get(parameterName(i, name))!;
    const written = write(graph, operation as never, x, tensor);
    x = written.output;
    return written;
  });
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
  const operations = forward(graph, decoder, parameters, z, takesLogits(loss));
  const { elements, slope } = elementLosses(graph, shape, data, operations.at(-1)!.output);
  const value = graph.applyWith({ keepdims: { integer: 1 } }, "ReduceSum", elements, graph.integers([1]));
  return {
    value,
    gradient: () => operations.reduceRight((gradient, { backward }) => backward(gradient), slope()),
  };
}

/** The elements' losses, whose sum is the sample's, and how their derivatives for the outputs are written. */
interface Elements {
  readonly elements: Tensor;
  slope(): Tensor;
}

/** How each loss is written; `weigh` multiplies by an element's share of the sample's loss. */
const ELEMENTS: {
  readonly [Kind in StandardTermKind]: (
    graph: OnnxGraph,
    output: Tensor,
    targets: Tensor,
    weigh: (values: Tensor) => Tensor,
  ) => Elements;
} = {
  squaredError(graph, output, targets, weigh) {
    const error = graph.apply("Sub", output, targets);
    // Weighted before it is squared: what a weight of 0 leaves out must not overflow.
    const weighed = weigh(error);
    return {
      elements: graph.apply("Mul", weighed, error),
      slope: () => graph.apply("Mul", weighed, 2),
    };
  },
  binaryCrossEntropy(graph, output, targets, weigh) {
    // Where y is 1 and the output large, what is left is small: nothing large may be added to it before.
    const linear = graph.apply("Sub", graph.apply("Relu", output), graph.apply("Mul", output, targets));
    return {
      elements: weigh(graph.apply("Add", linear, softplusTail(graph, output))),
      slope: () => weigh(graph.apply("Sub", graph.apply("Sigmoid", output), targets)),
    };
  },
};

function elementLosses(
  graph: OnnxGraph,
  { decoder, loss }: ObjectiveShape,
  { targets, weights }: DataInputs,
  output: Tensor,
): Elements {
  const scale = loss.reduction === "sum" ? 1 : 1 / decoder.outputSize;
  const weigh = (values: Tensor) => graph.apply("Mul", values, weights ?? scale);
  return ELEMENTS[loss.name](graph, output, targets, weigh);
}

import type { Decoder } from "../../decoder/decoder.ts";
import { logitOperations, parametersOf, stepsOf } from "../../graph/graph.ts";
import { type Operation, sizeOf, type TensorName } from "../../graph/operations.ts";
import { lastOrder } from "../../onnx-format/axis-order.ts";
import { aligned, type Form, GraphValue } from "../../onnx-format/value.ts";
import type { StandardLoss } from "../../terms/losses.ts";
import { takesLogits } from "../../terms/losses.ts";
import { ELEMENT_LOSSES } from "./losses.ts";
import { OnnxGraph, type Tensor } from "./onnx.ts";
import { writeGradient, writeOnGpu } from "./operations.ts";
import type { GpuTask, GpuValue, Written } from "./task.ts";

// Names of a graph's inputs and outputs, except for parameters and data.

/** Name of a graph's input for the latents z, [rows, latentSize]. */
export const LATENTS = "z";
/** Name of a graph's output for the loss of each row (sample), [rows, 1]. */
export const LOSSES = "losses";
/** Name of a graph's output for each row's gradient of the loss for the latents z, [rows, latentSize]. */
export const GRADIENTS = "gradients";
/** Name of a graph's output for the decoder's output or logits, [rows, outputSize]. */
export const OUTPUTS = "outputs";

/** Decoder and sizes that a GPU graph is written for. */
export interface SampleShape {
  readonly decoder: Decoder;
  /** Number of samples that the graph computes at once. */
  readonly rows: number;
  /** For each fixed input of the decoder: `"shared"` if all samples share one value, `"own"` if each sample has its own. */
  readonly fixed: readonly ("shared" | "own")[];
}

/** Decoder, sizes, loss and weights that the graph of an objective is written for. */
export interface ObjectiveShape extends SampleShape {
  readonly loss: StandardLoss;
  /** True if the elements of the data have weights. */
  readonly weighted: boolean;
}

/** A decoder's parameters as inputs of a graph, by name: one set of them on the GPU serves all graphs of the decoder. */
export type ParameterInputs = ReadonlyMap<string, Tensor>;

/** Returns the name of the graph's input that holds a parameter tensor of operation `index`. */
export function parameterName(index: number, tensor: TensorName): string {
  return `${tensor}${index}`;
}

/** Declares the decoder's parameters as inputs of a graph. */
export function parameterInputs(graph: OnnxGraph, decoder: Decoder): ParameterInputs {
  return new Map(
    parametersOf(decoder).map(({ operation, tensor, shape }) => {
      const name = parameterName(operation, tensor);
      return [name, graph.input(name, shape)];
    }),
  );
}

/** Data of an objective as inputs of a graph, outputSize elements per sample. */
export interface DataInputs {
  /** Data y, [rows, outputSize]; 0 where the element's weight is 0, since data may be NaN there. */
  readonly targets: Tensor;
  /**
   * Factor of each element's loss in the sample's loss, [rows, outputSize]: w/Σw for a mean with weights w, w for a sum;
   * undefined without weights. `writeRow` in rows.ts fills it in.
   */
  readonly weights: Tensor | undefined;
}

/** Name of the graph's input for the data y, [rows, outputSize]. */
export const TARGETS = "targets";
/** Name of the graph's input for the factors of the elements' losses, [rows, outputSize]. */
export const ELEMENT_WEIGHTS = "elementWeights";

/** Declares the data of an objective, targets and weights, as inputs of a graph. */
export function dataInputs(graph: OnnxGraph, shape: ObjectiveShape): DataInputs {
  const size = [shape.rows, shape.decoder.outputSize];
  const targets = graph.input(TARGETS, size);
  return { targets, weights: shape.weighted ? graph.input(ELEMENT_WEIGHTS, size) : undefined };
}

/** Returns the name of the graph's input that holds fixed input `index` of the decoder. */
export const fixedName = (index: number): string => `fixed${index}`;

/** Declares the decoder's fixed inputs as inputs of a graph: [rows, …shape], or [1, …shape] if all samples share one value. */
function fixedInputs(graph: OnnxGraph, { decoder, rows, fixed }: SampleShape): GpuValue[] {
  return decoder.fixedInputs.map(({ shape }, i) => {
    const batch = fixed[i] === "shared" ? 1 : rows;
    const tensor = graph.input(fixedName(i), [batch, ...shape]);
    return new GraphValue(graph, shape, batch, { tensor, order: lastOrder(shape.length) });
  });
}

/** Value of the decoder (its latent, a fixed input or the result of an operation) in an ONNX graph that is being written. */
interface Node {
  readonly value: GpuValue;
  /** Indices of the graph values that this one is computed from. */
  readonly inputs: readonly number[];
  /** Operation that computes the graph value; undefined for the latent and fixed inputs. */
  readonly written?: Written;
  /** True if the graph value depends on the latent, so that it needs a gradient. */
  readonly isSought: boolean;
}

/** Result of a forward pass in a graph. */
export interface Forward {
  /** Output of the decoder, D(z) or logits, [rows, outputSize]. */
  readonly output: Tensor;
  /**
   * Writes nodes that compute the gradient for the latent, [rows, latentSize], from the gradient for the output, [rows,
   * outputSize].
   */
  backward(gradient: Tensor): Tensor;
}

/**
 * Writes the nodes that compute a decoder's output from its latents z.
 *
 * @param z latents, [rows, latentSize]
 * @param toLogits true to leave out the output activation
 */
export function forward(
  graph: OnnxGraph,
  shape: SampleShape,
  parameters: ParameterInputs,
  z: Tensor,
  toLogits: boolean,
): Forward {
  const { decoder, rows } = shape;
  const latent = new GraphValue(graph, [decoder.latentSize], rows, { tensor: z, order: [0] });
  const nodes: Node[] = [
    { value: latent, inputs: [], isSought: true },
    ...fixedInputs(graph, shape).map((value) => ({ value, inputs: [], isSought: false })),
  ];
  const steps = stepsOf<Operation>(decoder).slice(0, toLogits ? logitOperations(decoder) : undefined);
  const isCut = steps.length < decoder.operations.length;
  steps.forEach(({ operation, inputs }, i) => {
    const read = inputs.map((input) => nodes[input]!);
    const batch = read.some(({ value }) => value.batch > 1) ? rows : 1;
    const task = {
      graph,
      operation,
      definition: decoder.definition.operations[i]!,
      shape: operation.shape,
      batch,
      inputs: read.map(({ value }) => value),
      input: read[0]?.value,
      parameter(name: TensorName, dims?: readonly number[]) {
        const tensor = parameters.get(parameterName(i, name))!;
        return dims ? graph.reshape(tensor, dims) : tensor;
      },
    } as GpuTask;
    const output = writeOnGpu(task);
    const value = new GraphValue(graph, operation.shape, batch, output);
    const isSought = read.some((node) => node.isSought);
    nodes.push({ value, inputs, written: { ...task, output }, isSought });
  });
  const last = isCut ? stepsOf(decoder).at(-1)!.inputs[0]! : nodes.length - 1;
  return {
    output: flattened(graph, nodes[last]!.value, rows),
    backward: (gradient) => backwardFrom(graph, nodes, last, gradient, rows),
  };
}

/** Writes nodes that reshape a value to a matrix with a row for each sample. */
function flattened(graph: OnnxGraph, value: GpuValue, rows: number): Tensor {
  const { shape, batch } = value;
  const matrix = graph.reshape(value.last, [batch, sizeOf(shape)]);
  return batch === rows ? matrix : graph.expand(matrix, [rows, sizeOf(shape)]);
}

/**
 * Writes the nodes of the backward pass, from the gradient for value `last` to the gradient for the latent, which is value 0.
 * Gradients from several operations that read a value are added.
 */
function backwardFrom(
  graph: OnnxGraph,
  nodes: readonly Node[],
  last: number,
  gradient: Tensor,
  rows: number,
): Tensor {
  const collected = nodes.map((): GpuValue[] => []);
  const give = (to: number, form: Form) => {
    collected[to]!.push(new GraphValue(graph, nodes[to]!.value.shape, rows, form));
  };
  const { shape } = nodes[last]!.value;
  const tensor = graph.reshape(graph.shaped(gradient, [rows, sizeOf(shape)]), [rows, ...shape]);
  give(last, { tensor, order: lastOrder(shape.length) });
  for (let i = last; i > 0; i--) {
    const { inputs, written } = nodes[i]!;
    const own = summed(graph, collected[i]!);
    if (!own || !written) continue;
    inputs.forEach((input, k) => {
      if (nodes[input]!.isSought) give(input, writeGradient(written, own, k));
    });
  }
  // If the output does not depend on the latent, its gradient is 0.
  return summed(graph, collected[0]!)?.last ?? graph.apply("Mul", nodes[0]!.value.last, 0);
}

/** Writes nodes that sum the gradients for one value; returns undefined if there are none. */
function summed(graph: OnnxGraph, gradients: readonly GpuValue[]): GpuValue | undefined {
  if (gradients.length <= 1) return gradients[0];
  const { shape, batch } = gradients[0]!;
  const { order, tensors } = aligned(graph, gradients);
  const tensor = tensors.reduce((sum, each) => graph.apply("Add", sum, each));
  return new GraphValue(graph, shape, batch, { tensor, order });
}

/**
 * Writes nodes that compute the loss of each row (sample) from the data and the decoder's output at the latents z, [rows, 1];
 * returns the tensor of losses, and the writer of their gradients for z, [rows, latentSize].
 */
export function objective(
  graph: OnnxGraph,
  shape: ObjectiveShape,
  parameters: ParameterInputs,
  data: DataInputs,
  z: Tensor,
): { readonly value: Tensor; gradient(): Tensor } {
  const { output, backward } = forward(graph, shape, parameters, z, takesLogits(shape.loss));
  const scale = shape.loss.reduction === "sum" ? 1 : 1 / shape.decoder.outputSize;
  const weigh = (values: Tensor) => graph.apply("Mul", values, data.weights ?? scale);
  const { elements, slope } = ELEMENT_LOSSES[shape.loss.name](graph, output, data.targets, weigh);
  return { value: graph.sum(elements, [1]), gradient: () => backward(slope()) };
}

/**
 * Makes the graph that computes the losses at z and their gradients. It computes both at once, since a solver that requests a
 * loss nearly always requests its gradient next, and a second wait for the GPU would cost more than the backward pass.
 */
export function objectiveGraph(shape: ObjectiveShape): OnnxGraph {
  const graph = new OnnxGraph();
  const { latentSize } = shape.decoder;
  const parameters = parameterInputs(graph, shape.decoder);
  const data = dataInputs(graph, shape);
  const z = graph.input(LATENTS, [shape.rows, latentSize]);
  const { value, gradient } = objective(graph, shape, parameters, data, z);
  graph.output(LOSSES, value, [shape.rows, 1]);
  graph.output(GRADIENTS, gradient(), [shape.rows, latentSize]);
  return graph;
}

/** Makes the graph that computes a decoder's output, or its logits if `toLogits`. */
export function decodeGraph(shape: SampleShape, toLogits: boolean): OnnxGraph {
  const graph = new OnnxGraph();
  const { decoder, rows } = shape;
  const parameters = parameterInputs(graph, decoder);
  const z = graph.input(LATENTS, [rows, decoder.latentSize]);
  const { output } = forward(graph, shape, parameters, z, toLogits);
  graph.output(OUTPUTS, output, [rows, decoder.outputSize]);
  return graph;
}

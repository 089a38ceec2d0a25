import { OnnxGraph } from "./onnx.ts";
import {
  dataInputs,
  forward,
  type ObjectiveShape,
  objective,
  parameterInputs,
  type SampleShape,
} from "./passes.ts";

// Names of a graph's inputs and outputs, except for parameters and data.

/** Name of a graph's input for the latents z, [rows, latentSize]. */
export const LATENTS = "z";
/** Name of a graph's output for the loss of each row (sample), [rows, 1]. */
export const LOSSES = "losses";
/** Name of a graph's output for each row's gradient of the loss for the latents z, [rows, latentSize]. */
export const GRADIENTS = "gradients";
/** Name of a graph's output for the decoder's output or logits, [rows, outputSize]. */
export const OUTPUTS = "outputs";

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

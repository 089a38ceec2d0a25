import { OnnxGraph } from "./onnx.ts";
import {
  dataInputs,
  forward,
  type ObjectiveShape,
  objective,
  parameterInputs,
  type SampleShape,
} from "./passes.ts";

// The names of inputs and outputs besides those of parameters and data.

/** [rows, latentSize] */
export const LATENTS = "z";
/** [rows, 1] */
export const LOSSES = "losses";
/** [rows, latentSize] */
export const GRADIENTS = "gradients";
/** [rows, outputSize] */
export const OUTPUTS = "outputs";

/**
 * Makes the graph that computes the losses at z and their gradients. Both at once, since a solver that asks for a loss
 * nearly always asks for its gradient next, and a second wait for the GPU would cost more than the backward pass.
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

/** Makes the graph that computes D(z), or the logits with `toLogits`. */
export function decodeGraph(shape: SampleShape, toLogits: boolean): OnnxGraph {
  const graph = new OnnxGraph();
  const { decoder, rows } = shape;
  const parameters = parameterInputs(graph, decoder);
  const z = graph.input(LATENTS, [rows, decoder.latentSize]);
  const { output } = forward(graph, shape, parameters, z, toLogits);
  graph.output(OUTPUTS, output, [rows, decoder.outputSize]);
  return graph;
}

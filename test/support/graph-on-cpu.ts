import * as ort from "onnxruntime-web/wasm";
import {
  decodeGraph,
  fixedName,
  GRADIENTS,
  LATENTS,
  LOSSES,
  OUTPUTS,
  objectiveGraph,
  parameterName,
  type SampleShape,
  TARGETS,
} from "../../src/backend/webgpu/graphs.ts";
import type { OnnxGraph } from "../../src/backend/webgpu/onnx.ts";
import { sampleShape } from "../../src/backend/webgpu/rows.ts";
import type { FixedValues } from "../../src/decoder/fixed.ts";
import { parametersOf } from "../../src/graph/graph.ts";
import type { Decoder } from "../../src/index.ts";
import type { StandardLoss } from "../../src/terms/losses.ts";

// The graphs of the WebGPU backend, run by onnxruntime-web without a GPU: what they compute, in milliseconds.

ort.env.wasm.numThreads = 1;

/** Runs a graph with these numbers for its inputs. */
async function run(
  graph: OnnxGraph,
  values: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, Float32Array>> {
  const session = await ort.InferenceSession.create(graph.toBytes(), { logSeverityLevel: 3 });
  const feeds = Object.fromEntries(
    Array.from(graph.inputs, ([name, shape]) => [name, new ort.Tensor("float32", values[name]!, shape)]),
  );
  const outputs = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
}

function inputsOf({ decoder }: SampleShape, z: Float32Array, fixed: FixedValues) {
  return {
    [LATENTS]: z,
    ...Object.fromEntries(fixed.map((values, i) => [fixedName(i), values])),
    ...Object.fromEntries(
      parametersOf(decoder).map(({ operation, tensor, offset, size }) => [
        parameterName(operation, tensor),
        decoder.parameters.slice(offset, offset + size),
      ]),
    ),
  };
}

/** D(z) of all rows. */
export async function decodeOnCpu(
  decoder: Decoder,
  z: Float32Array,
  fixed: FixedValues = [],
  toLogits = false,
): Promise<Float32Array> {
  const shape = sampleShape(decoder, fixed, z.length / decoder.latentSize);
  const outputs = await run(decodeGraph(shape, toLogits), inputsOf(shape, z, fixed));
  return outputs[OUTPUTS]!;
}

/** The losses of all rows, and their gradients. */
export async function evaluateOnCpu(
  decoder: Decoder,
  loss: StandardLoss,
  z: Float32Array,
  y: Float32Array,
  fixed: FixedValues = [],
): Promise<{ readonly losses: Float32Array; readonly gradients: Float32Array }> {
  const shape = sampleShape(decoder, fixed, z.length / decoder.latentSize);
  const graph = objectiveGraph({ ...shape, loss, weighted: false });
  const outputs = await run(graph, { ...inputsOf(shape, z, fixed), [TARGETS]: y });
  return { losses: outputs[LOSSES]!, gradients: outputs[GRADIENTS]! };
}

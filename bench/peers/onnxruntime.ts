import * as ort from "onnxruntime-web/wasm";
import {
  dataInputs,
  GRADIENTS,
  LATENTS,
  LOSSES,
  objective,
  parameterName,
  TARGETS,
} from "../../src/backend/webgpu/graphs.ts";
import { OnnxGraph, type Tensor } from "../../src/backend/webgpu/onnx.ts";
import { parametersOf } from "../../src/graph/graph.ts";
import { binaryCrossEntropy, type Decoder } from "../../src/index.ts";
import { tensorMessage } from "../../src/onnx-format/messages.ts";
import { ProtobufMessage } from "../../src/onnx-format/protobuf.ts";
import { type Peer, repeatTimed, type Task } from "./peer.ts";

/** onnxruntime-web runs graphs, and a line search is none: it has gradients only. */
export async function onnxruntimePeer({ decoder, y, z }: Task): Promise<Peer> {
  ort.env.wasm.numThreads = 1;
  const sessions: ort.InferenceSession[] = [];
  const { latentSize, outputSize } = decoder;
  return {
    name: "onnxruntime-web",
    about: `onnxruntime-web ${ort.env.versions.web}, WASM, one thread; the gradient written as an ONNX graph`,
    async gradient(rows) {
      const session = await ort.InferenceSession.create(gradientModel(decoder, rows), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      sessions.push(session);
      const targets = new ort.Tensor("float32", y.slice(0, rows * outputSize), [rows, outputSize]);
      const latents = z.slice(0, rows * latentSize);
      let gradients = new Float32Array();
      async function once(): Promise<void> {
        const feeds = {
          [TARGETS]: targets,
          [LATENTS]: new ort.Tensor("float32", latents, [rows, latentSize]),
        };
        const outputs = await session.run(feeds);
        gradients = outputs[GRADIENTS]!.data as Float32Array<ArrayBuffer>;
      }
      return {
        run: (repeats) => repeatTimed(repeats, once),
        async gradients() {
          await once();
          return gradients;
        },
      };
    },
    encode: undefined,
    dispose() {
      for (const session of sessions) void session.release();
    },
  };
}

/** The losses and their gradients, the parameters constants of the model: it packs them for its products once. */
function gradientModel(decoder: Decoder, rows: number): Uint8Array {
  const graph = new OnnxGraph();
  const shape = { decoder, loss: binaryCrossEntropy(), weighted: false, rows, fixed: [] };
  const tensors = parametersOf(decoder).map(({ operation, tensor, shape: dims, offset, size }) => ({
    name: parameterName(operation, tensor),
    dims,
    values: decoder.parameters.subarray(offset, offset + size),
  }));
  const parameters = new Map(tensors.map(({ name }) => [name, name as Tensor]));
  const data = dataInputs(graph, shape);
  const z = graph.input(LATENTS, [rows, decoder.latentSize]);
  const { value, gradient } = objective(graph, shape, parameters, data, z);
  graph.output(LOSSES, value, [rows, 1]);
  graph.output(GRADIENTS, gradient(), [rows, decoder.latentSize]);

  const initialisers = new ProtobufMessage();
  for (const { name, dims, values } of tensors) initialisers.message(5, tensorMessage(name, dims, values));
  // Two messages of the same type one after the other are one message with the fields of both.
  return Buffer.concat([graph.toBytes(), new ProtobufMessage().message(7, initialisers).toBytes()]);
}

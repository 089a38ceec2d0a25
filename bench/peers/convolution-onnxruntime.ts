import * as ort from "onnxruntime-web/wasm";
import { OnnxFile, type Operand, type Tensor } from "../../src/onnx/write/file.ts";
import type { Attributes } from "../../src/onnx-format/messages.ts";
import { type ConvolutionTask, channelsFirst } from "./convolution-task.ts";
import { type Peer, repeatTimed } from "./peer.ts";

/** onnxruntime-web derives no gradient: it is written as a graph. */
export async function onnxruntimeConvolutions(task: ConvolutionTask): Promise<Peer> {
  ort.env.wasm.numThreads = 1;
  const sessions: ort.InferenceSession[] = [];
  const { decoder, y, z } = task;
  const { latentSize: d, outputSize: n } = decoder;
  const [height, width, channels] = decoder.outputShape as [number, number, number];
  return {
    name: "onnxruntime-web",
    about: `onnxruntime-web ${ort.env.versions.web}, WASM, one thread; the gradient written as an ONNX graph`,
    async gradient(rows) {
      const session = await ort.InferenceSession.create(gradientFile(task, rows), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
      });
      sessions.push(session);
      const data = channelsFirst(y.slice(0, rows * n), height * width, channels);
      const targets = new ort.Tensor("float32", data, [rows, channels, height, width]);
      const latents = z.slice(0, rows * d);
      let gradients = new Float32Array();
      async function once(): Promise<void> {
        const feeds = { targets, z: new ort.Tensor("float32", latents, [rows, d]) };
        gradients = (await session.run(feeds)).gradient!.data as Float32Array<ArrayBuffer>;
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

/** Channels first throughout, and the dense layer's outputs in that order, so that nothing is transposed. */
function gradientFile(task: ConvolutionTask, rows: number): Uint8Array {
  const { between, decoder, dense, convolutions, start } = task;
  const { latentSize: d, outputSize: n } = decoder;
  const [height, width, channels] = start;
  const size = height * width * channels;
  const [outputHeight, outputWidth, outputChannels] = decoder.outputShape as [number, number, number];
  const file = new OnnxFile(["z", "targets", "gradient"]);
  const apply = (operator: string, inputs: readonly Operand[], attributes: Attributes = {}) =>
    file.apply("gradient", operator, inputs, attributes);

  const z = file.input("z", [rows, d]);
  const targets = file.input("targets", [rows, outputChannels, outputHeight, outputWidth]);
  const first = file.parameter(
    "0.weight",
    [size, d],
    channelsFirst(dense.weight, height * width, channels, d),
  );
  const firstBias = file.parameter("0.bias", [size], channelsFirst(dense.bias, height * width, channels));
  const weights = convolutions.map(({ weight, shape, kernel }, i) => {
    const inputs = weight.length / (shape.at(-1)! * kernel[0]! * kernel[1]!);
    return file.parameter(`${i + 1}.weight`, [inputs, shape.at(-1)!, ...kernel], weight);
  });
  const biases = convolutions.map(({ bias }, i) => file.parameter(`${i + 1}.bias`, [bias.length], bias));
  const settings = convolutions.map(({ kernel, stride, padding }) => ({
    kernel_shape: { integers: kernel },
    strides: { integers: stride },
    pads: { integers: padding },
  }));
  const activated = (x: Tensor) => apply(between === "elu" ? "Elu" : "Relu", [x]);
  /** The gradient times the slope, which shows in the function's value. */
  const passed = (gradient: Tensor, value: Tensor) =>
    between === "elu"
      ? apply("Mul", [gradient, apply("Add", [apply("Min", [value, 0]), 1])])
      : apply("Where", [apply("Greater", [value, 0]), gradient, 0]);

  const flat = apply("Gemm", [z, first, firstBias], { transB: { integer: 1 } });
  const shape = file.integers([rows, channels, height, width]);
  const values = [activated(apply("Reshape", [flat, shape]))];
  let output = values[0]!;
  weights.forEach((weight, i) => {
    const next = apply("ConvTranspose", [values.at(-1)!, weight, biases[i]!], settings[i]!);
    if (i + 1 < weights.length) values.push(activated(next));
    else output = apply("Sigmoid", [next]);
  });
  const slope = apply("Mul", [output, apply("Sub", [1, output])]);
  let gradient = apply("Mul", [apply("Mul", [apply("Sub", [output, targets]), 2 / n]), slope]);
  for (let i = weights.length - 1; i >= 0; i--) {
    gradient = passed(apply("Conv", [gradient, weights[i]!], settings[i]!), values[i]!);
  }
  const last = apply("Gemm", [apply("Reshape", [gradient, file.integers([rows, size])]), first]);
  return file.toMessage("gradient", last, [rows, d], []).toBytes();
}

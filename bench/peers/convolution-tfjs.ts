import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import type { ConvolutionTask } from "./convolution-task.ts";
import { type Peer, repeatTimed } from "./peer.ts";
import { type Evaluated, encodeByAmd } from "./tfjs-amd.ts";

type Shape = [rows: number, height: number, width: number, channels: number];

/** TensorFlow.js twice: with the gradient that tf.grad derives, and with one by hand. Channels last, as is its wont. */
export async function tfjsConvolutions(task: ConvolutionTask): Promise<Peer[]> {
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const { between, decoder, dense, convolutions, start, y, z } = task;
  const { latentSize: d, outputSize: n } = decoder;
  const [height, width, channels] = start;
  const first = tf.tensor2d(dense.weight.slice(), [height * width * channels, d]);
  const firstTransposed = tf.tidy(() => tf.transpose(first));
  const firstBias = tf.tensor1d(dense.bias.slice());
  // PyTorch's [inputs, outputs, height, width] becomes [height, width, outputs, inputs].
  const filters = convolutions.map(({ weight, shape, kernel }) => {
    const [rows, columns] = kernel as [number, number];
    const outputs = shape.at(-1)!;
    const inputs = weight.length / (outputs * rows * columns);
    return tf.tidy(() =>
      tf.transpose(tf.tensor4d(weight.slice(), [inputs, outputs, rows, columns]), [2, 3, 1, 0]),
    );
  });
  const biases = convolutions.map(({ bias }) => tf.tensor1d(bias.slice()));
  // Of a kernel of 4 and a stride of 2, "same" is a padding of 1.
  const stride = 2;
  const activate = (x: tf.Tensor4D) => (between === "elu" ? tf.elu(x) : tf.relu(x));

  function layer(x: tf.Tensor4D, i: number): tf.Tensor4D {
    const [rows, columns, outputs] = convolutions[i]!.shape as [number, number, number];
    const shape: [number, number, number, number] = [x.shape[0], rows, columns, outputs];
    return tf.add(tf.conv2dTranspose(x, filters[i]!, shape, stride, "same"), biases[i]!);
  }

  /** The values after each function, the output last. */
  function forward(latents: tf.Tensor2D): tf.Tensor4D[] {
    const flat = tf.add(tf.matMul(latents, firstTransposed), firstBias);
    const values = [activate(tf.reshape(flat, [latents.shape[0], height, width, channels]))];
    convolutions.forEach((_, i) => {
      const next = layer(values.at(-1)!, i);
      values.push(i + 1 < convolutions.length ? activate(next) : tf.sigmoid(next));
    });
    return values;
  }

  type Evaluate = (latents: tf.Tensor2D, targets: tf.Tensor4D) => Evaluated;

  /** The mean of each row's squares: [rows, 1]. */
  const lossesOf = (output: tf.Tensor4D, targets: tf.Tensor4D): tf.Tensor2D =>
    tf.reshape(tf.mean(tf.squaredDifference(output, targets), [1, 2, 3]), [-1, 1]);

  const derived: Evaluate = (latents, targets) => {
    const losses = (z0: tf.Tensor) => lossesOf(forward(z0 as tf.Tensor2D).at(-1)!, targets);
    const { value, grad } = tf.valueAndGrad(losses)(latents, tf.ones([targets.shape[0], 1]));
    return { loss: value, slope: grad };
  };

  const byHand: Evaluate = (latents, targets) => {
    const values = forward(latents);
    const output = values.at(-1)!;
    const slope = tf.mul(output, tf.sub(1, output));
    let gradient: tf.Tensor4D = tf.mul(tf.mul(tf.sub(output, targets), 2 / n), slope);
    for (let i = convolutions.length - 1; i >= 0; i--) {
      const value = values[i]!;
      // The slope of ELU, from its output: 1 above 0, output + 1 below.
      const of: tf.Tensor = between === "elu" ? tf.add(tf.minimum(value, 0), 1) : tf.step(value);
      gradient = tf.mul(tf.conv2d(gradient, filters[i]!, stride, "same"), of);
    }
    const rows: tf.Tensor2D = tf.reshape(gradient, [latents.shape[0], height * width * channels]);
    return { loss: lossesOf(output, targets), slope: tf.matMul(rows, first) };
  };

  const targetsOf = (from: number, rows: number) =>
    tf.tensor4d(y.slice(from * n, (from + rows) * n), [rows, ...decoder.outputShape] as Shape);

  const gradientOf = (evaluate: Evaluate) => async (rows: number) => {
    const targets = targetsOf(0, rows);
    const latents = z.slice(0, rows * d);
    let gradients = new Float32Array();
    function once(): void {
      const result = tf.tidy(() => evaluate(tf.tensor2d(latents, [rows, d]), targets));
      gradients = result.slope.dataSync() as Float32Array<ArrayBuffer>;
      tf.dispose([result.loss, result.slope]);
    }
    return {
      run: (repeats: number) => repeatTimed(repeats, once),
      async gradients() {
        once();
        return gradients;
      },
    };
  };
  const about = `TensorFlow.js ${version_wasm}, WASM with SIMD, one thread`;
  const peer = (name: string, how: string, evaluate: Evaluate): Peer => ({
    name,
    about: `${about}; ${how}, AMD eager`,
    gradient: gradientOf(evaluate),
    encode: (from, rows, wanted) => encodeByAmd(evaluate, [rows, d], () => targetsOf(from, rows), wanted),
    dispose() {},
  });
  return [
    peer("tfjs, tf.grad", "the gradient that tf.grad derives", derived),
    {
      ...peer("tfjs, by hand", "the gradient by hand", byHand),
      dispose: () => tf.dispose([first, firstTransposed, firstBias, ...filters, ...biases]),
    },
  ];
}

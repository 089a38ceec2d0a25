import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { layersOf } from "../../src/graph/layers.ts";
import { type Peer, repeatTimed, type Task } from "./peer.ts";
import { type Evaluated, encodeByAmd } from "./tfjs-amd.ts";

export const BY_HAND = "tfjs, by hand";

/**
 * TensorFlow.js twice: with the gradient that tf.grad derives, as one would write it first; and with one by hand, its
 * layers fused and no product transposed, which is several times as fast and is what its AMD uses.
 */
export async function tfjsPeers({ decoder, y, z }: Task): Promise<Peer[]> {
  setThreadsCount(1);
  await tf.setBackend("wasm");
  await tf.ready();
  const { latentSize, outputSize } = decoder;
  const layers = layersOf(decoder);
  const weights = layers.map((layer) =>
    tf.tensor2d(layer.weight.slice(), [layer.outputSize, layer.inputSize]),
  );
  // Transposed beforehand: a fused product that transposes adds its bias wrongly in 4.22, and is slower.
  const transposed = weights.map((weight) => tf.tidy(() => tf.transpose(weight)));
  const biases = layers.map((layer) => tf.tensor1d(layer.bias.slice()));
  const last = weights.length - 1;

  /** The losses [rows, 1] of these logits. */
  function lossesOf(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor2D {
    const tail = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
    return tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), tail), 1, true);
  }

  type Evaluate = (latents: tf.Tensor2D, targets: tf.Tensor2D) => Evaluated;

  const derived: Evaluate = (latents, targets) => {
    const losses = (z0: tf.Tensor) => {
      let rows = z0 as tf.Tensor2D;
      for (const [i, kernel] of transposed.entries()) {
        rows = tf.add(tf.matMul(rows, kernel), biases[i]!);
        if (i < last) rows = tf.elu(rows);
      }
      return lossesOf(rows, targets);
    };
    const { value, grad } = tf.valueAndGrad(losses)(latents, tf.ones([targets.shape[0], 1]));
    return { loss: value, slope: grad };
  };

  const byHand: Evaluate = (latents, targets) => {
    const outputs: tf.Tensor2D[] = [];
    let rows = latents;
    for (const [i, b] of transposed.entries()) {
      const activation = i < last ? "elu" : "linear";
      rows = tf.fused.matMul({ a: rows, b, bias: biases[i]!, activation }) as tf.Tensor2D;
      outputs.push(rows);
    }
    let slope: tf.Tensor = tf.mul(tf.sub(tf.sigmoid(outputs[last]!), targets), 1 / outputSize);
    for (let i = last; i >= 0; i--) {
      slope = tf.matMul(slope, weights[i]!);
      // The slope of ELU, from its output: 1 above 0, output + 1 below.
      if (i > 0) slope = tf.mul(slope, tf.add(tf.minimum(outputs[i - 1]!, 0), 1));
    }
    return { loss: lossesOf(rows, targets), slope };
  };

  const targetsOf = (first: number, count: number) =>
    tf.tensor2d(y.slice(first * outputSize, (first + count) * outputSize), [count, outputSize]);

  const gradientOf = (evaluate: Evaluate) => async (rows: number) => {
    const targets = targetsOf(0, rows);
    const latents = z.slice(0, rows * latentSize);
    let gradients = new Float32Array();
    function once(): void {
      const result = tf.tidy(() => evaluate(tf.tensor2d(latents, [rows, latentSize]), targets));
      gradients = result.slope.dataSync() as Float32Array<ArrayBuffer>;
      tf.dispose(result);
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
    encode: (first, count, wanted) =>
      encodeByAmd(evaluate, [count, latentSize], () => targetsOf(first, count), wanted),
    dispose() {},
  });
  return [
    peer("tfjs, tf.grad", "the gradient that tf.grad derives", derived),
    {
      ...peer(BY_HAND, "the gradient by hand, layers fused, no product transposed", byHand),
      dispose: () => tf.dispose([...weights, ...transposed, ...biases]),
    },
  ];
}

// node --import tsx experiments/esrgan/tfjs.ts MODEL.JSON HEIGHT WIDTH: what TensorFlow.js makes of pictures. Reads
// float32 numbers from standard input, pictures [HEIGHT, WIDTH, 3] one after the other, and writes the model's outputs to
// standard output. A program of its own, since TensorFlow.js is there only once this folder's package is installed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";

const [path, height, width] = process.argv.slice(2);
const shape = [Number(height), Number(width), 3] as const;
await tf.setBackend("cpu");
await tf.ready();

const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path!, "utf8"));
const files = weightsManifest.flatMap(({ paths }: { paths: string[] }) => paths);
const bytes = Buffer.concat(files.map((name: string) => readFileSync(join(dirname(path!), name))));
const model = await tf.loadLayersModel(
  tf.io.fromMemory({
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }: { weights: tf.io.WeightsManifestEntry[] }) => weights),
    weightData: Uint8Array.from(bytes).buffer,
  }),
);

const input = Uint8Array.from(readFileSync(0));
const pictures = tf.tensor(new Float32Array(input.buffer), [
  input.length / 4 / (shape[0] * shape[1] * 3),
  ...shape,
]);
const output = (model.predict(pictures) as tf.Tensor).dataSync();
process.stdout.write(new Uint8Array(output.buffer, output.byteOffset, output.byteLength));

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { folder, install } from "./install.ts";

/** What is used of TensorFlow.js, whose own types are there only once this folder's package is installed. */
interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface Core {
  setBackend(name: "cpu"): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  readonly io: { fromMemory(artifacts: object): object };
}
interface Layers {
  loadLayersModel(from: object): Promise<{ predict(pictures: Tensor): Tensor; dispose(): void }>;
}

/**
 * Runs a model by TensorFlow.js on the CPU.
 *
 * @param path of a model.json
 * @param pictures [height, width, 3] each, as the model takes them, one after the other
 * @returns the model's outputs one after the other
 */
export async function runTfjs(
  path: string,
  height: number,
  width: number,
  pictures: Float32Array,
): Promise<Float32Array> {
  install();
  const load = createRequire(`${folder}package.json`);
  const core: Core = load("@tensorflow/tfjs-core");
  load("@tensorflow/tfjs-backend-cpu");
  const { loadLayersModel }: Layers = load("@tensorflow/tfjs-layers");
  await core.setBackend("cpu");

  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path, "utf8")) as {
    readonly modelTopology: object;
    readonly weightsManifest: readonly { readonly paths: string[]; readonly weights: object[] }[];
  };
  const files = weightsManifest.flatMap(({ paths }) => paths);
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(dirname(path), name))));
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  const weightData = Uint8Array.from(bytes).buffer;
  const model = await loadLayersModel(core.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  const count = pictures.length / (height * width * 3);
  const input = core.tensor(pictures, [count, height, width, 3]);
  const output = model.predict(input);
  const values = output.dataSync();
  for (const each of [input, output, model]) each.dispose();
  return values;
}

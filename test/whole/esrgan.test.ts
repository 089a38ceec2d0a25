// run: first
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convert } from "../../experiments/esrgan/convert.ts";
import { decoderOf, esrganDecoder, modelFile, RANGE, SCALES } from "../../experiments/esrgan/decoder.ts";
import { fillHalf } from "../../experiments/esrgan/fill.ts";
import { install, modelPackage } from "../../experiments/esrgan/install.ts";
import { readLayersModel } from "../../experiments/esrgan/layers-model.ts";
import { knownHalf, middle, psnr, readPicture } from "../../experiments/esrgan/picture.ts";
import { averageBlocks, fillByMeans, fillByMembrane } from "../../experiments/esrgan/plain-fills.ts";
import { runTfjs } from "../../experiments/esrgan/run-tfjs.ts";
import { createRandom } from "../../src/base/random.ts";
import { type Decoder, decode, wasm } from "../../src/index.ts";

// A model that nobody here made, as TensorFlow.js computes it and as latentflow does.

const folder = mkdtempSync(join(tmpdir(), "latentflow-esrgan-"));
test.after(() => rmSync(folder, { recursive: true }));
test.before(install);

/** Of outputs from 0 to 1. Two float32 computations are off by some 1e-6. */
const TOLERANCE = 1e-4;

const flower = () => readPicture(`${modelPackage}assets/fixture.png`);

function uniform(length: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => random.uniform());
}

/** Holds a decoder's outputs, which have to differ among themselves, to a model's of the same pictures. */
async function compare(decoder: Decoder, path: string, z: Float32Array, range: number): Promise<void> {
  const [height, width] = decoder.latentShape as [number, number, number];
  const ours = await decode(decoder, z, { backend: wasm({ threads: 1 }) });
  const theirs = await runTfjs(
    path,
    height,
    width,
    z.map((value) => value * range),
  );
  assert.is(ours.length, theirs.length);
  const off = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]! / range)), 0);
  assert.ok(off < TOLERANCE, `off by ${off}`);
  assert.ok(Math.max(...ours) - Math.min(...ours) > 0.5, "outputs that hardly differ prove nothing");
  decoder.dispose();
}

for (const scale of SCALES) {
  test(`${scale} times: decode is TensorFlow.js's on random pictures`, async () => {
    const decoder = esrganDecoder(scale, 12, 10);
    await compare(decoder, modelFile(scale), uniform(2 * decoder.latentSize, scale), RANGE);
  });
}

test("decode is TensorFlow.js's on a photograph", async () => {
  const { values } = middle(flower(), 32, 24);
  await compare(esrganDecoder(2, 32, 24), modelFile(2), values, RANGE);
});

/** A layers file of these layers, each after what it reads, with random weights in two files. */
function writeModel(
  name: string,
  layers: readonly (readonly [className: string, name: string, reads: readonly string[], config: object])[],
  shapes: Readonly<Record<string, readonly number[]>>,
): string {
  const input = { batch_input_shape: [null, null, null, 3], dtype: "float32", name: "input" };
  const entries = layers.map(([class_name, layer, reads, config]) => ({
    class_name,
    name: layer,
    config: { name: layer, ...config },
    inbound_nodes: [reads.map((from) => [from, 0, 0, {}])],
  }));
  const weightsManifest = Object.entries(shapes).map(([weight, shape], i) => {
    const values = uniform(
      shape.reduce((product, length) => product * length, 1),
      i,
    ).map((value) => value - 0.5);
    writeFileSync(join(folder, `${name}-${i}.bin`), new Uint8Array(values.buffer));
    return { paths: [`${name}-${i}.bin`], weights: [{ name: weight, shape, dtype: "float32" }] };
  });
  const config = {
    name,
    layers: [{ class_name: "InputLayer", name: "input", config: input, inbound_nodes: [] }, ...entries],
    input_layers: [["input", 0, 0]],
    output_layers: [[layers.at(-1)![1], 0, 0]],
  };
  const model_config = { class_name: "Functional", config };
  const path = join(folder, `${name}.json`);
  writeFileSync(
    path,
    JSON.stringify({ format: "layers-model", modelTopology: { model_config }, weightsManifest }),
  );
  return path;
}

const channelsLast = { data_format: "channels_last" };

const convolution = (filters: number, kernel_size: readonly number[], others: object = {}) => ({
  filters,
  kernel_size,
  strides: [1, 1],
  dilation_rate: [1, 1],
  padding: "same",
  groups: 1,
  ...channelsLast,
  activation: "linear",
  use_bias: true,
  ...others,
});

test("so it is of strides, dilations, both paddings, activations and sums that the model does without", async () => {
  const path = writeModel(
    "others",
    [
      ["Conv2D", "strided", ["input"], convolution(5, [4, 3], { strides: [2, 3], activation: "elu" })],
      ["Conv2D", "dilated", ["strided"], convolution(5, [3, 2], { dilation_rate: [2, 1], use_bias: false })],
      ["Activation", "tanh", ["strided"], { activation: "tanh" }],
      ["Add", "sum", ["strided", "dilated", "tanh"], {}],
      ["Concatenate", "beside", ["sum", "strided"], { axis: -1 }],
      ["Conv2D", "inner", ["beside"], convolution(4, [2, 3], { padding: "valid", activation: "swish" })],
      ["UpSampling2D", "larger", ["inner"], { size: [3, 2], ...channelsLast, interpolation: "nearest" }],
      ["Activation", "softplus", ["larger"], { activation: "softplus" }],
      ["Conv2D", "output", ["softplus"], convolution(2, [1, 1])],
    ],
    {
      "strided/kernel": [4, 3, 3, 5],
      "strided/bias": [5],
      "dilated/kernel": [3, 2, 5, 5],
      "inner/kernel": [2, 3, 10, 4],
      "inner/bias": [4],
      "output/kernel": [1, 1, 4, 2],
      "output/bias": [2],
    },
  );
  const model = readLayersModel(path);
  for (const [height, width] of [
    [13, 17],
    [16, 15],
  ] as const) {
    const decoder = decoderOf(convert(model, height, width));
    await compare(decoder, path, uniform(2 * decoder.latentSize, 1), 1);
  }
});

test("what has no counterpart, or does not fit, is refused by its name", () => {
  const refuses = (path: string, message: RegExp) =>
    assert.throws(() => convert(readLayersModel(path), 8, 8), message);
  refuses(
    writeModel("beta", [["MultiplyBeta", "times", ["input"], {}]], {}),
    /"times" is a layer of the class MultiplyBeta; those converted are Conv2D, /,
  );
  refuses(
    writeModel("selu", [["Activation", "selu", ["input"], { activation: "selu" }]], {}),
    /"selu": activation is "selu", expected linear or relu/,
  );
  refuses(
    writeModel("shape", [["Conv2D", "conv", ["input"], convolution(2, [3, 3])]], {
      "conv/kernel": [3, 3, 2, 3],
      "conv/bias": [2],
    }),
    /"conv\/kernel" has the shape \[3,3,2,3\], expected \[3,3,3,2\]/,
  );
  const short = writeModel("short", [["Conv2D", "conv", ["input"], convolution(2, [3, 3])]], {
    "conv/kernel": [3, 3, 3, 2],
    "conv/bias": [2],
  });
  writeFileSync(join(folder, "short-1.bin"), readFileSync(join(folder, "short-1.bin")).subarray(4));
  refuses(short, /the files end within the weight "conv\/bias"/);
});

test("half the pixels are known, and gaps are filled by what is around them", () => {
  const picture = middle(flower(), 32, 24);
  const known = knownHalf(32 * 24, 1);
  assert.is(
    known.reduce((sum, value) => sum + value, 0),
    32 * 12,
  );
  assert.not.equal(known, knownHalf(32 * 24, 2));
  const values = picture.values.map((value, i) => (known[Math.floor(i / 3)] ? value : Number.NaN));
  const given = { ...picture, values };
  const membrane = fillByMembrane(given, known).values;
  known.forEach((isKnown, pixel) => {
    const [row, column] = [Math.floor(pixel / 24), pixel % 24];
    if (isKnown || row === 0 || row === 31 || column === 0 || column === 23) return;
    const around = [pixel - 24, pixel + 24, pixel - 1, pixel + 1].map((other) => membrane[3 * other]!);
    const mean = around.reduce((sum, value) => sum + value, 0) / 4;
    assert.ok(Math.abs(membrane[3 * pixel]! - mean) < 1e-5);
  });
  const grey = { ...picture, values: values.map((value) => (Number.isNaN(value) ? value : 0.25)) };
  for (const filled of [
    fillByMeans(grey, known),
    fillByMembrane(grey, known),
    averageBlocks(grey, known, 2),
  ]) {
    assert.ok(filled.values.every((value) => Math.abs(value - 0.25) < 1e-6));
  }
  const all = new Uint8Array(32 * 24).fill(1);
  const off = { ...picture, values: new Float32Array(picture.values.length).fill(0.5) };
  assert.ok(Math.abs(psnr(off, new Float32Array(picture.values.length).fill(0.6), all) - 20) < 1e-4);
});

test("the small picture is sought by the known pixels alone, and what it makes fits them better", async () => {
  const picture = middle(flower(), 32, 32);
  const options = { seed: 3, maxSteps: 12 };
  const { way, values, known } = await fillHalf(picture, 4, options);
  const [first, last] = [way[0]!, way.at(-1)!];
  assert.ok(last.loss! < 0.9 * first.loss!, `${first.loss} to ${last.loss}`);
  assert.ok(last.psnrKnown! > first.psnrKnown!);
  // At z0 the decoder's output is already the picture, roughly.
  assert.ok(first.psnrMissing > 15);
  values.forEach((value, i) => {
    if (known[Math.floor(i / 3)]) assert.is(value, picture.values[i]);
  });
  const others = picture.values.map((value, i) => (known[Math.floor(i / 3)] ? value : 1 - value));
  assert.equal((await fillHalf({ ...picture, values: others }, 4, options)).values, values);
});

test.run();

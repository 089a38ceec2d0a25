import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { closeWorkers, encode, loadDecoder, wasm } from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { kMeans } from "../../src/terms/k-means.ts";
import { bankOf, samplesForBank } from "../../src/train/bank.ts";
import { createDataset, encodeWith, train, trainAutoencoder } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { resumeFrom, runSmall, smallData, smallDecoder, smallOptions } from "../support/small-run.ts";
import { workerUrl } from "../support/threads.ts";

// Codes for several starts that a trained decoder carries.

test.after(() => closeWorkers());

const backend = wasm({ relaxed: false, threads: 1 });
const d = smallDecoder.latentSize;
const settings = { batchSize: 5, epochs: 2, seed: 3, backend } as const;

test("a trained decoder has the means of clusters of its codes of the data, and files have them", async () => {
  const { decoder } = await train(smallDecoder, smallData, settings);
  const { z } = await encode(decoder, smallData, { backend });
  assert.equal(decoder.starts, kMeans(z, d, 16, createRandom(3, 7)));
  assert.is(decoder.starts!.length, 16 * d);
  assert.equal((await loadDecoder(decoder.toSafetensors())).starts, decoder.starts);
  assert.equal((await loadOnnx(await toOnnx(decoder))).starts, decoder.starts);
  const { starts } = await encode(decoder, smallData, { starts: {}, backend });
  assert.is(starts!.count, 8);
  const other = await train(smallDecoder, smallData, { ...settings, seed: 4 });
  assert.not.equal(other.decoder.starts, decoder.starts);
  assert.is(smallDecoder.starts, undefined);
});

test("missing values, weights and stored codes are as in training", async () => {
  const y = smallData.toFloat32().map((value, i) => (i % 5 === 1 ? Number.NaN : value));
  const weights = randomArray(3, smallData.size, 0.5, 1);
  const { decoder } = await train(smallDecoder, y, { ...settings, weights });
  const { z } = await encode(decoder, y, { weights, backend });
  assert.equal(decoder.starts, kMeans(z, d, 16, createRandom(3, 7)));
  for (const more of [{ codes: "kept" }, { warmStart: true }] as const) {
    const run = await train(smallDecoder, smallData, { ...settings, ...more });
    assert.equal(run.decoder.starts, kMeans(run.codes!, d, 16, createRandom(3, 7)));
  }
});

test("an autoencoder's decoder has the means of clusters of the encoder's codes", async () => {
  const { decoder, encoder } = await trainAutoencoder(smallDecoder, smallData, settings);
  const codes = await encodeWith(encoder, smallData.toFloat32(), { backend });
  assert.equal(decoder.starts, kMeans(codes, d, 16, createRandom(3, 7)));
  assert.is(encoder.starts, undefined);
});

test("a run that goes on from a checkpoint, and one on threads, give the same", async () => {
  const checkpoints: Uint8Array[] = [];
  const whole = await runSmall({
    backend,
    checkpoint: { save: (bytes) => void checkpoints.push(bytes), everySeconds: 0 },
  });
  assert.ok(whole.decoder.starts);
  const resumed = await runSmall({ backend, ...resumeFrom(checkpoints[3]!) });
  assert.ok(resumed.resumedFrom);
  assert.equal(resumed.decoder.starts, whole.decoder.starts);
  const threads = wasm({ relaxed: false, threads: 2, worker: workerUrl });
  assert.equal((await runSmall({ backend: threads })).decoder.starts, whole.decoder.starts);
  assert.ok(smallOptions);
});

test("a bank is bounded: samples evenly spaced, values of a decoder's file", () => {
  assert.equal([...samplesForBank({ count: 5, size: 3 })], [0, 1, 2, 3, 4]);
  const many = samplesForBank({ count: 60_000, size: 784 });
  assert.equal([many.length, many[0], many[1], many.at(-1)], [1024, 0, 58, 59_941]);
  assert.is(samplesForBank({ count: 60_000, size: 2 ** 19 }).length, 32);
  assert.is(samplesForBank({ count: 60_000, size: 2 ** 26 }).length, 16);
  for (const [latentSize, count] of [
    [1, 16],
    [1024, 16],
    [2000, 8],
    [16_384, 1],
  ] as const) {
    assert.is(bankOf(randomArray(1, 20 * latentSize), latentSize, 0)!.length / latentSize, count);
  }
  assert.is(bankOf(randomArray(1, 2 * 16_385), 16_385, 0), undefined);
  assert.is(bankOf(new Float32Array(6).fill(Number.NaN), 2, 0), undefined);
});

test("samples whose flows fail are left out, and a data set of one sample has one code", async () => {
  const one = createDataset(smallData.toFloat32().slice(0, smallData.size), { shape: [smallData.size] });
  const { decoder } = await train(smallDecoder, one, { ...settings, epochs: 1 });
  assert.is(decoder.starts!.length, d);
});

test.run();

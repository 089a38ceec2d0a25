// run: slow
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset } from "../../src/api/dataset.ts";
import { adam, sgd } from "../../src/backend/optimizer.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { binaryCrossEntropy, createDecoder, decode, squaredError } from "../../src/index.ts";
import { shift } from "../../src/train/augment.ts";
import { trainAutoencoder } from "../../src/train/autoencoder.ts";
import { encodeWith } from "../../src/train/encode-with.ts";
import { hidePixels } from "../../src/train/mask.ts";
import type { TrainAutoencoderOptions } from "../../src/train/options.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { createSampler } from "../../src/train/sampler.ts";
import { linear } from "../../src/train/schedule.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { objectiveOf } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

const decoder = createDecoder({ layers: [3, 5, 9], seed: 1, loss: "bce", outputShape: [3, 3] });
const data = createDataset(randomArray(1, 17 * 9, 0.1, 1), { shape: [3, 3] });

test("each sample has a share of its own, uniform between the two, and hidden pixels are 0", () => {
  const pixels = 400;
  const samples = new Float32Array(2000 * pixels).fill(1);
  hidePixels(samples, [20, 20], { hidden: [0.2, 0.7] }, 3, 55);
  const shares = Array.from({ length: 2000 }, (_, sample) => {
    const own = samples.subarray(sample * pixels, (sample + 1) * pixels);
    return own.filter((value) => value === 0).length / pixels;
  });
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
  // A uniform share has the mean (0.2 + 0.7) / 2 and the variance 0.5² / 12, its pixels add about 0.24 / 400: five
  // standard deviations of the means of 2000.
  assert.ok(Math.abs(mean - 0.45) < 0.017, `${mean}`);
  assert.ok(Math.abs(variance - (0.25 / 12 + 0.0006)) < 0.0025, `${variance}`);
  // All pixels are as likely: 900 of 2000, give or take 22.
  for (let pixel = 0; pixel < pixels; pixel++) {
    let hidden = 0;
    for (let at = pixel; at < samples.length; at += pixels) if (samples[at] === 0) hidden++;
    assert.ok(Math.abs(hidden - 900) < 115, `pixel ${pixel}: ${hidden}`);
  }
});

test("the channels of a pixel are hidden together, wherever they lie", () => {
  for (const [shape, at] of [
    [[4, 5, 3], (pixel: number, channel: number) => 3 * pixel + channel],
    [[3, 4, 5], (pixel: number, channel: number) => 20 * channel + pixel],
  ] as const) {
    const sample = new Float32Array(60).fill(1);
    hidePixels(sample, shape, { hidden: [0.5, 0.5] }, 1, 0);
    let hidden = 0;
    for (let pixel = 0; pixel < 20; pixel++) {
      const [first, ...others] = [0, 1, 2].map((channel) => sample[at(pixel, channel)]);
      assert.equal(others, [first, first]);
      if (first === 0) hidden++;
    }
    assert.ok(hidden > 2 && hidden < 18, `${hidden}`);
  }
});

for (const { name, backend } of builds) {
  test(`${name}: the loss is of whole samples, reconstructed from what is seen, as in float64`, async () => {
    const options: TrainAutoencoderOptions = {
      backend,
      mask: { hidden: [0.3, 0.9] },
      // So short a step is lost in rounding.
      optimizer: sgd({ learningRate: 1e-30 }),
      epochs: 2,
      batchSize: 5,
      seed: 7,
    };
    const { encoder, history } = await trainAutoencoder(decoder, data, options);
    const sampler = createSampler({ count: 17, batchSize: 5, seed: 7 });
    const masks = new Set<string>();
    for (const { images, loss } of history) {
      const y = data.rows(sampler.next());
      const count = y.length / 9;
      const seen = y.slice();
      hidePixels(seen, [3, 3], { hidden: [0.3, 0.9] }, 7, images - count);
      masks.add(seen.subarray(0, 18).map(Math.sign).join());
      let sum = 0;
      for (let at = 0; at < y.length; at += 9) {
        const input = seen.subarray(at, at + 9);
        const code = objectiveOf(encoder, squaredError(), input, new Float32Array(3)).output;
        sum += objectiveOf(decoder, binaryCrossEntropy(), code, y.subarray(at, at + 9)).value;
      }
      // Float32 through four layers.
      assert.ok(Math.abs(loss / (sum / count) - 1) < 1e-6, `${loss}, ${sum / count}`);
    }
    assert.is(history.length, 8);
    assert.is(masks.size, history.length, "each mini-batch has masks of its own");
  });
}

test("where all is hidden the encoder's first weights learn nothing, and its biases do", async () => {
  const run = (learningRate: number) =>
    trainAutoencoder(decoder, data, {
      mask: { hidden: [1, 1] },
      optimizer: sgd({ learningRate }),
      epochs: 2,
    });
  const [before, after] = [await run(1e-30), await run(0.1)];
  const [first, last] = [layersOf(before.encoder)[0]!, layersOf(after.encoder)[0]!];
  assert.equal(last.weight, first.weight);
  assert.not.equal(last.bias, first.bias);
});

test("with nothing hidden a run is the one without a mask, bit for bit, and any other is another", async () => {
  const options = { augment: shift({ pixels: 1 }), optimizer: adam(), epochs: 2, seed: 5 };
  const run = async (mask?: TrainAutoencoderOptions["mask"]) => {
    const {
      encoder,
      decoder: trained,
      history,
    } = await trainAutoencoder(decoder, data, { ...options, mask });
    return { encoder: encoder.parameters, decoder: trained.parameters, history };
  };
  const plain = await run();
  assert.equal(await run({ hidden: [0, 0] }), plain);
  const masked = await run({ hidden: [0, 0.5] });
  assert.not.equal(masked, plain);
  assert.equal(await run({ hidden: [0, 0.5] }), masked);
});

test("from every checkpoint on, the end is the same; with another mask it is another run", async () => {
  const options = { mask: { hidden: [0.1, 0.8] }, optimizer: adam(), epochs: 2, batchSize: 5 } as const;
  const checkpoints: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void checkpoints.push(bytes);
  const checkpoint = { save, everySeconds: 0 };
  const whole = await trainAutoencoder(decoder, data, { ...options, checkpoint });
  const resumeFrom = (i: number) => ({ checkpoint: { save() {}, resume: checkpoints[i]! } });
  for (const i of checkpoints.keys()) {
    const resumed = await trainAutoencoder(decoder, data, { ...options, ...resumeFrom(i) });
    assert.equal(resumed.encoder.parameters, whole.encoder.parameters);
    assert.equal(resumed.decoder.parameters, whole.decoder.parameters);
    assert.equal(resumed.history, whole.history);
  }
  await rejected(
    trainAutoencoder(decoder, data, { ...options, mask: { hidden: [0.1, 0.7] }, ...resumeFrom(3) }),
    "other_run",
    /another run: mask\.hidden\.1 is 0\.8 there and 0\.7 here/,
  );
});

test("of half-hidden digits an encoder that has seen such reconstructs more than another one", async () => {
  const file = readFileSync(new URL("../../demo/mnist-test-300.idx.gz", import.meta.url));
  const digits = await readDataset(Uint8Array.from(file));
  const start = createDecoder({ layers: [10, 64, 128, 784], outputShape: [28, 28], loss: "bce" });
  const whole = digits.slice(250, 300).toFloat32();
  const seen = whole.slice();
  hidePixels(seen, [28, 28], { hidden: [0.5, 0.5] }, 1, 0);
  const errorOf = async (mask?: TrainAutoencoderOptions["mask"]) => {
    const run = await trainAutoencoder(start, digits.slice(0, 250), {
      mask,
      optimizer: adam({ learningRate: 3e-3 }),
      schedule: linear(),
      gradientClip: 1,
      batchSize: 10,
      epochs: 20,
    });
    const output = await decode(run.decoder, await encodeWith(run.encoder, seen));
    return output.reduce((sum, value, i) => sum + (value - whole[i]!) ** 2, 0) / whole.length;
  };
  const [plain, masked] = [await errorOf(), await errorOf({ hidden: [0, 0.75] })];
  assert.ok(masked < 0.9 * plain, `${masked}, ${plain}`);
});

test("what is no mask is refused", async () => {
  const expected = "expected the smallest and the largest share from 0 to 1, [0, 0.75] say";
  const refusals: [unknown, string][] = [
    [0.5, "trainAutoencoder: mask is 0.5, expected { hidden: [smallest, largest] }"],
    [{ share: 1 }, 'trainAutoencoder: mask: unknown option "share"; the options are hidden'],
    [{}, `trainAutoencoder: mask: hidden is undefined, ${expected}`],
    [{ hidden: 0.5 }, `trainAutoencoder: mask: hidden is 0.5, ${expected}`],
    [{ hidden: [0.5] }, `trainAutoencoder: mask: hidden is [0.5], ${expected}`],
    [{ hidden: [0.5, 0.4] }, `trainAutoencoder: mask: hidden is [0.5, 0.4], ${expected}`],
    [{ hidden: [-0.1, 1] }, `trainAutoencoder: mask: hidden is [-0.1, 1], ${expected}`],
    [{ hidden: [0, 1.1] }, `trainAutoencoder: mask: hidden is [0, 1.1], ${expected}`],
    [{ hidden: [0, Number.NaN] }, `trainAutoencoder: mask: hidden is [0, NaN], ${expected}`],
    [{ hidden: [0, "1"] }, `trainAutoencoder: mask: hidden is [0, "1"], ${expected}`],
  ];
  for (const [mask, message] of refusals) {
    const run = trainAutoencoder(decoder, data, { mask } as never);
    await rejected(run, "invalid_argument", new RegExp(`^${message.replace(/[[\].]/g, "\\$&")}`));
  }
});

test.run();

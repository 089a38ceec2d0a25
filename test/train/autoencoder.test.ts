import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset } from "../../src/api/dataset.ts";
import { adam, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import { layersOf } from "../../src/graph/layers.ts";
import {
  type ActivationLike,
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  gaussian,
  type Loss,
  loadDecoder,
  squaredError,
} from "../../src/index.ts";
import { shift } from "../../src/train/augment.ts";
import { trainAutoencoder } from "../../src/train/autoencoder.ts";
import { encodeWith } from "../../src/train/encode-with.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { TrainAutoencoderOptions } from "../../src/train/options.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { linear } from "../../src/train/schedule.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { norm, objectiveOf, relativeDistance } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";
import { decoderOf } from "../support/safetensors-file.ts";

const decoder = createDecoder({
  layers: [3, 5, 17, 9],
  seed: 1,
  loss: binaryCrossEntropy(),
  outputShape: [3, 3],
});
const data = createDataset(randomArray(1, 23 * 9, 0, 1), { shape: [3, 3] });

/** The code of a sample in float64: what an encoder computes has no more to do with a loss than to be given one. */
function codeOf(encoder: Decoder, y: Float32Array): number[] {
  return objectiveOf(encoder, squaredError(), y, new Float32Array(encoder.outputSize)).output;
}

/** The summed loss of the reconstructions in float64. */
function reconstructionLoss(encoder: Decoder, ofDecoder: Decoder, loss: Loss, y: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < y.length; at += ofDecoder.outputSize) {
    const sample = y.subarray(at, at + ofDecoder.outputSize);
    sum += objectiveOf(ofDecoder, loss, codeOf(encoder, sample), sample).value;
  }
  return sum;
}

/** The networks as they are before any update. */
function untrained(from: Decoder, options: TrainAutoencoderOptions = {}) {
  // So short a step is lost in rounding.
  const optimizer = sgd({ learningRate: 1e-30 });
  return trainAutoencoder(from, data, { ...options, optimizer, epochs: 1 });
}

/** A copy with its parameters moved along a direction. */
function moved(network: Decoder, direction: Float32Array, by: number): Decoder {
  const copy = decoderOf(network.toSafetensors());
  direction.forEach((value, i) => {
    copy.parameters[i]! += by * value;
  });
  return copy;
}

const huber = customLoss({
  value: (output, target) => Math.hypot(1, output - target) - 1,
  gradient: (output, target) => (output - target) / Math.hypot(1, output - target),
});
const gradientCases: [string, ActivationLike, Loss][] = [
  ["cross entropy, elu", "elu", binaryCrossEntropy()],
  ["summed squared error, tanh", "tanh", squaredError({ reduction: "sum" })],
  ["a custom loss, silu", "silu", huber],
];

for (const { name, backend } of builds) {
  for (const [caseName, activation, loss] of gradientCases) {
    test(`${name}, ${caseName}: an update is the step along the gradient, by differences in float64`, async () => {
      const small = createDecoder({
        layers: [3, 5, 17, 9],
        seed: 3,
        activation,
        outputActivation: "sigmoid",
      });
      const y = data.rows([4, 11, 20]);
      const learningRate = 0.25;
      const options = { loss, backend, batchSize: 3 };
      const before = await untrained(small, options);
      const after = await trainAutoencoder(small, y, {
        ...options,
        epochs: 1,
        optimizer: sgd({ learningRate }),
      });
      assert.equal(before.decoder.parameters, small.parameters);
      for (const part of ["encoder", "decoder"] as const) {
        const gradient = after[part].parameters.map(
          (value, i) => (before[part].parameters[i]! - value) / learningRate,
        );
        // In a direction that touches every parameter, with signs that make their shares add up.
        const signs = randomArray(5, gradient.length, 0.5, 1).map(
          (size, i) => size * Math.sign(gradient[i]!),
        );
        const at = (by: number) => {
          const networks = { ...before, [part]: moved(before[part], signs, by) };
          return { loss: reconstructionLoss(networks.encoder, networks.decoder, loss, y), networks };
        };
        const [plus, minus] = [at(1e-3), at(-1e-3)];
        // The parameters are float32: by what they were really moved.
        const expected = gradient.reduce((sum, slope, i) => {
          return sum + slope * (plus.networks[part].parameters[i]! - minus.networks[part].parameters[i]!);
        }, 0);
        const error = Math.abs((plus.loss - minus.loss) / expected - 1);
        assert.ok(error < 1e-3, `${part}: ${error}`);
      }
    });
  }

  test(`${name}: the same seed gives the same networks, another one others; the decoder stays`, async () => {
    const before = decoder.parameters.slice();
    const options = {
      backend,
      epochs: 2,
      optimizer: adam({ learningRate: 1e-2 }),
      augment: shift({ pixels: 1 }),
    };
    const runs = [
      await trainAutoencoder(decoder, data, { ...options, seed: 5 }),
      await trainAutoencoder(decoder, data, { ...options, seed: 5 }),
      await trainAutoencoder(decoder, data, { ...options, seed: 6 }),
    ] as const;
    for (const part of ["encoder", "decoder"] as const) {
      assert.equal(runs[0][part].parameters, runs[1][part].parameters);
      assert.not.equal(runs[0][part].parameters, runs[2][part].parameters);
    }
    assert.equal(runs[0].history, runs[1].history);
    assert.equal(decoder.parameters, before);
  });

  test(`${name}: encodeWith gives the encoder's codes as float64 does, and evaluate their losses`, async () => {
    const { encoder } = await untrained(decoder);
    for (const count of [1, 3, 5, 17]) {
      const y = data.rows(Array.from({ length: count }, (_, i) => i));
      const codes = await encodeWith(encoder, y, { backend });
      const samples = Array.from({ length: count }, (_, i) => y.subarray(9 * i, 9 * (i + 1)));
      // Three layers in float32.
      assert.ok(
        relativeDistance(
          codes,
          samples.flatMap((sample) => codeOf(encoder, sample)),
        ) < 1e-6,
      );
      const report = await evaluate(decoder, y, { encoder, backend });
      const expected = samples.map((sample) =>
        reconstructionLoss(encoder, decoder, binaryCrossEntropy(), sample),
      );
      assert.ok(relativeDistance(report.loss, expected) < 1e-6);
      assert.is(report.nonfinite, 0);
      for (const name of ["status", "statuses", "stats", "initialLoss", "meanAcceptedSteps"])
        assert.not.ok(name in report, name);
    }
  });
}

test("the encoder is the reverse of the decoder, initialised as PyTorch does, and can be kept in a file", async () => {
  const activation = { name: "leakyRelu", slope: 0.2 } as const;
  const large = createDecoder({
    layers: [20, 150, 300, 784],
    activation,
    loss: binaryCrossEntropy(),
    seed: 4,
  });
  const y = randomArray(2, 784, 0, 1);
  const options = { optimizer: sgd({ learningRate: 1e-30 }), epochs: 1, seed: 4 };
  const { encoder, decoder: same } = await trainAutoencoder(large, y, options);
  assert.equal(
    layersOf(encoder).map(({ inputSize, outputSize }) => [inputSize, outputSize]),
    [
      [784, 300],
      [300, 150],
      [150, 20],
    ],
  );
  assert.equal(
    layersOf(encoder).map((layer) => layer.activation),
    [activation, activation, { name: "identity" }],
  );
  for (const { inputSize, weight, bias } of layersOf(encoder)) {
    const bound = 1 / Math.sqrt(inputSize);
    for (const values of [weight, bias]) {
      assert.ok(values.every((value) => Math.abs(value) <= bound));
      assert.ok(norm(values) / Math.sqrt(values.length) > 0.7 * (bound / Math.sqrt(3)));
    }
  }
  // The decoder has the same seed, and the encoder numbers of its own.
  const scaled = ({ weight, inputSize }: ReturnType<typeof layersOf>[number]) =>
    weight[0]! * Math.sqrt(inputSize);
  assert.ok(Math.abs(scaled(layersOf(encoder)[0]!) - scaled(layersOf(large)[0]!)) > 1e-3);
  assert.equal(same.parameters, large.parameters);
  assert.is(same.loss?.name, "binaryCrossEntropy");
  const loaded = await loadDecoder(encoder.toSafetensors());
  assert.equal(await encodeWith(loaded, y), await encodeWith(encoder, y));
});

test("on digits training lowers the loss, and AMD inverts the decoder better than the encoder does", async () => {
  const file = readFileSync(new URL("../../demo/mnist-test-300.idx.gz", import.meta.url));
  const digits = await readDataset(Uint8Array.from(file));
  const layers = [10, 64, 128, 784];
  const start = createDecoder({ layers, outputShape: [28, 28], loss: binaryCrossEntropy() });
  const [seen, unseen] = [digits.slice(0, 250), digits.slice(250, 300)];
  const run = await trainAutoencoder(start, seen, {
    optimizer: adam({ learningRate: 1e-3 }),
    schedule: linear(),
    gradientClip: 1,
    batchSize: 10,
    epochs: 4,
    validation: { data: unseen },
  });
  assert.is(run.history.at(-1)!.images, 1000);
  const losses = run.validation.map(({ loss }) => loss);
  assert.is(losses.length, 5);
  assert.ok(losses.at(-1)! < 0.6 * losses[0]!, `${losses}`);

  const { encoder } = run;
  const autoencoder = await evaluate(run.decoder, unseen, { encoder });
  // The validation's losses are float64, the report's float32.
  assert.ok(Math.abs(autoencoder.meanLoss / losses.at(-1)! - 1) < 1e-6);
  const mixed = await evaluate(run.decoder, unseen, { solver: amd({ stepMax: 1000, maxSteps: 100 }) });
  assert.ok(mixed.meanLoss < autoencoder.meanLoss, `${mixed.meanLoss}, ${autoencoder.meanLoss}`);
});

test("twelve passes by default; from a checkpoint it goes on to the same end", async () => {
  const kept: Uint8Array[] = [];
  const save = (bytes: Uint8Array) => void kept.push(bytes);
  const options = { optimizer: rmsprop(), gradientClip: 1 };
  const whole = await trainAutoencoder(decoder, data, { ...options, checkpoint: { save, everySeconds: 0 } });
  assert.is(whole.history.at(-1)!.images, 12 * 23);
  const resumed = await trainAutoencoder(decoder, data, {
    ...options,
    checkpoint: { save, resume: kept[7]! },
  });
  assert.is(resumed.resumedFrom?.images, 38);
  assert.equal(resumed.encoder.parameters, whole.encoder.parameters);
  assert.equal(resumed.decoder.parameters, whole.decoder.parameters);
  await rejected(
    trainAutoencoder(decoder, data, { ...options, seed: 1, checkpoint: { save, resume: kept[7]! } }),
    "other_run",
    /^trainAutoencoder: checkpoint.resume is a checkpoint of another run: .*seed/,
  );
});

test("an abort rejects with its reason", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  const signal = controller.signal;
  const onProgress = () => controller.abort(reason);
  const isReason = (error: unknown) => assert.is(error, reason);
  await trainAutoencoder(decoder, data, { signal, onProgress }).then(() => assert.unreachable(), isReason);
  const { encoder } = await untrained(decoder);
  await encodeWith(encoder, data.toFloat32(), { signal }).then(() => assert.unreachable(), isReason);
});

test("what cannot be used is refused", async () => {
  const refusals: [unknown, RegExp][] = [
    [{ solver: amd() }, /^trainAutoencoder: unknown option "solver"; the options are loss/],
    [{ warmStart: true }, /unknown option "warmStart"/],
    [{ learningRate: 1 }, /unknown option "learningRate"; give optimizer: adam\(\{ learningRate \}\)$/],
    [{ prior: gaussian() }, /unknown option "prior"; codes come from the encoder here.*; train has a prior$/],
    [{ epochs: 0 }, /^trainAutoencoder: epochs is 0/],
    [{ optimizer: "adam" }, /^trainAutoencoder: optimizer is "adam"/],
    [{ validation: {} }, /^trainAutoencoder: validation: data is undefined/],
    [
      { validation: { data: new Float32Array(9), weights: new Float32Array(9).fill(1) } },
      /^trainAutoencoder: validation has weights/,
    ],
  ];
  for (const [options, message] of refusals) {
    await rejected(trainAutoencoder(decoder, data, options as never), "invalid_argument", message);
  }
  const bad = data.toFloat32();
  bad[100] = 2;
  await rejected(
    trainAutoencoder(decoder, bad),
    "invalid_argument",
    /^trainAutoencoder: data is 2 at sample 11/,
  );
  bad[100] = Number.NaN;
  await rejected(
    trainAutoencoder(decoder, bad),
    "invalid_argument",
    // Of weights, which it does not take, nothing.
    /^trainAutoencoder: data is NaN at sample 11, element 1, expected finite numbers$/,
  );
  await rejected(trainAutoencoder({} as never, bad), "invalid_argument", /the decoder is an object/);

  const { encoder } = await untrained(decoder);
  const y = data.toFloat32();
  const size = /^encodeWith: y has 10 values, expected a multiple of 9 \(the encoder's input size\)/;
  await rejected(encodeWith(encoder, y.subarray(0, 10)), "invalid_argument", size);
  await rejected(encodeWith(encoder, Array.from(y) as never), "invalid_argument", /y is an Array/);
  y[3] = Number.NaN;
  await rejected(encodeWith(encoder, y), "invalid_argument", /y is NaN at sample 0, element 3/);
  await rejected(encodeWith(encoder, y, { solver: amd() } as never), "invalid_argument", /unknown option/);
  encoder.dispose();
  await rejected(encodeWith(encoder, y), "disposed", /^encodeWith/);
});

test.run();

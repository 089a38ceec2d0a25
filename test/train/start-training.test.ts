import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyDecoder } from "../../src/decoder/copy.ts";
import {
  amd,
  type Decoder,
  encode,
  type GradientFlow,
  lbfgs,
  loadDecoder,
  type Solver,
  wasm,
} from "../../src/index.ts";
import {
  evaluate,
  meanCode,
  sgd,
  type TrainOptions,
  train,
  trainAutoencoder,
} from "../../src/train/index.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";
import { resumeFrom, runSmall, smallData, smallDecoder, smallOptions } from "../support/small-run.ts";

// A decoder's own start in training: flows begin there, and an autoencoder's decoder gets its mean code.

const backend = wasm({ relaxed: false, threads: 1 });
const start = Float32Array.of(1.5, -0.7, 0.1);
const decoder = copyDecoder(smallDecoder, { start });
/** One mini-batch of all samples, in their order but for rounding sums. */
const WHOLE = { batchSize: smallData.count, epochs: 1, backend } as const;
const meanLossAt = async (of: Decoder, z0: Float32Array | undefined) => {
  const options = { solver: lbfgs({ maxSteps: 0 }), backend };
  return (await evaluate(of, smallData, { ...options, z0 })).meanLoss;
};

const within = (got: number, expected: number, error: number) =>
  assert.ok(Math.abs(got / expected - 1) < error, `${got}, not ${expected}`);

test("flows begin there, of each mini-batch and of the validation; the trained decoder keeps it", async () => {
  const solver = lbfgs({ maxSteps: 0 }) as Solver<GradientFlow<1>>;
  const settings = { ...WHOLE, solver, validation: { data: smallData } };
  const run = await train(decoder, smallData, settings);
  const expected = await meanLossAt(smallDecoder, start);
  // Sums of other orders.
  within(run.history[0]!.loss, expected, 1e-6);
  within(run.validation[0]!.loss, expected, 1e-6);
  const from0 = await train(smallDecoder, smallData, settings);
  within(from0.history[0]!.loss, await meanLossAt(smallDecoder, undefined), 1e-6);
  assert.ok(Math.abs(from0.history[0]!.loss - expected) > 1e-3);
  assert.equal([run.decoder.start, from0.decoder.start], [start, undefined]);
});

test("warm starts and codes that are kept begin there", async () => {
  const still = { ...WHOLE, solver: lbfgs({ maxSteps: 0 }), warmStart: true } as const;
  const { codes, decoder: trained } = await train(decoder, smallData, still);
  assert.equal(
    codes,
    Float32Array.from({ length: codes!.length }, (_, i) => start[i % 3]!),
  );
  assert.equal(trained.start, start);
  const kept = { ...WHOLE, codes: "kept", codeOptimizer: sgd({ learningRate: 1e-30 }) } as const;
  const run = await train(decoder, smallData, kept);
  assert.equal(run.codes, codes);
  within(run.history[0]!.loss, await meanLossAt(smallDecoder, start), 1e-6);
  assert.equal(run.decoder.start, start);
});

for (const { name, backend } of builds) {
  test(`${name}: another start is another training, and what came of it is encoded from there`, async () => {
    const options: TrainOptions = { ...smallOptions, backend, warmStart: false } as TrainOptions;
    const run = await train(decoder, smallData, options);
    const from0 = await train(smallDecoder, smallData, options);
    assert.not.equal(run.decoder.parameters, from0.decoder.parameters);
    const y = smallData.toFloat32();
    const { z } = await encode(run.decoder, y, { backend });
    assert.equal(z, (await encode(run.decoder, y, { backend, z0: start })).z);
  });
}

test("a run goes on from its checkpoint to the same end with its start, and not with another", async () => {
  const checkpoints: Uint8Array[] = [];
  const options = { ...smallOptions, backend } as TrainOptions;
  const whole = await train(decoder, smallData, {
    ...options,
    checkpoint: { save: (bytes) => void checkpoints.push(bytes), everySeconds: 0 },
  } as TrainOptions);
  const { checkpoint } = resumeFrom(checkpoints[4]!);
  const resumed = await train(decoder, smallData, { ...options, checkpoint } as TrainOptions);
  assert.ok(resumed.resumedFrom);
  assert.equal(resumed.decoder.parameters, whole.decoder.parameters);
  assert.equal(resumed.codes, whole.codes);
  assert.equal(resumed.decoder.start, start);
  const other = copyDecoder(smallDecoder, { start: Float32Array.of(1, 2, 3) });
  await rejected(
    train(other, smallData, { ...options, checkpoint } as TrainOptions),
    "other_run",
    /run: decoder\.start is "\w{8}" there and "\w{8}" here\. Give/,
  );
  await rejected(
    runSmall({ backend, checkpoint }),
    "other_run",
    /run: decoder\.start is "\w{8}" there and absent here\. Give/,
  );
});

test("an autoencoder's decoder starts at the mean code of its training data, also of a run that went on", async () => {
  const checkpoints: Uint8Array[] = [];
  const options = { epochs: 3, seed: 2, backend } as const;
  // Whatever start it had before.
  for (const untrained of [smallDecoder, decoder]) {
    const run = await trainAutoencoder(untrained, smallData, {
      ...options,
      checkpoint: { save: (bytes) => void checkpoints.push(bytes), everySeconds: 0 },
    });
    const mean = await meanCode(run.encoder, smallData, { backend });
    assert.equal(run.decoder.start, mean);
    assert.is(run.encoder.start, undefined);
    assert.equal((await loadDecoder(run.decoder.toSafetensors())).start, mean);
    for (const at of [2, checkpoints.length - 1]) {
      const resumed = await trainAutoencoder(untrained, smallData, {
        ...options,
        ...resumeFrom(checkpoints[at]!),
      });
      assert.equal(resumed.decoder.start, mean);
    }
    const y = smallData.toFloat32();
    const { z } = await encode(run.decoder, y, { backend });
    assert.equal(z, (await encode(run.decoder, y, { backend, z0: mean })).z);
    // With the encoder no flow is followed.
    const { loss } = await evaluate(run.decoder, smallData, { encoder: run.encoder, backend });
    const unmoved = copyDecoder(run.decoder, { start: undefined });
    assert.equal((await evaluate(unmoved, smallData, { encoder: run.encoder, backend })).loss, loss);
  }
});

test("an autoencoder that diverges has a decoder without a start", async () => {
  const run = await trainAutoencoder(decoder, smallData, {
    epochs: 2,
    optimizer: sgd({ learningRate: 1e30 }),
    backend,
  });
  assert.is(run.decoder.start, undefined);
});

test("z0 of zeros is what a decoder without a start has", async () => {
  const y = randomArray(4, 20 * 9, 0, 1);
  for (const solver of [lbfgs(), amd()]) {
    const options = { solver, backend };
    const { z } = await encode(smallDecoder, y, options);
    assert.equal(z, (await encode(smallDecoder, y, { ...options, z0: new Float32Array(3) })).z);
  }
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam, sgd } from "../../src/backend/optimizer.ts";
import { createDecoder, squaredError } from "../../src/index.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import type { TrainEvent } from "../../src/train/progress.ts";
import { train } from "../../src/train/train.ts";
import { randomArray } from "../support/random.ts";
import { relativeDistance } from "../support/reference.ts";

// Samples of which nothing can be learnt beside others, in a run that keeps a code for each.

const SIZE = 9;
const LATENT = 3;
const loss = squaredError({ reduction: "sum" });
const makeDecoder = () => createDecoder({ layers: [LATENT, 5, SIZE], seed: 2, activation: "tanh", loss });

/** Twice the error of such a value is more than float32 holds. */
const HUGE = 3e38;

function dataWith(samples: number, huge: readonly number[]): Float32Array {
  const y = randomArray(3, samples * SIZE, 0, 1);
  for (const sample of huge) y.fill(HUGE, sample * SIZE, (sample + 1) * SIZE);
  return y;
}

async function run(y: Float32Array, options: TrainOptions) {
  const restarts: (TrainEvent & { kind: "restart" })[] = [];
  const onEvent = (event: TrainEvent) => void (event.kind === "restart" && restarts.push(event));
  const result = await train(makeDecoder(), y, { codes: "kept", onEvent, ...options } as TrainOptions);
  return { ...result, restarts };
}

for (const samples of [3, 5, 17]) {
  test(`of ${samples}, one without a gradient takes no update from the others, and its code is 0`, async () => {
    const options = {
      optimizer: sgd({ learningRate: 0.01 }),
      codeOptimizer: sgd({ learningRate: 0.1 }),
      epochs: 20,
    };
    const [y, first] = [dataWith(samples, [0]), SIZE];
    const beside = await run(y, { ...options, batchSize: samples });
    const without = await run(y.slice(first), { ...options, batchSize: samples - 1 });
    // The samples come in another order, whose sums float32 rounds otherwise.
    assert.ok(relativeDistance(beside.decoder.parameters, without.decoder.parameters) < 1e-5);
    assert.ok(relativeDistance(beside.codes!.subarray(LATENT), without.codes!) < 1e-5);
    assert.equal([...beside.codes!.subarray(0, LATENT)], [0, 0, 0]);
    assert.equal(
      beside.restarts.map(({ images, samples: which }) => [images, ...which]),
      beside.history.map(({ images }) => [images, 0]),
    );
    assert.is(without.restarts.length, 0);
    // The step says so, too: a mean with that sample's loss.
    assert.ok(beside.history.every((step) => step.loss === Infinity && step.gradientNorm > 0));
    assert.ok(without.history.every((step) => step.loss < 9));
  });
}

test("where no sample of a mini-batch has a gradient nothing is updated, and its norm says so", async () => {
  const options = { optimizer: adam(), batchSize: 2, epochs: 3 };
  const { decoder, codes, history, restarts } = await run(dataWith(4, [0, 1, 2, 3]), options);
  assert.equal(decoder.parameters, makeDecoder().parameters);
  assert.ok(codes!.every((value) => value === 0));
  assert.ok(history.every(({ gradientNorm }) => !Number.isFinite(gradientNorm)));
  assert.is(restarts.length, history.length);
});

test("codes that leave float32 are not kept there", async () => {
  const { codes, restarts } = await run(dataWith(5, []), {
    codeOptimizer: sgd({ learningRate: 1e300 }),
    epochs: 2,
  });
  assert.ok(codes!.every((value) => value === 0));
  assert.is(restarts.flatMap(({ samples }) => samples).length, 10);
});

test.run();

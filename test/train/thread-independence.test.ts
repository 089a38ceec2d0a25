// run: both
// Tests src/backend/wasm/trainer.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { direct } from "../../src/adjoint/direct.ts";
import { full } from "../../src/adjoint/full.ts";
import { createDataset } from "../../src/api/dataset.ts";
import { adam } from "../../src/backend/optimizer.ts";
import { amd, type Backend, customLoss, euler, linearGrid } from "../../src/index.ts";
import { type TrainOptions, train } from "../../src/train/index.ts";
import { alone, newDecoder, on, SIZE, y } from "../support/pool-case.ts";
import { randomArray } from "../support/random.ts";

const decoder = newDecoder(3);
const loss = customLoss({ value: (o, t) => (o - t) ** 4, gradient: (o, t) => 4 * (o - t) ** 3 });
const dataset = createDataset(y.subarray(0, 23 * SIZE), { shape: [SIZE] });
const training = {
  solver: amd({ maxSteps: 20 }),
  optimizer: adam({ learningRate: 1e-2 }),
  batchSize: 7,
  epochs: 2,
  gradientClip: 0.05,
  seed: 9,
} as const;

for (const [name, options] of Object.entries<TrainOptions>({
  "the approximate adjoint and warm starts": { warmStart: true },
  "the full adjoint": { adjoint: full() },
  "the direct adjoint": { adjoint: direct(), solver: euler({ grid: linearGrid({ t1: 4, slices: 5 }) }) },
  validation: { validation: { data: dataset, everyImages: 20 } },
  "weights of each sample's own": { weights: randomArray(7, dataset.count * dataset.size, 0, 2) },
  "a custom loss": { loss },
})) {
  test(`train with ${name}: the same weights on 1, 2 and 3 threads`, async () => {
    const run = async (backend: Backend) => {
      const result = await train(decoder, dataset, { ...training, ...options, backend } as TrainOptions);
      return [result.decoder.parameters, result.history, result.validation];
    };
    const expected = await run(alone);
    for (const count of [2, 3]) assert.equal(await run(on(count)), expected, `${count} threads`);
  });
}

test.run();

// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { direct } from "../../../../src/adjoint/direct.ts";
import { full } from "../../../../src/adjoint/full.ts";
import { adam } from "../../../../src/backend/optimizer.ts";
import { amd, decode, type EncodeOptions, encode, euler, lbfgs, linearGrid } from "../../../../src/index.ts";
import { createDataset } from "../../../../src/train/dataset.ts";
import { type TrainOptions, train } from "../../../../src/train/index.ts";
import { alone, newDecoder, on, resultOf, SAMPLES, SIZE, weights, y } from "../../../support/pool-case.ts";
import { randomArray } from "../../../support/random.ts";
import { solverCases } from "../../../support/solvers.ts";
import { samplesDone, watchThreads } from "../../../support/threads.ts";

// No result depends on the number of threads, bit for bit: of encode by every solver, of decode, of train by every adjoint.

const threads = watchThreads();
const decoder = newDecoder(3);
const z0 = randomArray(4, SAMPLES * 5, -2, 2);
const atRest = { name: "lbfgs", options: { solver: lbfgs() } };
for (const { name, options } of [...solverCases, atRest]) {
  test(`${name}: the same bits on 1, 2 and 3 threads`, async () => {
    const common = { ...options, z0 } as EncodeOptions;
    for (const more of [
      { weights },
      { weights: weights.subarray(SIZE, 2 * SIZE), saveAt: [0, 3, 17], batchSize: 5 },
    ] as EncodeOptions[]) {
      const expected = await encode(decoder, y, { ...common, ...more, backend: alone } as EncodeOptions);
      assert.equal(expected.backend.threads, 1);
      for (const count of [2, 3]) {
        const result = await encode(decoder, y, { ...common, ...more, backend: on(count) } as EncodeOptions);
        assert.equal(resultOf(result), resultOf(expected), `${count} threads`);
        assert.is(result.backend.threads, count);
        assert.is(result.backend.reason, undefined);
      }
    }
  });
}

test("decode: the same bits on 1, 2 and 3 threads", async () => {
  for (const output of ["data", "preActivation"] as const) {
    for (const count of [0, 1, 2, 150]) {
      const z = randomArray(5, count * 5, -3, 3);
      const expected = await decode(decoder, z, { output, backend: alone });
      assert.equal(await decode(decoder, z, { output, backend: on(2) }), expected);
      assert.equal(await decode(decoder, z, { output, backend: on(3) }), expected);
    }
  }
});

/** The decoders that each thread holds, by their numbers. */
function heldDecoders(): number[][] {
  return threads.map(({ told, hasEnded }) => {
    const held = new Set<number>();
    for (const message of hasEnded ? [] : told) {
      if (message.type === "decoder") held.add(message.decoder);
      if (message.type === "forget") held.delete(message.decoder);
    }
    return [...held];
  });
}

const dataset = createDataset(y.subarray(0, 23 * SIZE), { shape: [SIZE] });
const training = {
  solver: amd({ maxSteps: 20 }),
  optimizer: adam({ learningRate: 1e-2 }),
  batchSize: 7,
  epochs: 3,
  gradientClip: 0.05,
  seed: 9,
} as const;

for (const [name, options] of Object.entries<TrainOptions>({
  "the approximate adjoint and warm starts": { warmStart: true },
  "the full adjoint": { adjoint: full() },
  "the direct adjoint": { adjoint: direct(), solver: euler({ grid: linearGrid({ t1: 4, slices: 5 }) }) },
  validation: { validation: { data: dataset, everyImages: 20 } },
  "weights of each sample's own": { weights: randomArray(7, dataset.count * dataset.size, 0, 2) },
})) {
  test(`train with ${name}: the same weights on 1, 2 and 3 threads`, async () => {
    const run = (backend: typeof alone) =>
      train(decoder, dataset, { ...training, ...options, backend } as TrainOptions);
    const expected = await run(alone);
    for (const count of [2, 3]) {
      const before = threads.map(samplesDone);
      const held = heldDecoders().flat();
      const result = await run(on(count));
      assert.equal(result.decoder.parameters, expected.decoder.parameters, `${count} threads`);
      assert.equal(result.history, expected.history);
      assert.equal(result.validation, expected.validation);
      const parts = threads.map((thread, i) => samplesDone(thread) - (before[i] ?? 0));
      assert.is(parts.filter((part) => part > 0).length, count - 1);
      assert.equal(heldDecoders().flat(), held, "what was trained is forgotten");
    }
  });
}

test.run();

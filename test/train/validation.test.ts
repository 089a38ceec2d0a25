import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset, type Dataset } from "../../src/api/dataset.ts";
import { isReordered } from "../../src/graph/kind.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  encode,
  euler,
  gaussianMixture,
  squaredError,
} from "../../src/index.ts";
import { linearGrid } from "../../src/solver/grid.ts";
import { trainAutoencoder } from "../../src/train/autoencoder.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import type { TrainEvent } from "../../src/train/progress.ts";
import { train } from "../../src/train/train.ts";
import { isValidationDue } from "../../src/train/validation.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";
import { runSmall, smallData, smallDecoder, smallOptions } from "../support/small-run.ts";

const samples = randomArray(3, 7 * 9, 0, 1);

test("validation changes nothing of the training", async () => {
  const { validation: _, ...without } = smallOptions;
  const alone = await train(smallDecoder, smallData, without as TrainOptions);
  const validated = await runSmall({ validation: { data: samples, everyImages: 1 } });
  assert.equal(validated.decoder.parameters, alone.decoder.parameters);
  assert.equal(validated.history, alone.history);
  assert.is(validated.validation.length, 1 + alone.history.length);
  assert.equal(alone.validation, []);
});

const ways = [
  { solver: amd({ maxSteps: 8 }), loss: binaryCrossEntropy() },
  { solver: euler({ grid: linearGrid({ t1: 4, slices: 5 }) }), loss: squaredError() },
];
for (const options of ways) {
  test(`it is the mean loss that encode finds, with solver ${options.solver.name}`, async () => {
    const { decoder, validation } = await runSmall({
      ...options,
      validation: { data: samples },
    } as TrainOptions);
    for (const [end, at] of [
      [smallDecoder, 0],
      [decoder, validation.length - 1],
    ] as const) {
      const { loss } = await encode(end, samples, options);
      const mean = loss.reduce((sum, value) => sum + value, 0) / loss.length;
      // The result's losses are rounded to float32.
      assert.ok(Math.abs(validation[at]!.loss / mean - 1) < 2 ** -23, `${validation[at]!.loss}, ${mean}`);
    }
    assert.is.not(validation.at(-1)!.loss, validation[0]!.loss);
  });
}

test("a loss enters the mean however large the prior beside it is, as in summary", async () => {
  // Divided by so small a sum of weights, the prior's log determinant is 1e16 times the first sample's loss.
  const prior = gaussianMixture({ means: [[0, 0, 0]], stds: 0.1 });
  const weights = new Float32Array(samples.length).fill(1).fill(1e-16, 0, 9);
  const common = { prior, solver: amd({ maxSteps: 3 }) };
  const { loss } = await encode(smallDecoder, samples, { ...common, weights });
  assert.ok(loss.every(Number.isFinite));
  const mean = loss.reduce((sum, value) => sum + value, 0) / 7;
  const { history, validation } = await train(smallDecoder, samples, {
    ...common,
    weights,
    batchSize: 7,
    epochs: 1,
    validation: { data: samples, weights },
  });
  assert.ok(Math.abs(validation[0]!.loss / mean - 1) < 2 ** -23, `${validation[0]!.loss}, ${mean}`);
  assert.ok(Math.abs(history[0]!.loss / mean - 1) < 2 ** -23, `${history[0]!.loss}, ${mean}`);
});

test("more samples than are read at once are all counted, in whatever pieces", async () => {
  const many = randomArray(4, 1003 * 9, 0, 1);
  const solver = amd({ maxSteps: 1 });
  const { validation } = await runSmall({ epochs: 1, solver, validation: { data: many } });
  const { loss } = await encode(smallDecoder, many, { solver });
  const mean = loss.reduce((sum, value) => sum + value, 0) / 1003;
  assert.ok(Math.abs(validation[0]!.loss / mean - 1) < 2 ** -23);
});

test("it comes at the start, once a multiple of everyImages is reached, and at the end", async () => {
  const at = async (everyImages?: number) => {
    const validation = everyImages ? { data: samples, everyImages } : { data: samples };
    return (await runSmall({ validation })).validation.map(({ images }) => images);
  };
  // Mini-batches end at 5, 10, 15, 17, 22, 27, 32, 34, 39, 44, 49, 51.
  assert.equal(await at(), [0, 17, 34, 51]);
  assert.equal(await at(10), [0, 10, 22, 32, 44, 51]);
  assert.equal(await at(51), [0, 51]);
  assert.equal(await at(1000), [0, 51]);
  // One validation for all the multiples that a mini-batch passes.
  const validation = {
    dataset: smallData,
    weights: undefined,
    missing: undefined,
    fixed: [],
    everyImages: 2,
  };
  assert.ok(isValidationDue(validation, 7, 51, { images: 1, loss: 0 }));
  assert.not(isValidationDue(validation, 7, 51, { images: 7, loss: 0 }));
  assert.not(isValidationDue(validation, 7, 51, { images: 6, loss: 0 }));
  assert.ok(isValidationDue(validation, 51, 51, { images: 50, loss: 0 }));
  assert.not(isValidationDue(validation, 51, 51, { images: 51, loss: 0 }), "nothing has changed since");
});

test("what has weight 0 may be missing, and has no influence", async () => {
  const count = samples.length / 9;
  const own = randomArray(3, count * 9, 0.1, 2).map((weight, i) => (i % 5 === 0 ? 0 : weight));
  for (const weights of [Float32Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? 0 : 1)), own]) {
    const losses = [];
    for (const junk of [0.5, Number.NaN]) {
      const data = samples.map((value, i) => (weights[i % weights.length] === 0 ? junk : value));
      losses.push((await runSmall({ validation: { data, weights } })).validation.map(({ loss }) => loss));
    }
    assert.equal(losses[1], losses[0]);
    const unweighted = await runSmall({ validation: { data: samples } });
    assert.not.equal(
      losses[0],
      unweighted.validation.map(({ loss }) => loss),
    );
  }
});

test("progress and events tell it", async () => {
  const events: TrainEvent[] = [];
  const latest: (number | undefined)[] = [];
  const { validation } = await runSmall({
    onEvent: (event) => void events.push(event),
    onProgress: (progress) => void latest.push(progress.validation?.images),
  });
  assert.equal(
    events,
    validation.map((result) => ({ kind: "validation", ...result })),
  );
  assert.equal(latest, [0, 0, 0, 0, 0, 22, 22, 22, 22, 22, 44, 44]);
});

test("an abort ends it", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const events: TrainEvent[] = [];
  let values = 0;
  const loss = customLoss({
    value(output, target) {
      values++;
      if (values === 10_000) controller.abort(reason);
      return (output - target) ** 2;
    },
    gradient: (output, target) => 2 * (output - target),
  });
  const data = randomArray(5, 2000 * 9, 0, 1);
  const run = runSmall({
    loss,
    signal: controller.signal,
    validation: { data },
    onEvent: (event) => void events.push(event),
  });
  await run.then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
  assert.equal(events, []);
  // To the end it would have been 8 steps and the start, of all values.
  assert.ok(values < 9 * 2000 * 9 * 0.5, `${values} values`);
});

test("validation refuses what it cannot use, before any work", async () => {
  const bad = samples.slice();
  bad[20] = 2;
  const cases: [unknown, RegExp][] = [
    [samples, /train: validation is a Float32Array.*, expected an object \{ data, … \}; give \{ data: … \}/],
    [
      createDataset(new Float32Array(9), { shape: [9] }),
      /train: validation is a Dataset.*; give \{ data: … \}/,
    ],
    [null, /train: validation: options are null/],
    [{}, /train: validation: data is undefined/],
    [{ data: new Float32Array(10) }, /multiple of 9/],
    [{ data: new Float32Array(0) }, /train: validation: data has no samples/],
    [{ data: samples, everyImages: 0 }, /train: validation: everyImages is 0, expected an integer >= 1/],
    [{ data: samples, weights: [1] }, /train: validation: weights is/],
    [{ data: samples, weights: new Float32Array(8) }, /train: validation: weights has 8 values, expected 9/],
    [{ data: bad }, /train: validation: data is 2 at sample 2, element 2/],
  ];
  for (const [validation, message] of cases) {
    await rejected(runSmall({ validation } as never), "invalid_argument", message);
  }
  const wide = createDecoder({ layers: [3, 4], loss: binaryCrossEntropy() });
  const run = train(wide, new Float32Array(8), { validation: { data: smallData } });
  await rejected(run, "invalid_argument", /train: validation: the samples have 9 values, expected 4/);
});

test("a data set whose axes are in another order than the decoder's is refused, as data and as validation", async () => {
  const picture = createDecoder({ layers: [2, 12], outputShape: [2, 2, 3], loss: "mse", seed: 1 });
  const y = new Float32Array(24).fill(0.5);
  const [own, other] = [
    [2, 2, 3],
    [3, 2, 2],
  ].map((shape) => createDataset(y, { shape })) as [Dataset, Dataset];
  const message =
    /: the samples are 3 × 2 × 2, the decoder's output is 2 × 2 × 3; give data whose axes are in this/;
  await rejected(train(picture, other), "invalid_argument", message);
  await rejected(trainAutoencoder(picture, other), "invalid_argument", message);
  await rejected(evaluate(picture, other), "invalid_argument", message);
  await rejected(train(picture, own, { validation: { data: other } }), "invalid_argument", message);
  // Axes of length 1 move nothing, wherever they are, and without axes there is no order.
  assert.ok(isReordered([1, 3, 2, 2], [2, 2, 3]));
  assert.ok(isReordered([20, 1, 28], [28, 20, 1]));
  assert.not(isReordered([1, 28, 20], [28, 20, 1]));
  assert.not(isReordered([28, 28], [28, 28]));
  for (const shape of [[12], [1, 2, 2, 3], [4, 3]]) {
    const { status } = await evaluate(picture, createDataset(y, { shape }));
    assert.is(status.length, 2);
  }
});

test.run();

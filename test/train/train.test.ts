// run: slow
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { approximate } from "../../src/adjoint/approximate.ts";
import { direct } from "../../src/adjoint/direct.ts";
import { full } from "../../src/adjoint/full.ts";
import { createDataset } from "../../src/api/dataset.ts";
import { adam, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import {
  amd,
  type Backend,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  encode,
  euler,
  gradientFlow,
  lbfgs,
  linearGrid,
  nesterovFlow,
  rk4,
  squaredError,
  summary,
  wasm,
} from "../../src/index.ts";
import { shift } from "../../src/train/augment.ts";
import type { TrainProgress } from "../../src/train/progress.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { linear } from "../../src/train/schedule.ts";
import { train } from "../../src/train/train.ts";
import { errorByDifferences } from "../support/adjoint.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { norm, objectiveOf } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

const decoder = createDecoder({
  layers: [3, 12, 17, 9],
  seed: 1,
  loss: binaryCrossEntropy(),
  outputShape: [3, 3],
});
const data = createDataset(randomArray(1, 23 * 9, 0, 1), { shape: [3, 3] });
const solver = amd({ maxSteps: 20 });

async function checkUpdate(backend: Backend, weights: Float32Array | undefined): Promise<void> {
  const y = data.rows([4]);
  const learningRate = 0.5;
  const one = createDataset(y, { shape: [3, 3] });
  const options = { solver, backend, ...(weights && { weights }) };
  const run = await train(decoder, one, { ...options, optimizer: sgd({ learningRate }) });
  const { z } = await encode(decoder, y, options);
  // The gradient by differences in float64, in the direction of the step itself.
  const step = run.decoder.parameters.map((value, i) => value - decoder.parameters[i]!);
  const length = norm(step);
  const h = 1e-3;
  const at = (by: number) => {
    const moved = createDecoder({ layers: [3, 12, 17, 9], loss: binaryCrossEntropy() });
    moved.parameters.set(decoder.parameters.map((value, i) => value + (by * step[i]!) / length));
    return objectiveOf(moved, binaryCrossEntropy(), z, y, weights).value;
  };
  const slope = (at(h) - at(-h)) / (2 * h);
  // Along -g the slope is -‖g‖, and the step is learningRate · ‖g‖ long.
  assert.ok(Math.abs(slope / (-length / learningRate) - 1) < 1e-3, `${slope}, step ${length}`);
  assert.ok(Math.abs(run.history[0]!.gradientNorm / (length / learningRate) - 1) < 1e-3);
}

for (const { name, backend } of builds) {
  for (const weights of [undefined, Float32Array.of(0, 1, 2, 0.5, 1, 0, 3, 1, 1)]) {
    const given = weights ? ", weighted" : "";
    test(`${name}: an update is the optimizer's step along the mini-batch's summed gradient${given}`, async () => {
      await checkUpdate(backend, weights);
    });
  }

  test(`${name}: the same seed gives the same weights, another one others; the decoder stays`, async () => {
    const before = decoder.parameters.slice();
    const options = { solver, backend, epochs: 2, optimizer: adam({ learningRate: 1e-3 }) };
    const runs = [
      await train(decoder, data, { ...options, seed: 5 }),
      await train(decoder, data, { ...options, seed: 5 }),
      await train(decoder, data, { ...options, seed: 6 }),
    ];
    assert.equal(runs[0]!.decoder.parameters, runs[1]!.decoder.parameters);
    assert.equal(runs[0]!.history, runs[1]!.history);
    assert.not.equal(runs[0]!.decoder.parameters, runs[2]!.decoder.parameters);
    assert.equal(decoder.parameters, before);
    assert.equal(
      runs[0]!.history.map(({ images }) => images),
      [5, 10, 15, 20, 23, 28, 33, 38, 43, 46],
    );
  });
}

const adjoints = [approximate(), full(), direct()];
const eulerWay = { flow: gradientFlow(), solver: euler({ grid: linearGrid({ t1: 20, slices: 10 }) }) };

test("with the adjoint direct, an update follows the derivative of the whole solve", async () => {
  const y = data.rows([4, 7, 1]);
  const learningRate = 0.5;
  for (const optimizer of [sgd({ learningRate }), sgd({ learningRate, momentum: 0.5 })]) {
    const run = await train(decoder, y, { ...eulerWay, optimizer, adjoint: direct() });
    const gradient = decoder.parameters.map(
      (value, i) => (value - run.decoder.parameters[i]!) / learningRate,
    );
    const error = await errorByDifferences(gradient, decoder, binaryCrossEntropy(), y, eulerWay);
    assert.ok(error < 1e-3, `off by ${error}`);
    assert.ok(Math.abs(run.history[0]!.gradientNorm / norm(gradient) - 1) < 1e-4);
  }
});

test("the solver is lbfgs, or AMD where the adjoint goes back along the flow; on any threads, after each update", async () => {
  const y = data.rows([4, 7, 1, 2, 9, 3]);
  const parametersBy = async (options: Parameters<typeof train>[2]) =>
    (await train(decoder, y, { epochs: 3, batchSize: 2, seed: 3, ...options })).decoder.parameters;
  const byDefault = await parametersBy({});
  assert.equal(byDefault, await parametersBy({ solver: lbfgs() }));
  assert.not.equal(byDefault, await parametersBy({ solver: amd({ stepMax: 1000 }) }));
  // What samples are preconditioned by is made anew of the updated weights, everywhere.
  assert.equal(byDefault, await parametersBy({ backend: wasm({ threads: 2 }) }));
  for (const adjoint of [full(), direct()]) {
    assert.equal(
      await parametersBy({ adjoint }),
      await parametersBy({ adjoint, solver: amd({ stepMax: 1000 }) }),
    );
  }
});

test("every adjoint lowers the loss, the same way each time, and from the first update on its own way", async () => {
  const runs = [];
  for (const adjoint of adjoints) {
    const options = { ...eulerWay, adjoint, epochs: 10, optimizer: adam({ learningRate: 3e-3 }) };
    const run = await train(decoder, data, options);
    const again = await train(decoder, data, options);
    assert.equal(run.decoder.parameters, again.decoder.parameters);
    const meanLoss = async (of: typeof decoder) =>
      summary(await encode(of, data.toFloat32(), eulerWay)).meanLoss;
    const [before, after] = [await meanLoss(decoder), await meanLoss(run.decoder)];
    assert.ok(after < 0.97 * before, `${adjoint.name}: ${before} to ${after}`);
    runs.push(run);
  }
  // The first mini-batch is the same, its gradient is not.
  assert.is(new Set(runs.map(({ history }) => history[0]!.loss)).size, 1);
  assert.is(new Set(runs.map(({ history }) => history[0]!.gradientNorm)).size, 3);
});

test("adjoints go with AMD, Nesterov's flow, warm starts, clipping and losses of one's own", async () => {
  const own = customLoss({
    value: (o, y) => (o - y) ** 2,
    gradient: (o, y) => 2 * (o - y),
    curvature: () => 2,
  });
  for (const adjoint of adjoints) {
    for (const way of [
      { solver },
      { flow: nesterovFlow(), solver: rk4({ grid: linearGrid({ t1: 5, slices: 5 }) }) },
    ]) {
      const { history } = await train(decoder, data, {
        ...way,
        adjoint,
        loss: own,
        warmStart: true,
        epochs: 2,
        gradientClip: 0.1,
      });
      assert.ok(history.every((step) => Number.isFinite(step.gradientNorm) && step.gradientNorm > 0));
    }
  }
});

test("a decoder trained on digits encodes unseen ones better", async () => {
  const file = readFileSync(new URL("../../demo/mnist-test-300.idx.gz", import.meta.url));
  const digits = await readDataset(Uint8Array.from(file));
  const untrained = createDecoder({
    layers: [10, 64, 128, 784],
    outputShape: [28, 28],
    loss: binaryCrossEntropy(),
  });
  const unseen = digits.slice(250, 300).toFloat32();
  const before = summary(await encode(untrained, unseen));
  const { decoder: trained, history } = await train(untrained, digits.slice(0, 250), {
    epochs: 2,
    optimizer: adam({ learningRate: 1e-3 }),
    schedule: linear(),
    gradientClip: 0.5,
    augment: shift({ pixels: 1 }),
    warmStart: true,
    solver: amd({ maxSteps: 60 }),
  });
  const after = summary(await encode(trained, unseen));
  assert.ok(after.meanLoss < 0.6 * before.meanLoss, `${before.meanLoss} to ${after.meanLoss}`);
  assert.ok(history.at(-1)!.loss < history[0]!.loss);
  assert.is(trained.outputShape.join(), "28,28");
});

test("with warm starts each sample's flow starts where its last one ended", async () => {
  // Weights that stay as they are, and flows that are cut off on their way.
  const short = amd({ maxSteps: 4, stepInit: 50, stepMax: 1000, tolerance: 0 });
  const options = { solver: short, optimizer: sgd({ learningRate: 0 }), epochs: 3, batchSize: data.count };
  const y = data.toFloat32();
  const expected: number[] = [];
  let z0 = new Float32Array(data.count * decoder.latentSize);
  for (let epoch = 0; epoch < 3; epoch++) {
    const { z, loss } = await encode(decoder, y, { solver: short, z0 });
    z0 = z.slice();
    expected.push(loss.reduce((sum, value) => sum + value, 0) / data.count);
  }
  const warm = await train(decoder, data, { ...options, warmStart: true });
  const cold = await train(decoder, data, options);
  for (const [epoch, mean] of expected.entries()) {
    // Latents are rounded to float32 in between.
    assert.ok(Math.abs(warm.history[epoch]!.loss - mean) < 1e-5 * mean, `epoch ${epoch}`);
    assert.ok(Math.abs(cold.history[epoch]!.loss - expected[0]!) < 1e-5 * mean, `epoch ${epoch}`);
    if (epoch > 0) assert.ok(mean < 0.999 * expected[epoch - 1]!, "there is a way to go");
  }
});

test("what has weight 0 may be missing, and has no influence at all, with every adjoint", async () => {
  const count = data.count;
  const shared = Float32Array.from({ length: 9 }, (_, i) => (i % 4 === 0 ? 0 : 1));
  const own = randomArray(3, count * 9, 0.1, 2).map((weight, i) => (i % 5 === 0 ? 0 : weight));
  for (const weights of [shared, own]) {
    for (const adjoint of adjoints) {
      const parameters = [];
      for (const junk of [0.5, Number.NaN, 7]) {
        const samples = data
          .toFloat32()
          .map((value, i) => (weights[i % weights.length] === 0 ? junk : value));
        const run = await train(decoder, samples, { ...eulerWay, weights, adjoint });
        parameters.push(run.decoder.parameters);
      }
      assert.equal(parameters[1], parameters[0]);
      assert.equal(parameters[2], parameters[0]);
      const unweighted = await train(decoder, data, { ...eulerWay, adjoint });
      assert.not.equal(parameters[0], unweighted.decoder.parameters);
    }
  }
});

test("clipping shortens long gradients only; sums and drawing with replacement work", async () => {
  const options = {
    solver,
    optimizer: sgd({ learningRate: 1 }),
    loss: squaredError({ reduction: "sum" }),
  } as const;
  const one = createDataset(data.rows([0]), { shape: [3, 3] });
  const change = (run: Awaited<ReturnType<typeof train>>) =>
    norm(run.decoder.parameters.map((value, i) => value - decoder.parameters[i]!));
  const free = await train(decoder, one, options);
  const clipped = await train(decoder, one, { ...options, gradientClip: 0.01 });
  const loose = await train(decoder, one, { ...options, gradientClip: 1e6 });
  assert.ok(change(free) > 0.02);
  assert.ok(Math.abs(change(clipped) / 0.01 - 1) < 1e-3);
  assert.equal(loose.decoder.parameters, free.decoder.parameters);
  const drawn = await train(decoder, data, { solver, replacement: true, optimizer: rmsprop() });
  assert.is(drawn.history.at(-1)!.images, 23);
});

test("progress and abort", async () => {
  const reports: TrainProgress[] = [];
  await train(decoder, data, { solver, onProgress: (progress) => void reports.push(progress) });
  assert.equal(
    reports.map(({ images }) => images),
    [5, 10, 15, 20, 23],
  );
  assert.ok(
    reports.every(({ total, imagesPerSecond, loss }) => total === 23 && imagesPerSecond > 0 && loss > 0),
  );
  assert.is(reports.at(-1)!.secondsLeft, 0);

  const reason = new Error("enough");
  const controller = new AbortController();
  const onProgress = ({ images }: TrainProgress) => images >= 10 && controller.abort(reason);
  await train(decoder, data, {
    solver,
    signal: controller.signal,
    onProgress: (p) => void onProgress(p),
  }).then(
    () => assert.unreachable(),
    (error) => assert.is(error, reason),
  );
});

test("train refuses what it cannot use", async () => {
  const flat = customLoss({ value: (o) => o * o, gradient: (o) => 2 * o });
  const cases: [unknown, RegExp][] = [
    [{ batch: 3 }, /unknown option "batch"/],
    [{ batchSize: 0 }, /batchSize is 0/],
    [{ batchSize: 2 ** 53 }, /batchSize is 9007199254740992/],
    [{ epochs: 0.5 }, /epochs is 0.5/],
    [{ optimizer: "adam" }, /optimizer is "adam", expected rmsprop\(\)/],
    [{ schedule: "linear" }, /schedule is "linear"/],
    [{ warmStart: 1 }, /warmStart is 1, expected true or false/],
    [{ gradientClip: 0 }, /gradientClip is 0/],
    [{ adjoint: "full" }, /adjoint is "full", expected approximate\(\), full\(\) or direct\(\)/],
    [
      { adjoint: full(), loss: flat },
      /adjoint is full, expected approximate\(\), .*give customLoss a curvature/,
    ],
    [{ augment: { pixels: 1 } }, /augment is .*, expected a value such as shift\(/],
    [{ augment: null }, /augment is null, expected a value/],
    [{ augment: shift({ pixels: 3 }) }, /shift: pixels is 3, expected less than/],
    [{ signal: {} }, /expected an AbortSignal/],
    [
      { weights: new Float32Array(10) },
      /weights has 10 values, expected 9 \(one row for all samples\) or 207/,
    ],
    [{ weights: new Float32Array(9) }, /weights/],
    [
      { augment: shift },
      /augment is a function, expected a value .* \(are the brackets of the call missing\?\)$/,
    ],
    [
      { weights: new Float32Array(9).fill(1), augment: shift({ pixels: 1 }) },
      /weights and augment \(shift\) are both given, expected one of them: the weights would stay/,
    ],
  ];
  for (const [options, message] of cases) {
    await rejected(train(decoder, data, options as never), "invalid_argument", message);
  }
  for (const [samples, message] of [
    [new Float32Array(0), /^train: data has no samples, expected at least one$/],
    [
      new Float32Array(10),
      /^train: data has 10 values, expected a multiple of 9 \(the decoder's output size\)$/,
    ],
    [undefined, /^train: data is undefined, expected a Dataset or a Float32Array/],
    [
      new Uint8Array(9),
      /^train: data is a Uint8Array, expected a Dataset or a Float32Array; for pixels of 0 to 255/,
    ],
  ] as const) {
    await rejected(train(decoder, samples as never), "invalid_argument", message);
  }
  const bad = data.toFloat32();
  bad[100] = 2;
  await rejected(train(decoder, bad), "invalid_argument", /data is 2 at sample 11, element 1/);
  const many = new Float32Array(1500 * 9);
  many[1234 * 9 + 5] = -1;
  await rejected(train(decoder, many), "invalid_argument", /data is -1 at sample 1234, element 5/);
});

test.run();

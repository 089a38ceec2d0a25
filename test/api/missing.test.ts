// Tests src/backend/missing.ts, src/backend/data-messages.ts, src/backend/own-rows.ts, src/solver/solution-part.ts: missing values in every call that takes samples.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createDataset } from "../../src/api/dataset.ts";
import { concat, dense, graph, tanh } from "../../src/graph/index.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  dormandPrince,
  encode,
  encodeStream,
  gaussian,
  lbfgs,
  linearGrid,
  nesterovFlow,
  openObjective,
  rk4,
  sampleCodes,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { evaluate, full, sgd, train, trainAutoencoder } from "../../src/train/index.ts";
import { rejected } from "../support/refusal.ts";

const [d, n, B] = [3, 29, 17];
const whole = Float32Array.from({ length: B * n }, (_, i) => Math.abs(Math.sin(i * 1.7)));
/** Every third sample lacks two of five values. */
const isMissing = (_: number, i: number) => Math.floor(i / n) % 3 === 0 && i % 5 < 2;
const y = whole.map((value, i) => (isMissing(0, i) ? Number.NaN : value));
const seen = whole.map((_, i) => (isMissing(0, i) ? 0 : 1));
const samples = Array.from({ length: B }, (_, sample) => sample);
const [holed, complete] = [samples.filter((i) => i % 3 === 0), samples.filter((i) => i % 3 > 0)];
const decoderFor = (loss: "bce" | "mse") =>
  createDecoder({ layers: [d, 17, n], loss, activation: "tanh", seed: 3 });
const rows = (values: ArrayLike<number>, of: readonly number[], size: number) =>
  of.flatMap((row) => Array.from({ length: size }, (_, i) => values[row * size + i]!));

test("a missing value has weight 0, and samples without any have the bits of a call without missing values", async () => {
  const solvers = [
    { solver: lbfgs() },
    { solver: lbfgs(), saveAt: "steps" as const },
    { solver: amd() },
    { solver: dormandPrince({ t1: 2 }) },
    { solver: rk4({ grid: linearGrid({ t1: 1, slices: 4 }) }), flow: nesterovFlow() },
  ];
  for (const reduction of ["mean", "sum"] as const) {
    for (const loss of [binaryCrossEntropy({ reduction }), squaredError({ reduction })]) {
      const decoder = decoderFor(loss.name === "squaredError" ? "mse" : "bce");
      for (const prior of [undefined, gaussian()]) {
        for (const solver of solvers) {
          for (const threads of [1, 2]) {
            const options = { loss, ...solver, prior, backend: wasm({ threads }) } as const;
            const found = await encode(decoder, y, options);
            const other = await encode(decoder, whole, options);
            const weighted = await encode(decoder, y, { ...options, weights: seen });
            for (const [name, size] of [
              ["z", d],
              ["loss", 1],
              ["initialLoss", 1],
              ["gradientNorm", 1],
            ] as const) {
              assert.equal(rows(found[name], complete, size), rows(other[name], complete, size));
              assert.equal(rows(found[name], holed, size), rows(weighted[name], holed, size));
            }
            for (const sample of complete)
              assert.equal(found.trajectory?.[sample], other.trajectory?.[sample]);
            for (const sample of holed)
              assert.equal(found.trajectory?.[sample], weighted.trajectory?.[sample]);
            assert.equal(
              found.status,
              samples.map((i) => (i % 3 === 0 ? weighted : other).status[i]),
            );
            assert.equal([...found.missing.slice(0, 4)], [12, 0, 0, 11]);
            assert.equal([...weighted.missing], [...new Uint32Array(B)]);
          }
        }
      }
    }
  }
});

test("with weights, a missing value is one whose weight is above 0", async () => {
  const decoder = decoderFor("bce");
  const weights = Float32Array.from({ length: n }, (_, i) => (i % 5 === 0 ? 0 : 1 + (i % 3)));
  const found = await encode(decoder, y, { weights });
  const both = seen.map((value, i) => value * weights[i % n]!);
  assert.equal(found.z, (await encode(decoder, y, { weights: both })).z);
  const counts = samples.map(
    (sample) => rows(both, [sample], n).filter((w, i) => w === 0 && i % 5 > 0).length,
  );
  assert.equal([...found.missing], counts);
});

test("evaluate, encodeStream, sampleCodes and openObjective take missing values as encode does", async () => {
  const decoder = decoderFor("bce");
  const found = await encode(decoder, y);
  const report = await evaluate(decoder, createDataset(y, { shape: [n] }));
  assert.equal([report.loss, report.missing], [found.loss, found.missing]);
  for await (const { z, missing } of encodeStream(decoder, [y]))
    assert.equal([z, missing], [found.z, found.missing]);
  const options = { prior: gaussian(), count: 7 };
  const of = (data: Float32Array, weights?: Float32Array) =>
    sampleCodes(decoder, data, found, { ...options, weights });
  const [drawn, other, weighted] = [await of(y), await of(whole), await of(y, seen)];
  for (const [name, size] of [
    ["codes", 7 * d],
    ["weights", 7],
    ["effectiveSampleSize", 1],
  ] as const) {
    assert.equal(rows(drawn[name], complete, size), rows(other[name], complete, size));
    assert.equal(rows(drawn[name], holed, size), rows(weighted[name], holed, size));
  }
  const objective = await openObjective(decoder, y);
  const ofSeen = await openObjective(decoder, y, { weights: seen });
  assert.equal(await objective.value(samples, found.z), await ofSeen.value(samples, found.z));
  objective.dispose();
  ofSeen.dispose();
});

test("training with missing values is training with weights of 0 there", async () => {
  const decoder = decoderFor("bce");
  const validation = { data: y, everyImages: 20 };
  for (const options of [{}, { codes: "kept" }, { adjoint: full() }] as const) {
    const settings = { ...options, epochs: 3, batchSize: 4 };
    const run = await train(decoder, y, { ...settings, validation });
    const weighted = await train(decoder, y, {
      ...settings,
      weights: seen,
      validation: { ...validation, weights: seen },
    });
    assert.equal(run.decoder.parameters, weighted.decoder.parameters);
    assert.equal([...run.missing.slice(0, 4)], [12, 0, 0, 11]);
    const losses = (of: typeof run) => of.validation.map(({ loss }) => loss.toPrecision(3));
    assert.equal(losses(run), losses(weighted));
  }
});

test("an output of which most values are missing is warned of, among ten samples or more", async () => {
  const decoder = decoderFor("mse");
  const many = Float32Array.from({ length: 10 * n }, (_, i) =>
    i % n === 1 && i >= 4 * n ? Number.NaN : whole[i % whole.length]!,
  );
  assert.match(
    (await encode(decoder, many)).warnings.join(),
    /^output 1 \(counted from 0\): more than half of their/,
  );
  const warned = async (data: Float32Array) =>
    (await encode(decoder, data)).warnings.filter((each) => /more than half/.test(each));
  assert.equal(await warned(many.slice(n)), []);
  many[4 * n + 1] = 0;
  assert.equal(await warned(many), []);
});

test("the history of a training leaves out samples of which nothing is seen, and data beyond the output are warned of", async () => {
  const decoder = decoderFor("mse");
  const nothing = y.slice().fill(Number.NaN, 0, n);
  const settings = { epochs: 1, batchSize: B, optimizer: sgd({ learningRate: 1e-9 }) };
  const [all, others] = [
    await train(decoder, nothing, settings),
    await train(decoder, nothing.slice(n), { ...settings, batchSize: B - 1 }),
  ];
  const [loss, expected] = [all, others].map(({ history }) => history[0]!.loss);
  assert.ok(Math.abs(loss! / expected! - 1) < 1e-5, `${loss} for ${expected}`);
  const sigmoid = createDecoder({ layers: [d, n], loss: "mse", outputActivation: "sigmoid" });
  const { warnings } = await train(
    sigmoid,
    y.map((value) => 255 * Math.abs(value)),
    settings,
  );
  assert.match(warnings.join(), /of activation sigmoid, is within \[0, 1\] and cannot reach all data/);
});

test("of a sample of which nothing is seen the prior decides alone, and a warning says so", async () => {
  const decoder = decoderFor("mse");
  const nothing = y.slice().fill(Number.NaN, 0, n);
  const prior = gaussian({ mean: 0.5 });
  for (const loss of [squaredError(), squaredError({ reduction: "sum" })]) {
    const found = await encode(decoder, nothing, { loss, prior });
    for (const value of found.z.slice(0, d)) assert.ok(Math.abs(value - 0.5) < 1e-4, `${value}`);
    assert.ok([found.loss, found.initialLoss, found.objective].every(([first]) => Number.isNaN(first)));
    // Draws of its posterior are draws of the prior, whatever the loss is divided by.
    const draws = await sampleCodes(decoder, nothing, found, { loss, prior, count: 8 });
    assert.ok(Math.abs(draws.effectiveSampleSize[0]! - 8) < 1e-3, `${draws.effectiveSampleSize[0]}`);
    const { trajectory } = await encode(decoder, nothing, { loss, prior, saveAt: "steps" });
    assert.ok(trajectory[0]!.loss.every(Number.isNaN) && trajectory[1]!.loss.every(Number.isFinite));
    assert.equal(found.warnings, [
      `nothing is seen of 1 of ${B} samples: the prior alone decides their codes`,
    ]);
  }
  const { z, warnings } = await encode(decoder, nothing);
  assert.equal([...z.slice(0, d)], [0, 0, 0]);
  assert.match(warnings.join(), /their codes stay at z0/);
  assert.equal((await evaluate(decoder, nothing)).warnings, warnings);
  assert.ok(
    (await train(decoder, nothing, { epochs: 2 })).history.every(({ loss }) => Number.isFinite(loss)),
  );
  const all = await encode(decoder, nothing.fill(Number.NaN));
  assert.equal([...all.z], [...new Float32Array(B * d)]);
});

test("missing: refuse, an encoder's data and infinite values are refused", async () => {
  const decoder = decoderFor("bce");
  const refusal = /is NaN at sample 0, element 0, expected finite numbers/;
  const refuse = { missing: "refuse" } as const;
  await rejected(encode(decoder, y, refuse), "invalid_argument", refusal);
  await rejected(train(decoder, y, refuse), "invalid_argument", refusal);
  await rejected(evaluate(decoder, y, refuse), "invalid_argument", refusal);
  await rejected(trainAutoencoder(decoder, y), "invalid_argument", refusal);
  const infinite = y.slice().fill(Infinity, 40, 41);
  await rejected(encode(decoder, infinite), "invalid_argument", /y is Infinity at sample 1, element 11/);
  await rejected(encode(decoder, y, { missing: "skip" } as never), "invalid_argument", /"omit" or "refuse"/);
});

test("a data set's shape is checked; one sample of the output's own shape is one sample", async () => {
  const decoder = createDecoder({ layers: [2, 5, 12], outputShape: [3, 4], loss: "bce", seed: 1 });
  const values = Float32Array.from({ length: 24 }, (_, i) => (i % 7) / 7);
  const { z } = await encode(decoder, values);
  const dataset = (length: number, shape: number[]) => createDataset(values.slice(0, length), { shape });
  assert.equal((await encode(decoder, dataset(24, [3, 4]))).z, z);
  assert.equal((await encode(decoder, dataset(24, [12]))).z, z);
  assert.equal((await encode(decoder, dataset(12, [4]))).z, z.slice(0, 2));
  assert.equal((await evaluate(decoder, dataset(12, [4]))).loss.length, 1);
  await rejected(
    encode(decoder, dataset(24, [4, 3])),
    "invalid_argument",
    /^encode: the samples are 4 × 3, the decoder's output is 3 × 4/,
  );
  await rejected(encode(decoder, dataset(24, [6])), "invalid_argument", /have 6 values, expected 12/);
  const bytes = createDataset(
    Uint8Array.from({ length: 24 }, (_, i) => i),
    { shape: [3, 4] },
  );
  const scaled = Float32Array.from({ length: 24 }, (_, i) => i / 255);
  assert.equal((await encode(decoder, bytes)).z, (await encode(decoder, scaled)).z);
});

test("data out of the output's reach or scale are warned of", async () => {
  const decoder = createDecoder({ layers: [d, 9, n], outputActivation: "sigmoid", loss: "mse", seed: 1 });
  const { warnings } = await encode(
    decoder,
    whole.map((value) => 255 * value),
  );
  assert.match(
    warnings.join(),
    /sigmoid, is within \[0, 1\] and cannot reach all data, which lie from \S+ to 25\d/,
  );
  assert.equal((await encode(decoder, whole)).warnings, []);
  const linear = decoderFor("mse");
  for (const parameter of linear.parameters.keys()) linear.parameters[parameter]! *= 40;
  assert.match((await encode(linear, whole)).warnings.join(), /at the start are \S+ away from the data/);
  const drawn = (weights?: Float32Array) =>
    sampleCodes(decoder, whole, { z: new Float32Array(B * d) }, { prior: gaussian(), count: 2, weights });
  assert.match((await drawn()).warnings.join(), /the squared error has no scale; give weights of 1\/\(2σ²\)/);
  assert.equal((await drawn(seen)).warnings, []);
});

test("a single missing value is one, and samples keep their own fixed inputs", async () => {
  const conditional = createDecoder(
    graph(({ latent, fixed }) => dense(n)(tanh()(dense(17)(concat()(latent(d), fixed("label", 2)))))),
    { loss: "mse", seed: 3 },
  );
  const fixed = { label: Float32Array.from({ length: 2 * B }, (_, i) => Math.cos(3 * i)) };
  const single = whole.map((value, i) => (i % (3 * n) === 4 ? Number.NaN : value));
  const ofSingle = single.map((value) => (Number.isNaN(value) ? 0 : 1));
  const found = await encode(conditional, single, { fixed });
  assert.equal([...found.missing], [...samples.map((i) => (i % 3 === 0 ? 1 : 0))]);
  const weighted = await encode(conditional, single, { fixed, weights: ofSingle });
  const other = await encode(conditional, whole, { fixed });
  assert.equal(rows(found.z, holed, d), rows(weighted.z, holed, d));
  assert.equal(rows(found.z, complete, d), rows(other.z, complete, d));
});

test("in data of several pieces each sample has its own missing values: losses, floors, validation", async () => {
  const decoder = createDecoder({ layers: [2, 4, 3], loss: "bce", seed: 2 });
  const count = 2017;
  const data = Float32Array.from({ length: 3 * count }, (_, i) =>
    i > 3 * 1500 && i % 4 === 0 ? Number.NaN : (i % 11) / 10,
  );
  const weights = data.map((value) => (Number.isNaN(value) ? 0 : 1));
  const solver = amd({ maxSteps: 2 });
  const report = await evaluate(decoder, data, { solver });
  assert.equal(report.loss, (await encode(decoder, data, { solver })).loss);
  const excess = Array.from(report.loss, (loss, sample) => {
    const seenOnes = [...data.subarray(3 * sample, 3 * sample + 3)].filter((value) => !Number.isNaN(value));
    const entropies = seenOnes.map((p) =>
      p === 0 || p === 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p),
    );
    return loss - entropies.reduce((a, b) => a + b, 0) / seenOnes.length;
  });
  const mean = excess.reduce((a, b) => a + b, 0) / count;
  assert.ok(Math.abs(report.meanExcessLoss - mean) < 1e-6, `${report.meanExcessLoss}, expected ${mean}`);

  const run = await train(decoder, data.slice(0, 30), { epochs: 1, solver, validation: { data } });
  const expected = await train(decoder, data.slice(0, 30), {
    epochs: 1,
    solver,
    validation: { data, weights },
  });
  for (const [i, { loss }] of run.validation.entries())
    assert.ok(Math.abs(loss - expected.validation[i]!.loss) < 1e-6, `${loss}`);
});

test("outputs count as far from ten times the largest absolute value on, of a mean of squares", async () => {
  const warningsAt = async (output: number, value: number, reduction: "mean" | "sum") => {
    const decoder = createDecoder({ layers: [1, 4], loss: "mse", seed: 1 });
    decoder.parameters.fill(0).fill(output, 4);
    const { warnings } = await encode(decoder, new Float32Array(8).fill(value), {
      loss: squaredError({ reduction }),
    });
    return warnings.length;
  };
  assert.is(await warningsAt(9, 1, "mean"), 0);
  assert.is(await warningsAt(12, 1, "mean"), 1);
  assert.is(await warningsAt(-12, -1, "mean"), 1);
  // The root of a sum over outputs is no distance.
  assert.is(await warningsAt(9, 1, "sum"), 0);
});

test.run();

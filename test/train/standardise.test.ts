// Tests src/train/standardise.ts, src/train/outputs.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyDecoder } from "../../src/decoder/copy.ts";
import {
  amd,
  createDecoder,
  type Decoder,
  decode,
  encode,
  gaussian,
  lbfgs,
  loadDecoder,
  squaredError,
} from "../../src/index.ts";
import { loadOnnx, toOnnx } from "../../src/onnx/index.ts";
import { adam, evaluate, shift, type TrainOptions, train } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { relativeDistance } from "../support/reference.ts";
import { rejected } from "../support/refusal.ts";

// A decoder that standardises its outputs, held against the same one trained on data that are standardised by hand, in float64.

const [d, n, B] = [2, 6, 40];
/** Mean and size of each column; the last is constant. */
const UNITS = [
  [1e-6, 1e-6],
  [-3e6, 1e6],
  [300, 0.01],
  [0, 1],
  [5, 20],
  [7.3, 0],
] as const;
const latents = randomArray(1, B * d);
const mixing = randomArray(2, n * d);
const y = Float32Array.from({ length: B * n }, (_, at) => {
  const [b, j] = [Math.floor(at / n), at % n];
  let sum = 0;
  for (let k = 0; k < d; k++) sum += mixing[j * d + k]! * latents[b * d + k]!;
  return UNITS[j]![0] + UNITS[j]![1] * Math.sin(2 * sum);
});
const holed = y.map((value, i) => (i % 7 === 3 ? Number.NaN : value));
const weights = randomArray(3, B * n, 0.2, 2).map((value, i) => (i % 11 === 5 ? 0 : value));
const decoder = createDecoder({ layers: [d, 12, n], activation: "tanh", loss: "mse", seed: 7 });
const settings = { optimizer: adam({ learningRate: 0.01 }), epochs: 4, batchSize: 8, seed: 3 } as const;

/** Means and deviations of columns, in two passes of float64, rounded to float32. */
function unitsOf(values: Float32Array, of?: Float32Array) {
  return Array.from({ length: n }, (_, j) => {
    const seen = Array.from({ length: values.length / n }, (_, b) => b * n + j)
      .map((at) => ({ value: values[at]!, weight: of?.[at] ?? 1 }))
      .filter(({ value, weight }) => weight > 0 && !Number.isNaN(value));
    const total = seen.reduce((sum, { weight }) => sum + weight, 0);
    const mean = seen.reduce((sum, { value, weight }) => sum + weight * value, 0) / total;
    const variance = seen.reduce((sum, { value, weight }) => sum + weight * (value - mean) ** 2, 0) / total;
    const isConstant = seen.every(({ value }) => value === seen[0]!.value);
    return { mean: Math.fround(mean), deviation: isConstant ? 1 : Math.fround(Math.sqrt(variance)) };
  });
}

/** Mean and deviation of the trained decoder's last operation. */
function unitsIn(trained: Decoder) {
  const { weight, bias } = trained.operations.filter(({ kind }) => kind === "affine").at(-1) as unknown as {
    readonly weight: Float32Array;
    readonly bias: Float32Array;
  };
  return { scale: weight, means: bias };
}

const standardise = (values: Float32Array, { scale, means }: ReturnType<typeof unitsIn>) =>
  values.map((value, i) => (value - means[i % n]!) / scale[i % n]!);

const cases: readonly [label: string, values: Float32Array, options: TrainOptions][] = [
  ["whole data", y, {}],
  ["missing values", holed, {}],
  ["weights", y, { weights }],
  ["weights and missing values", holed, { weights }],
  ["a prior, kept codes", holed, { prior: gaussian({ weight: 0.01 }), codes: "kept" }],
  ["warm starts", y, { warmStart: true }],
];

for (const [label, values, options] of cases) {
  test(`${label}: the same as training on data standardised by hand, to the bit`, async () => {
    const validation = values.slice(0, 10 * n);
    const all = { ...settings, ...options } as TrainOptions;
    const run = await train(decoder, values, { ...all, standardise: true, validation: { data: validation } });
    const units = unitsIn(run.decoder);
    for (const [j, { mean, deviation }] of unitsOf(values, all.weights as Float32Array).entries()) {
      assert.ok(Math.abs(units.means[j]! - mean) <= 1e-6 * Math.abs(mean) + 1e-7 * deviation, `mean ${j}`);
      assert.ok(Math.abs(units.scale[j]! / deviation - 1) < 1e-6, `deviation ${j}`);
    }
    assert.equal(run.decoder.loss, squaredError({ scale: units.scale }));

    const byHand = standardise(values, units);
    const expected = await train(decoder, byHand, {
      ...all,
      validation: { data: standardise(validation, units) },
    });
    assert.equal(run.history, expected.history);
    assert.equal(run.validation, expected.validation);
    assert.equal(run.codes, expected.codes);
    const { parameterCount } = decoder;
    assert.equal(run.decoder.parameters.slice(0, parameterCount), expected.decoder.parameters);

    // In the data's own units everything is found that is found in standardised ones.
    for (const solver of [lbfgs(), amd()]) {
      const got = await encode(run.decoder, values, { solver });
      const other = await encode(expected.decoder, byHand, { solver });
      assert.equal([got.z, got.status], [other.z, other.status]);
      assert.equal(got.loss, other.loss);
    }
    const { meanLoss } = await evaluate(run.decoder, values);
    assert.is(meanLoss, (await evaluate(expected.decoder, byHand)).meanLoss);
    const z = latents.slice(0, d);
    const [x, standard] = [await decode(run.decoder, z), await decode(expected.decoder, z)];
    for (let j = 0; j < n; j++) {
      const inUnits = units.means[j]! + units.scale[j]! * standard[j]!;
      assert.ok(Math.abs(x[j]! - inUnits) <= 1e-6 * (Math.abs(units.means[j]!) + units.scale[j]!));
    }
    const ofTheScale = run.warnings.filter((warning) => !warning.startsWith("the loss still falls"));
    assert.equal(ofTheScale, [
      "output 5 (counted from 0): fewer than two different values are seen, and their deviation is taken as 1",
    ]);
  });
}

test("the given decoder stays as it is, and training goes on in the same units", async () => {
  const before = decoder.parameters.slice();
  const run = await train(decoder, y, { ...settings, standardise: true });
  assert.equal([decoder.parameters, decoder.outputActivation.name], [before, "identity"]);
  const more = await train(run.decoder, y, settings);
  assert.equal(unitsIn(more.decoder), unitsIn(run.decoder));
  assert.equal(more.decoder.loss, run.decoder.loss);
  assert.ok(more.history.at(-1)!.loss < run.history.at(-1)!.loss);
});

test("outputs of several axes, with shifted samples", async () => {
  const options = { layers: [d, 12, n], outputShape: [2, 3, 1], activation: "tanh", seed: 7 } as const;
  const picture = createDecoder({ ...options, loss: "mse" });
  const run = await train(picture, y, { ...settings, standardise: true });
  const flat = await train(decoder, y, { ...settings, standardise: true });
  assert.equal([run.decoder.outputShape, run.decoder.parameters], [[2, 3, 1], flat.decoder.parameters]);
  assert.equal((await encode(run.decoder, y)).z, (await encode(flat.decoder, y)).z);
  const shifted = await train(picture, y, { ...settings, standardise: true, augment: shift({ pixels: 1 }) });
  assert.ok(shifted.history.every(({ loss }) => Number.isFinite(loss)));
});

test("a run goes on from its checkpoint, and another one is refused", async () => {
  const stores = new Map<string, Uint8Array>();
  const checkpoint = (resume?: Uint8Array) => ({
    resume,
    save: (bytes: Uint8Array) => void stores.set("last", bytes.slice()),
  });
  const all = { ...settings, standardise: true } as const;
  const whole = await train(decoder, holed, all);
  const controller = new AbortController();
  const onProgress = ({ images }: { images: number }) => void (images >= 72 && controller.abort());
  const stopped = train(decoder, holed, {
    ...all,
    checkpoint: checkpoint(),
    signal: controller.signal,
    onProgress,
  });
  assert.is(await stopped.catch(() => "stopped"), "stopped");
  const last = stores.get("last")!;
  const resumed = await train(decoder, holed, { ...all, checkpoint: checkpoint(last) });
  assert.ok(resumed.resumedFrom!.images > 0);
  assert.equal(resumed.history, whole.history);
  assert.equal(resumed.decoder.parameters, whole.decoder.parameters);
  const other = train(decoder, holed, { ...settings, checkpoint: checkpoint(last) });
  await rejected(other, "other_run", /standardise/);
});

test("files have the units: safetensors to the bit, ONNX within rounding", async () => {
  const { decoder: trained } = await train(decoder, y, { ...settings, standardise: true });
  const loaded = await loadDecoder(trained.toSafetensors());
  assert.equal(loaded.loss, trained.loss);
  assert.equal((await encode(loaded, y)).z, (await encode(trained, y)).z);
  // loadOnnx puts the units into the last layer, where float32 would round 300 ± 0.01 to 1/300 of a deviation.
  const mild = y.map((value, i) => (i % n === 2 ? value - 299 : value));
  const { decoder: written } = await train(decoder, mild, { ...settings, standardise: true });
  const read = await loadOnnx(await toOnnx(written));
  assert.equal(read.loss, written.loss);
  const [got, expected] = [await encode(read, mild), await encode(written, mild)];
  assert.equal(got.status, expected.status);
  const error = relativeDistance(got.loss, expected.loss);
  assert.ok(error < 1e-3, `losses off by ${error}`);
});

test("warnings name at most five outputs of which most values are missing", async () => {
  const sparse = y.map((value, i) => (Math.floor(i / n) % 3 < 2 && i % n < 2 ? Number.NaN : value));
  const { warnings } = await train(decoder, sparse, { ...settings, epochs: 1 });
  assert.equal(warnings, ["outputs 0, 1 (counted from 0): more than half of their values are missing"]);
  const all = y.map((value, i) => (i >= n ? Number.NaN : value));
  const run = await train(decoder, all, { ...settings, epochs: 1, standardise: true });
  assert.match(run.warnings[0]!, /^nothing is seen of \d+ of \d+ samples/);
  assert.match(run.warnings[1]!, /^outputs 0, 1, 2, 3, 4 and 1 more \(counted from 0\): more than half/);
  assert.match(run.warnings[2]!, /^outputs 0, 1, 2, 3, 4 and 1 more \(counted from 0\): fewer than two/);
  assert.equal((await train(decoder, y, { ...settings, epochs: 1 })).warnings, []);
});

test("what cannot be standardised is refused", async () => {
  const on = { standardise: true } as const;
  const bce = createDecoder({ layers: [d, n], loss: "bce" });
  const data = randomArray(4, B * n, 0, 1);
  await rejected(
    train(bce, data, on),
    "invalid_argument",
    /standardise is true with the loss bce, expected the/,
  );
  await rejected(
    train(bce, data, { ...on, loss: "mse" }),
    "invalid_argument",
    /output activation "sigmoid", expected outputActivation: "identity": standardised/,
  );
  const scaled = squaredError({ scale: new Array(n).fill(2) });
  await rejected(
    train(decoder, y, { ...on, loss: scaled }),
    "invalid_argument",
    /with a loss that has a scale, expected one of them; leave it out/,
  );
});

test("the loss's reduction, a start and a prior stay; a deviation that no scale can be is taken as 1", async () => {
  const given = copyDecoder(decoder, { start: Float32Array.of(0.5, -1), prior: gaussian({ weight: 0.1 }) });
  const tiny = y.map((value, i) => (i % n === 1 ? (i % 4 === 1 ? 1e-38 : 0) : value));
  const loss = squaredError({ reduction: "sum" });
  const run = await train(given, tiny, { ...settings, loss, standardise: true });
  const { scale } = unitsIn(run.decoder);
  assert.is(scale[1], 1);
  assert.equal(run.decoder.loss, squaredError({ reduction: "sum", scale }));
  assert.equal([run.decoder.start, run.decoder.prior], [given.start, given.prior]);
  const byHand = await train(given, standardise(tiny, unitsIn(run.decoder)), { ...settings, loss });
  assert.equal(run.history, byHand.history);
});

test("a value is missing if its weight is above 0; half of them missing is no warning", async () => {
  const half = y.map((value, i) => (Math.floor(i / n) % 2 === 0 && i % n === 0 ? Number.NaN : value));
  const warned = async (data: Float32Array, more: TrainOptions = {}) =>
    (await train(decoder, data, { ...settings, epochs: 1, ...more })).warnings.filter((each) =>
      /missing/.test(each),
    );
  assert.equal(await warned(half), []);
  const most = half.fill(Number.NaN, 0, n * B - 4 * n);
  const hidden = most.map((value) => (Number.isNaN(value) ? 0 : 1));
  // Each sample has a weight above 0, of a value that is missing in all but four samples.
  for (let b = 0; b < B; b++) hidden[b * n + 5] = 1;
  assert.equal(await warned(most, { weights: hidden, standardise: true }), [
    "output 5 (counted from 0): more than half of their values are missing",
  ]);
});

test.run();

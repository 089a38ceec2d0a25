// run: newer-node, first
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { webgpu } from "../../../src/backend/webgpu/index.ts";
import { copyDecoder } from "../../../src/decoder/copy.ts";
import { readArray } from "../../../src/files/read.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  type AmdOptions,
  amd,
  binaryCrossEntropy,
  createDecoder,
  type EncodeOptions,
  type EncodeResult,
  encode,
  lbfgs,
  loadDecoder,
  squaredError,
} from "../../../src/index.ts";
import { leave, startDawn } from "../../support/dawn.ts";
import { deadDecoder } from "../../support/dead-decoder.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";
import { solverCases } from "../../support/solvers.ts";

// Encoding on the GPU is held against encoding in WASM, which is held against float64 elsewhere.

startDawn();
test.after(leave);

const backend = webgpu();
const decoder = createDecoder({
  layers: [3, 9, 7],
  seed: 5,
  outputActivation: "sigmoid",
  loss: binaryCrossEntropy({ reduction: "sum" }),
});
const SAMPLES = 5;
const y = randomArray(8, SAMPLES * 7, 0, 1);
const z0 = randomArray(2, SAMPLES * 3, -3, 3);
/** A short run, but long enough to converge. */
const SHORT: AmdOptions = { t1: 300, stepInit: 0.5, stepMax: 5, tolerance: 1e-4 };

/**
 * Statuses and steps are the same, and numbers as near as float32 has them after so many steps.
 *
 * @param sameSteps false for dormandPrince, whose estimated errors are differences that float32 leaves few digits of
 */
function checkSame(got: EncodeResult, expected: EncodeResult, label: string, sameSteps = true): void {
  assert.equal(got.status, expected.status, label);
  if (sameSteps) checkSteps(got, expected, label);
  for (const name of ["loss", "initialLoss"] as const) {
    const error = relativeDistance(got[name], expected[name]);
    assert.ok(error < 1e-5, `${label}: ${name} off by ${error}`);
  }
  const error = relativeDistance(got.z, expected.z);
  assert.ok(error < 1e-4, `${label}: z off by ${error}`);
}

function checkSteps(got: EncodeResult, expected: EncodeResult, label: string): void {
  for (const name of ["acceptedSteps", "backtracks", "valueEvaluations", "gradientEvaluations"] as const) {
    assert.equal(got.stats[name], expected.stats[name], `${label}: ${name}`);
  }
  expected.stats.t.forEach((t, i) => {
    assert.ok(Math.abs(got.stats.t[i]! - t) <= 1e-6 * t, `${label}: t ${got.stats.t[i]}, not ${t}`);
  });
}

async function compare(options: EncodeOptions, label: string, sameSteps = true): Promise<EncodeResult> {
  const got = await encode(decoder, y, { z0, ...options, backend });
  checkSame(got, await encode(decoder, y, { z0, ...options }), label, sameSteps);
  return got;
}

for (const { name, options } of solverCases) {
  test(`${name} gives what it gives in WASM`, async () => {
    const result = await compare(options, name, !name.startsWith("dormandPrince"));
    assert.ok(result.status.every((status) => status === "reached_t1"));
  });
}

test("lbfgs goes down to where it goes in WASM", async () => {
  const weights = randomArray(5, SAMPLES * 7, 0, 3).map((weight, i) => (i % 4 === 0 ? 0 : weight));
  for (const loss of [binaryCrossEntropy(), squaredError(), binaryCrossEntropy({ reduction: "sum" })]) {
    for (const options of [{ z0 }, { weights }]) {
      const got = await encode(decoder, y, { ...options, loss, backend });
      const expected = await encode(decoder, y, { ...options, loss });
      assert.equal(got.status, Array(SAMPLES).fill("converged"));
      // Another rounding is another way to the same minimum.
      got.loss.forEach((value, i) => {
        const error = Math.abs(value / expected.loss[i]! - 1);
        assert.ok(error < 1e-5, `${loss.name}: ${value}, in WASM ${expected.loss[i]}`);
        assert.ok(Math.abs(got.gradientNorm[i]! - expected.gradientNorm[i]!) < 1e-3);
      });
    }
  }
});

test("flows begin at the decoder's own start, with curvature made there, as in WASM", async () => {
  const start = Float32Array.of(-0.7, 1.3, 0.4);
  const elsewhere = copyDecoder(decoder, { start });
  for (const solver of [lbfgs(), amd(SHORT)]) {
    const got = await encode(elsewhere, y, { backend, solver });
    const given = await encode(elsewhere, y, { backend, solver, z0: start });
    for (const name of ["z", "loss", "initialLoss", "stats"] as const)
      assert.equal(got[name], given[name], `${solver.name}: ${name}`);
    const expected = await encode(elsewhere, y, { solver });
    assert.ok(relativeDistance(got.initialLoss, expected.initialLoss) < 1e-5);
    assert.ok(relativeDistance(got.loss, expected.loss) < 1e-5);
  }
});

test("curvature that lbfgs asks for at a sample's own z, and AMD before it gives up, comes from WASM", async () => {
  const flat = createDecoder({ layers: [3, 9, 7], seed: 5, activation: "tanh", loss: "mse" });
  // No step of AMD is tried twice, and the first one is too long.
  const solver = amd({ stepInit: 1e6, stepMax: 1e6, t1: 1e9, maxBacktracks: 0 });
  const got = await encode(flat, y, { backend, solver });
  const expected = await encode(flat, y, { solver });
  assert.equal(got.status, expected.status);
  assert.equal(got.stats.valueEvaluations, expected.stats.valueEvaluations);
  // Far from where the decoder's own matrix serves: long enough for matrices of the samples' own.
  const deep = createDecoder({ layers: [8, 24, 24, 24, 40], seed: 2, activation: "tanh", loss: "mse" });
  for (const { weight } of layersOf(deep)) weight.set(weight.map((value) => 3 * value));
  const targets = randomArray(3, SAMPLES * 40, -3, 3);
  const long = await encode(deep, targets, { backend, solver: lbfgs({ memory: 3 }) });
  const inWasm = await encode(deep, targets, { solver: lbfgs({ memory: 3 }) });
  assert.ok(long.stats.matrixEvaluations.some((count) => count > 0));
  long.loss.forEach((value, i) => {
    assert.ok(value < 1.2 * inWasm.loss[i]!, `${value}, in WASM ${inWasm.loss[i]}`);
  });
});

test("points on the way are those of WASM, AMD's too", async () => {
  const options = { z0, saveAt: [0, 0.3, 2, 7.5], solver: amd({ t1: 10, tolerance: 0 }) };
  const got = await encode(decoder, y, { ...options, backend });
  const expected = await encode(decoder, y, options);
  got.trajectory!.forEach((way, i) => {
    const other = expected.trajectory![i]!;
    assert.equal(way.t, other.t);
    assert.ok(relativeDistance(way.z, other.z) < 1e-4);
    assert.ok(relativeDistance(way.loss, other.loss) < 1e-5);
  });
});

const amdOptions: Record<string, AmdOptions> = {
  "the short run's options": {},
  "growth from the step tried": { growFrom: "trial", stepMax: 20 },
  "long steps and a decrease asked for": { stepInit: 20, stepMax: 40, slope: 0.3 },
  "other factors": { increaseFactor: 1.5, decreaseFactor: 0.3, stepMax: 20 },
  "the shortest window": { window: 2 },
  "windows of 3": { window: 3 },
  "a long window": { window: 12 },
  "no time to settle": { settle: 0 },
  "a late start of convergence": { settle: 0.5 },
  "a step limit": { maxSteps: 3 },
  "no step": { maxSteps: 0 },
  "no tolerance": { t1: 12.3456789, tolerance: 0 },
};

for (const [name, given] of Object.entries(amdOptions)) {
  test(`AMD with the GPU's losses: ${name}`, async () => {
    await compare({ solver: amd({ ...SHORT, ...given }) }, name);
  });
}

test("AMD with the GPU's losses takes weights and both losses", async () => {
  const weights = randomArray(5, SAMPLES * 7, 0, 3).map((weight, i) => (i % 4 === 0 ? 0 : weight));
  const missing = y.map((value, i) => (i % 4 === 0 ? Number.NaN : value));
  const solver = amd({ ...SHORT, tolerance: 1e-5 });
  for (const loss of [binaryCrossEntropy(), squaredError()]) {
    await compare({ loss, solver }, loss.name);
    const options = { loss, weights, solver };
    const got = await encode(decoder, missing, { ...options, backend });
    checkSame(got, await encode(decoder, missing, options), `weighted ${loss.name}`);
  }
});

test("every status can be had, and t1 is reached exactly", async () => {
  const status = async (options: AmdOptions) =>
    (await encode(decoder, y, { backend, solver: amd(options) })).status;
  const all = (name: string) => Array(SAMPLES).fill(name);
  assert.equal(await status({ tolerance: 1e-3 }), all("converged"));
  assert.equal(await status({ maxSteps: 3 }), all("max_steps"));
  assert.equal(await status({ stepInit: 1e6, stepMax: 1e6, t1: 1e9, maxBacktracks: 0 }), all("stalled"));
  const t1 = 12.3456789;
  const reached = await encode(decoder, y, { backend, solver: amd({ t1, tolerance: 0 }) });
  assert.equal(reached.status, all("reached_t1"));
  assert.ok(reached.stats.t.every((t) => t === t1));

  const huge = createDecoder({ layers: [1, 1], outputActivation: "identity", loss: squaredError() });
  const overflowing = await encode(huge, Float32Array.of(3e38), { backend });
  assert.equal(overflowing.status, ["nonfinite"]);
  assert.is(overflowing.z[0], 0);
});

test("a latent at rest has converged at once", async () => {
  const result = await encode(deadDecoder(), Float32Array.of(0, 1), { backend });
  assert.equal(result.status, ["converged"]);
  assert.is(result.stats.valueEvaluations[0], 1);
});

test("a sample's result is the same alone, among others, and at any batchSize, bit for bit", async () => {
  const many = randomArray(4, 21 * 7, 0, 1);
  const solver = amd({ ...SHORT, tolerance: 1e-3 });
  const all = await encode(decoder, many, { backend, solver });
  assert.ok(new Set(all.stats.acceptedSteps).size > 3);
  for (const batchSize of [3, 16]) {
    const result = await encode(decoder, many, { backend, solver, batchSize });
    for (const name of ["z", "loss", "initialLoss", "status"] as const) assert.equal(result[name], all[name]);
    assert.equal(result.stats, all.stats);
  }
  const alone = await encode(decoder, many.slice(7, 14), { backend, solver });
  assert.equal(alone.z, all.z.slice(3, 6));
  assert.equal(alone.loss, all.loss.slice(1, 2));
});

test("real digits end where they do in WASM", async () => {
  const count = 2;
  const file = new URL("../../../demo/mnist-test-300.idx.gz", import.meta.url);
  const { data } = await readArray(readFileSync(file));
  const digits = Float32Array.from(data.subarray(0, count * 784), (value) => value / 255);
  const demo = await loadDecoder(new URL("../../../demo/decoder.safetensors", import.meta.url));
  // They converge, sooner than with the defaults: the adapter is a program on one core.
  const solver = amd({ t1: 1000, tolerance: 1e-3 });
  const got = await encode(demo, digits, { backend, solver });
  const expected = await encode(demo, digits, { solver });
  assert.equal(got.status, Array(count).fill("converged"));
  const mean = (losses: Float32Array) => losses.reduce((sum, loss) => sum + loss, 0) / count;
  const error = Math.abs(mean(got.loss) / mean(expected.loss) - 1);
  assert.ok(error < 1e-3, `mean loss ${mean(got.loss)}, in WASM ${mean(expected.loss)}`);
  // Near the stability limit rounding is amplified, and a sample may go on for longer; it never ends much higher.
  got.loss.forEach((loss, i) => {
    assert.ok(loss < expected.loss[i]! * (1 + 1e-3), `sample ${i}: ${loss}, in WASM ${expected.loss[i]}`);
  });
});

test("a squared error with a scale, and missing values", async () => {
  const scale = [1e-3, 1e3, 1, 0.5, 20, 1e-6, 1e6];
  const loss = squaredError({ scale });
  const outputs = decoder.operations.at(-2)!.shape[0]!;
  const values = randomArray(11, SAMPLES * outputs, 0, 1).map((value, i) =>
    i % 9 === 4 ? Number.NaN : value * scale[i % outputs]!,
  );
  const options: EncodeOptions = { loss, solver: amd(SHORT) };
  const expected = await encode(decoder, values, options);
  checkSame(await encode(decoder, values, { ...options, backend }), expected, "scale");
});

test.run();

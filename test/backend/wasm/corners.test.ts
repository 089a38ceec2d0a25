// run: both

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allSamples } from "../../../src/backend/feed.ts";
import { solveFused } from "../../../src/backend/wasm/fused-solve.ts";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { runHere } from "../../../src/backend/wasm/team.ts";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  decode,
  encode,
  gradientFlow,
  lbfgs,
  linearGrid,
  rk4,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { SampleState } from "../../../src/kernels/layout.ts";
import { compileKernels } from "../../../src/kernels/load.ts";
import { makeControl } from "../../../src/solver/control.ts";
import { Solution } from "../../../src/solver/solution.ts";
import { collectPart, partOfSolution } from "../../../src/solver/solution-part.ts";
import { lossFloors } from "../../../src/terms/loss-floor.ts";
import { problemOf } from "../../support/problem.ts";
// Corners that the other tests do not reach.
import { randomArray } from "../../support/random.ts";
import { refused, rejected } from "../../support/refusal.ts";

test("lbfgs: of a sum, weights of 1 are as none: the same steps", async () => {
  const decoder = createDecoder({ layers: [4, 30, 50], seed: 2, outputActivation: "sigmoid" });
  const y = randomArray(1, 20 * 50, 0, 1);
  for (const maxSteps of [1, 5]) {
    const options = { loss: squaredError({ reduction: "sum" }), solver: lbfgs({ maxSteps }) };
    const without = await encode(decoder, y, options);
    const ones = await encode(decoder, y, { ...options, weights: new Float32Array(50).fill(1) });
    assert.equal(without.stats.matrixEvaluations, ones.stats.matrixEvaluations);
    assert.ok(without.loss.every((loss, i) => Math.abs(loss / ones.loss[i]! - 1) < 1e-3));
  }
});

test("no batchSize makes a call hold more than the rows that fit the decoder", async () => {
  const bytesWith = async (batchSize: number | undefined, options: object) => {
    const decoder = createDecoder({ layers: [4, 30, 500], seed: 2, loss: "mse" });
    const y = randomArray(1, 2000 * 500, 0, 1);
    await encode(decoder, y, { ...options, ...(batchSize && { batchSize }) });
    return (await packDecoder(decoder, await compileKernels(undefined))).arena.byteLength;
  };
  for (const options of [
    { solver: amd({ maxSteps: 2 }) },
    { solver: rk4({ grid: linearGrid({ t1: 1, slices: 1 }) }) },
  ]) {
    assert.is(await bytesWith(2000, options), await bytesWith(undefined, options));
    assert.ok((await bytesWith(1, options)) < 0.7 * (await bytesWith(undefined, options)));
  }
});

test("the parameter of an activation reaches the kernels", async () => {
  for (const [activation, of] of [
    [{ name: "leakyRelu", slope: 0.3 }, (x: number) => (x > 0 ? x : 0.3 * x)],
    [{ name: "elu", alpha: 0.3 }, (x: number) => (x > 0 ? x : 0.3 * Math.expm1(x))],
    [{ name: "sine", frequency: 3 }, (x: number) => Math.sin(3 * x)],
  ] as const) {
    const decoder = createDecoder({ layers: [1, 1], outputActivation: activation });
    decoder.parameters.set([1, 0]);
    for (const x of [-2, -0.5, 0.5, 2]) {
      const [value] = await decode(decoder, Float32Array.of(x));
      assert.ok(Math.abs(value! - of(x)) < 1e-5, `${activation.name}(${x}) is ${value}`);
    }
  }
});

test("places that no sample is staged in are empty, whatever was in their memory", async () => {
  const decoder = createDecoder({ layers: [4, 30, 50], seed: 2, outputActivation: "sigmoid" });
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const problem = problemOf(decoder, binaryCrossEntropy(), randomArray(1, 40 * 50, 0, 1));
  const solved = async () => {
    const solution = new Solution(40, 4);
    // A thread that shares a call gets a part of its samples.
    const task = { problem, pair: { flow: gradientFlow(), solver: amd({ maxSteps: 20 }) }, solution };
    let passes = 0;
    const solverRun: typeof packed.kernels.solverRun = (...given) => {
      const spent = packed.kernels.solverRun(...given);
      passes += spent;
      return spent;
    };
    const counting = { ...packed, run: runHere({ ...packed.kernels, solverRun }) };
    await solveFused(counting, task, makeControl(undefined), allSamples(3));
    return { z: solution.z, passes };
  };
  const expected = await solved();
  const dirt = packed.arena.allocate((piece) => piece(2 ** 22));
  packed.arena.i32(dirt.layout, 2 ** 20).fill(SampleState.waiting);
  dirt.free();
  assert.equal(await solved(), expected);
});

test("an abort between losses and gradients: samples that end by their gradient have ended", async () => {
  const decoder = createDecoder({ layers: [4, 30, 50], seed: 2, outputActivation: "sigmoid" });
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const problem = problemOf(decoder, binaryCrossEntropy(), randomArray(1, 40 * 50, 0, 1), { batchSize: 8 });
  const solution = new Solution(40, 4);
  let isAborted = false;
  const control = {
    aborted: () => isAborted,
    // The first slice is one pass of all rows: their losses.
    async pause() {
      isAborted = true;
    },
  };
  const task = { problem, pair: { flow: gradientFlow(), solver: amd({ maxSteps: 0 }) }, solution };
  await solveFused(packed, task, control, allSamples(40));
  assert.equal(solution.statuses(), [...Array(8).fill("max_steps"), ...Array(32).fill("aborted")]);
  assert.is(solution.done, 8);
});

test("lbfgs without a matrix to share, since D is constant about z = 0: fused and around an objective, the same bits", async () => {
  const decoder = createDecoder({
    layers: [2, 4, 6],
    activation: "relu",
    outputActivation: "sigmoid",
    seed: 1,
  });
  layersOf(decoder)[0]!.bias.fill(-1);
  const y = randomArray(1, 5 * 6, 0, 1);
  const options = { solver: lbfgs(), loss: "mse", z0: randomArray(2, 10, 4, 8) } as const;
  const { stats, z } = await encode(decoder, y, options);
  assert.ok(stats.acceptedSteps.some((steps) => steps > 1));
  const around = await encode(decoder, y, { ...options, saveAt: "steps" });
  assert.equal({ z, stats }, { z: around.z, stats: around.stats });
});

test("the mean loss in a report is of the samples whose loss is finite", async () => {
  const decoder = createDecoder({ layers: [1, 1], outputActivation: "identity", loss: "mse" });
  decoder.parameters.set([1, 0]);
  const reports: number[] = [];
  const { status } = await encode(decoder, Float32Array.of(1, 1), {
    z0: Float32Array.of(0, 3e38),
    solver: amd(),
    onProgress: ({ meanLoss }) => void reports.push(meanLoss),
  });
  assert.is(status[1], "nonfinite");
  assert.ok(Number.isFinite(reports.at(-1)));
});

test("what every object has is no loss", async () => {
  const decoder = createDecoder({ layers: [1, 1] });
  for (const name of ["constructor", "toString"]) {
    const loss = { name, reduction: "mean" } as never;
    await rejected(
      encode(decoder, Float32Array.of(1), { loss }),
      "invalid_argument",
      /loss is .*expected "bce"/,
    );
  }
});

test("sine's frequency is above 0", () => {
  refused(
    () => createDecoder({ layers: [1, 1], activation: { name: "sine", frequency: 0 } }),
    "invalid_argument",
    /frequency is 0, expected .*> 0/,
  );
});

test("samples that have not ended do not end where their results are taken over", () => {
  const whole = new Solution(1, 1);
  collectPart(whole, partOfSolution(whole, [0], Float64Array.of(3)), [0]);
  assert.is(whole.done, 0);
  assert.equal([...whole.z], [3]);
});

test("what has no weight adds nothing to the floor of a loss", () => {
  const floors = lossFloors(binaryCrossEntropy(), Float32Array.of(Number.NaN, 0.5), 2, Float32Array.of(0, 1));
  assert.ok(Math.abs(floors[0]! - Math.LN2) < 1e-7, String(floors));
});

test("a solver around objectives gives their memory back", async () => {
  const decoder = createDecoder({ layers: [4, 30, 500], seed: 2, loss: "mse" });
  const y = randomArray(1, 5 * 500, 0, 1);
  const options = { solver: rk4({ grid: linearGrid({ t1: 1, slices: 1 }) }), backend: wasm({ threads: 1 }) };
  const bytes = async () => (await packDecoder(decoder, await compileKernels(undefined))).arena.byteLength;
  await encode(decoder, y, options);
  const before = await bytes();
  for (let i = 0; i < 50; i++) await encode(decoder, y, options);
  assert.is(await bytes(), before);
});

test.run();

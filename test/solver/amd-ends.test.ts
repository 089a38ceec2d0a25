import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AmdOptions,
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  encode,
  gradientFlow,
  squaredError,
} from "../../src/index.ts";
import { quadratic, solveAnalytic } from "../support/analytic.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";

// How AMD ends: at t1 exactly, and where no step lowers the loss any more.

/** (z/5)² of each of a few samples: z falls by a tenth of a unit of time's 8 % a step, and never stops falling. */
const slow = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1, loss: squaredError() });
slow.parameters.set([0.1, 0]);
const starts = Float32Array.of(1, -2, 3.7, 0.01, 100);

/** t1 and the length of every step. */
const grids: readonly [t1: number, step: number, steps: number][] = [
  [1, 0.1, 10],
  [20, 0.2, 100],
  [100, 0.1, 1000],
  [1, 1 / 3, 3],
  [10, 1 / 3, 30],
  [100, 1 / 3, 300],
  // A last step that is short, and one that is none.
  [1.05, 0.1, 11],
  [1 + 5e-5, 0.1, 11],
  [1 - 5e-5, 0.1, 10],
  [1 + 1e-9, 0.1, 10],
  [1 - 1e-9, 0.1, 10],
];

for (const { name, backend } of builds) {
  test(`${name}: reached_t1 is at t1, to the last bit, in as many steps as fit`, async () => {
    const y = new Float32Array(starts.length);
    for (const [t1, step, steps] of grids) {
      const solver = amd({ t1, stepInit: step, stepMax: step, tolerance: 0 });
      for (const saveAt of [undefined, "steps", [0, t1 / 2, t1]] as const) {
        const options = { solver, z0: starts, backend, ...(saveAt && { saveAt }) };
        const { status, stats, z, trajectory } = await encode(slow, y, options);
        starts.forEach((start, i) => {
          const label = `t1 ${t1}, step ${step}, from ${start}`;
          assert.equal([status[i], stats.t[i], stats.acceptedSteps[i]], ["reached_t1", t1, steps], label);
          assert.is(stats.backtracks[i], 0);
          assert.is(stats.gradientEvaluations[i], steps + 1);
          // Whole steps, and what is left of one.
          const whole = Math.floor(t1 / step + 1e-6);
          const expected = start * (1 - 0.02 * step) ** whole * (1 - 0.02 * Math.max(t1 - whole * step, 0));
          assert.ok(Math.abs(z[i]! / expected - 1) < 1e-5, `${label}: ${z[i]}, not ${expected}`);
          const way = trajectory?.[i];
          if (!way) return;
          assert.is(way.t.at(-1), t1, label);
          assert.is(way.z.at(-1), z[i]);
          assert.is(way.t.length, saveAt === "steps" ? steps + 1 : 3);
        });
      }
    }
  });

  test(`${name}: what ends by itself with its last step allowed has not run out of steps`, async () => {
    const y = new Float32Array(starts.length);
    const steps = { stepInit: 0.1, stepMax: 0.1, settle: 0 };
    for (const [options, status] of [
      [{ t1: 1, tolerance: 0 }, "reached_t1"],
      [{ t1: 9, tolerance: 1e9, window: 10 }, "converged"],
      [{ t1: 9, tolerance: 0 }, "max_steps"],
    ] as const) {
      const solver = amd({ ...steps, ...options, maxSteps: 10 });
      const result = await encode(slow, y, { solver, z0: starts, backend });
      assert.equal(result.status, Array(starts.length).fill(status));
      assert.equal(result.stats.acceptedSteps, new Uint32Array(starts.length).fill(10));
    }
  });

  test(`${name}: a last step that was made shorter does not end at t1`, async () => {
    // z² from 1: a step of 1.5 overshoots, and half of it does not.
    const decoder = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1 });
    decoder.parameters.set([1, 0]);
    const solver = amd({ t1: 1.5, stepInit: 1.5, decreaseFactor: 0.5, tolerance: 0 });
    const options = { loss: squaredError(), solver, z0: Float32Array.of(1), backend };
    const { status, stats, z } = await encode(decoder, new Float32Array(1), options);
    assert.equal([status[0], stats.t[0], z[0]], ["reached_t1", 1.5, 0.25]);
    assert.equal([stats.acceptedSteps[0], stats.backtracks[0]], [2, 1]);
  });

  const SAMPLES = 12;
  const decoder = createDecoder({
    layers: [3, 16, 20],
    activation: "elu",
    outputActivation: "sigmoid",
    seed: 5,
    loss: binaryCrossEntropy(),
  });
  /** Near samples of the decoder's own, so that there is a minimum, and not far away. */
  const y = randomArray(4, SAMPLES * 20, 0.3, 0.7);
  /** Ends where no step lowers the loss, and nowhere else. */
  const untilRest = (options: AmdOptions = {}) =>
    amd({ t1: 1e6, stepInit: 4, stepMax: 400, tolerance: 0, maxSteps: 100_000, ...options });
  const solve = (options: EncodeOptions) => encode(decoder, y, { backend, ...options } as EncodeOptions);

  test(`${name}: where rounding alone keeps the loss from falling it has converged`, async () => {
    const { status, z, loss, gradientNorm } = await solve({ solver: untilRest() });
    assert.equal(status, Array(SAMPLES).fill("converged"));
    // From there: no step, or few, and what there is to be said takes no more than one search for each.
    const again = await solve({ solver: untilRest(), z0: z });
    assert.equal(again.status, status);
    for (let i = 0; i < SAMPLES; i++) {
      assert.ok(again.loss[i]! <= loss[i]!);
      assert.ok(again.gradientNorm[i]! < 1e-3, `${again.gradientNorm[i]}, ${gradientNorm[i]}`);
      const { acceptedSteps, valueEvaluations, gradientEvaluations } = again.stats;
      if (acceptedSteps[i] !== 0) continue;
      // z0, 101 trials, z0 once more and its tangent.
      assert.equal([valueEvaluations[i], gradientEvaluations[i]], [104, 2]);
    }
    assert.ok(again.stats.acceptedSteps.includes(0));
  });

  test(`${name}: a sample of the decoder's own converges, down to what float32 shows`, async () => {
    const made = await decode(decoder, randomArray(6, SAMPLES * 3, -1, 1), { backend });
    for (const loss of [squaredError(), binaryCrossEntropy()]) {
      const solver = untilRest({ stepInit: 10, tolerance: 1e-13, maxSteps: 20_000 });
      const { status } = await encode(decoder, made, { loss, solver, backend });
      assert.equal(status, Array(SAMPLES).fill("converged"), loss.name);
    }
  });

  test(`${name}: where the loss would fall, but the steps are too long or too short for it, it has stalled`, async () => {
    // Each of them goes far beyond the minimum.
    const tooLong = untilRest({ stepInit: 1e5, stepMax: 1e5, maxBacktracks: 3 });
    const { status, stats, z } = await solve({ solver: tooLong });
    assert.equal(status, Array(SAMPLES).fill("stalled"));
    assert.equal(z, new Float32Array(SAMPLES * 3));
    assert.equal(stats.backtracks, new Uint32Array(SAMPLES).fill(3));
    assert.equal(stats.valueEvaluations, new Uint32Array(SAMPLES).fill(7));
    assert.equal(stats.gradientEvaluations, new Uint32Array(SAMPLES).fill(2));

    // A first layer of small weights: z has to go far, and float32 sees nothing of a step of 1.
    const small = createDecoder({
      layers: [3, 16, 20],
      activation: "elu",
      outputActivation: "sigmoid",
      seed: 5,
      loss: binaryCrossEntropy(),
    });
    const share = 1e-5;
    for (let k = 0; k < 3 * 16; k++) small.parameters[k]! *= share;
    const short = await encode(small, y, { solver: amd(), backend });
    assert.equal(short.status, Array(SAMPLES).fill("stalled"));
    assert.equal(short.loss, short.initialLoss);
    const scaled = untilRest({ stepInit: 4 / share ** 2, stepMax: 400 / share ** 2, t1: 1e20 });
    const long = await encode(small, y, { solver: scaled, backend });
    assert.equal(long.status, Array(SAMPLES).fill("converged"));
    const large = await solve({ solver: untilRest() });
    for (let i = 0; i < SAMPLES; i++) assert.ok(long.loss[i]! < large.loss[i]! * 1.01 + 1e-4);
  });

  test(`${name}: a loss without curvature is at rest at z0 only where its gradient is 0`, async () => {
    const functions = {
      value: (o: number, t: number) => (o - t) ** 2,
      gradient: (o: number, t: number) => 2 * (o - t),
    };
    const without = customLoss(functions);
    const withOne = customLoss({ ...functions, curvature: () => 2 });
    const { z } = await solve({ loss: squaredError(), solver: untilRest() });
    const solver = untilRest({ stepInit: 1e6, stepMax: 1e6, maxBacktracks: 2, t1: 1e9 });
    const [known, unknown, builtIn] = [
      await solve({ loss: withOne, solver, z0: z }),
      await solve({ loss: without, solver, z0: z }),
      await solve({ loss: squaredError(), solver, z0: z }),
    ];
    for (const result of [known, builtIn]) assert.equal(result.status, Array(SAMPLES).fill("converged"));
    assert.equal(unknown.status, Array(SAMPLES).fill("stalled"));
    for (const result of [known, unknown]) assert.equal(result.z, z);
    // A loss below 0 is as large as one above.
    const below = customLoss({ ...functions, value: (o, t) => (o - t) ** 2 - 10, curvature: () => 2 });
    assert.equal((await solve({ loss: below, solver, z0: z })).status, Array(SAMPLES).fill("converged"));
    // It is not asked for what it has not got.
    assert.equal(unknown.stats.valueEvaluations, new Uint32Array(SAMPLES).fill(4));
    assert.equal(unknown.stats.gradientEvaluations, new Uint32Array(SAMPLES).fill(1));
    // After a step, the step says what it promises.
    const stepped = await solve({ loss: without, solver: untilRest() });
    assert.equal(stepped.status, Array(SAMPLES).fill("converged"));
    const flat = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1 });
    flat.parameters.set([1, 0]);
    const atRest = await encode(flat, new Float32Array(1), { loss: without, solver: amd(), backend });
    assert.equal([atRest.status[0], atRest.stats.valueEvaluations[0]], ["converged", 1]);
  });
}

test("a step that was made shorter by next to nothing ends at t1", async () => {
  // z² from 1: a step of 1 leads to -1, where the loss is the same.
  const solver = amd({ t1: 1, stepInit: 1, stepMax: 1, decreaseFactor: 1 - 2 ** -22, tolerance: 0 });
  const { t, acceptedSteps, backtracks } = await solveAnalytic([quadratic(2)], gradientFlow(), solver, [1]);
  assert.equal([t[0], acceptedSteps[0], backtracks[0]], [1, 1, 1]);
});

/** The mean of (z/2)² and rest²: half of the first is what it can fall by. */
function withRest(rest: number) {
  const decoder = createDecoder({
    layers: [1, 2],
    outputActivation: "identity",
    seed: 1,
    loss: squaredError(),
  });
  decoder.parameters.set([0.5, 0, 0, rest]);
  return decoder;
}

for (const { name, backend } of builds) {
  test(`${name}: converged below 2⁻²⁰ of the loss, and stalled above`, async () => {
    // No trial may be accepted: they go a million times too far. Of the loss 1/2 + z²/8 all of z²/8 would fall.
    const solver = amd({ stepInit: 1e6, stepMax: 1e6, maxBacktracks: 0, t1: 1e9, tolerance: 0 });
    for (const [share, expected] of [
      [0.9, "converged"],
      [1.1, "stalled"],
    ] as const) {
      const z0 = Float32Array.of(Math.sqrt(8 * 0.5 * share * 2 ** -20));
      for (const saveAt of [undefined, "steps"] as const) {
        const options = { solver, z0, backend, ...(saveAt && { saveAt }) };
        const { status, stats } = await encode(withRest(1), new Float32Array(2), options);
        assert.equal([status[0], stats.acceptedSteps[0]], [expected, 0], `${share}`);
      }
    }
  });

  test(`${name}: after a step by the length of that, and by what the loss has fallen by`, async () => {
    // A gradient of z/4: from 4 a step of 4(1 - q) goes to 4q; the next, longer by 1e6, goes nowhere.
    for (const [rest, share, expected] of [
      // A loss that falls to 9/2, which is more than what it falls by.
      [3, 0.9, "converged"],
      [3, 1.1, "stalled"],
      // One that falls from 2 to next to 0.
      [0, 0.9, "converged"],
      [0, 1.1, "stalled"],
    ] as const) {
      const most = Math.max(rest ** 2 / 2, 2);
      // dt·g² = 4(1 - q)·q², for q next to 0.
      const q = Math.sqrt((share * most * 2 ** -20) / 4);
      const solver = amd({
        stepInit: 4 * (1 - q),
        stepMax: 1e7,
        increaseFactor: 1e6,
        maxBacktracks: 0,
        t1: 1e9,
        tolerance: 0,
      });
      const options = { solver, z0: Float32Array.of(4), backend };
      const { status, stats, loss } = await encode(withRest(rest), new Float32Array(2), options);
      assert.is(stats.acceptedSteps[0], 1);
      assert.ok(Math.abs(loss[0]! - rest ** 2 / 2) < 1e-4);
      assert.is(status[0], expected, `${rest}, ${share}`);
    }
  });
}

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  type EncodeOptions,
  type EncodeResult,
  encode,
  gradientFlow,
  lbfgs,
  squaredError,
} from "../../../src/index.ts";
import { Solution } from "../../../src/solver/solution.ts";
import { solveObjective } from "../../../src/solver/solve-objective.ts";
import { builds, plain } from "../../support/builds.ts";
import { uninterrupted } from "../../support/control.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";
import { objectiveOf } from "../../support/reference.ts";
import { sampleOf } from "../../support/sample-result.ts";

// Fused with the kernels, or around an objective's evaluations (custom losses, points on the way): the same steps.

const n = 40;
const SAMPLES = 9;
const y = randomArray(1, SAMPLES * n, 0, 1);
const weights = randomArray(2, SAMPLES * n, -0.3, 1).map((w) => Math.max(w, 0));
const everySample = Array.from({ length: SAMPLES }, (_, i) => i);
const bce = binaryCrossEntropy();

function newDecoder(layers: number[], output: "sigmoid" | "identity" = "sigmoid"): Decoder {
  return createDecoder({ layers: [...layers, n], seed: 3, outputActivation: output, activation: "elu" });
}

const decoder = newDecoder([5, 17, 33]);
/** It saturates at z = 0: the first step is made shorter, and of one sample half is taken then, of another the whole again. */
const saturated = createDecoder({
  layers: [3, 9, n],
  seed: 8,
  outputActivation: "sigmoid",
  activation: "elu",
});
for (const { weight, bias } of layersOf(saturated)) {
  weight.set(weight.map((w) => 7 * w));
  bias.set(randomArray(9, bias.length, -18, 18));
}
/** With and without a refresh, with a constant curvature, without a preconditioner, with halves, with rescues. */
const CASES: Record<string, { decoder: Decoder; options: EncodeOptions }> = {
  "with refreshes": { decoder, options: { loss: bce, weights, solver: lbfgs() } },
  "of one latent": { decoder: newDecoder([1, 9]), options: { loss: squaredError(), solver: lbfgs() } },
  "of a linear output": {
    decoder: newDecoder([6, 9], "identity"),
    options: { loss: squaredError({ reduction: "sum" }), weights, solver: lbfgs() },
  },
  "without refreshes": { decoder: newDecoder([20, 6]), options: { loss: bce, solver: lbfgs() } },
  "of more than 512 latents": { decoder: newDecoder([513, 4]), options: { loss: bce, solver: lbfgs() } },
  "with half of the first step": { decoder: saturated, options: { loss: bce, solver: lbfgs() } },
  "with rescues": {
    decoder: newDecoder([13, 30, 30, 30]),
    options: {
      loss: bce,
      weights,
      z0: randomArray(3, SAMPLES * 13, -6, 6),
      solver: lbfgs({ tolerance: 1e-10 }),
    },
  },
};

/** All that is a sample's own but its way. */
function everythingOf(result: EncodeResult, i: number) {
  return { ...sampleOf(result, i), gradientNorm: result.gradientNorm[i] };
}

for (const { name, backend } of builds) {
  for (const [what, { decoder, options }] of Object.entries(CASES)) {
    test(`${name}: ${what}: fused and around an objective, the same bits`, async () => {
      const fused = await encode(decoder, y, { ...options, backend });
      const objective = await bindObjective(
        backend,
        decoder,
        options.loss as typeof bce,
        y,
        options.weights as typeof weights | undefined,
      );
      const solution = new Solution(SAMPLES, decoder.latentSize, options.z0);
      const { tolerance } = options.solver as ReturnType<typeof lbfgs>;
      const problem = { objective, flow: gradientFlow(), solution, first: 0, control: uninterrupted };
      await solveObjective(lbfgs({ tolerance }), problem);
      objective.dispose();
      const general = { ...solution.toResult(), warnings: [], backend: fused.backend, seconds: 0 };
      for (const i of everySample)
        assert.equal(everythingOf(general, i), everythingOf(fused, i), `sample ${i}`);
      if (what === "with rescues") assert.ok(Math.max(...fused.stats.matrixEvaluations) > 0);
      else assert.ok(fused.status.every((status) => status === "converged"));
    });
  }
}

test("samples of one call shorten their first step, take half of it, or have tried that in vain", async () => {
  const { stats } = await encode(saturated, y, { loss: bce, solver: lbfgs({ maxSteps: 1 }) });
  assert.equal(new Set(stats.backtracks), new Set([1, 2, 3]));
});

for (const [what, { decoder, options }] of Object.entries(CASES)) {
  test(`${what}: saveAt keeps points and changes nothing else; between them are shorter steps`, async () => {
    const d = decoder.latentSize;
    const plain = await encode(decoder, y, options);
    const steps = await encode(decoder, y, { ...options, saveAt: "steps" });
    const times = [0, 0.25, 0.5, 1, 1.5, 2, 3.75, 1e3];
    const chosen = await encode(decoder, y, { ...options, saveAt: times });
    for (const i of everySample) {
      assert.equal(everythingOf(steps, i), everythingOf(plain, i), `sample ${i}`);
      const { valueEvaluations, ...same } = everythingOf(chosen, i);
      const { valueEvaluations: least, ...way } = everythingOf(plain, i);
      assert.equal(same, way);
      const t = Array.from(steps.trajectory![i]!.t);
      // An evaluation for each point within a step, none for its ends.
      const reached = times.filter((time) => time <= t.at(-1)!);
      const within = reached.filter((time) => !t.includes(time));
      assert.is(valueEvaluations, least! + within.length);
      assert.equal(Array.from(chosen.trajectory![i]!.t), reached);
      assert.is(t.length, plain.stats.acceptedSteps[i]! + 1, `sample ${i}: z0 and the end of each step`);
      assert.is(t.at(-1), plain.stats.t[i]);
      const at = (result: EncodeResult, k: number) => result.trajectory![i]!.z.slice(k * d, (k + 1) * d);
      assert.equal(at(steps, 0), options.z0?.slice(i * d, (i + 1) * d) ?? new Float32Array(d));
      assert.equal(at(steps, t.length - 1), plain.z.slice(i * d, (i + 1) * d));
      const losses = steps.trajectory![i]!.loss;
      for (let k = 1; k < losses.length; k++) assert.ok(losses[k]! <= losses[k - 1]!, "the loss never rises");
      reached.forEach((time, k) => {
        // On the straight line from the step's start to its end.
        const next = t.findIndex((end) => end >= time);
        const share = next === 0 ? 1 : (time - t[next - 1]!) / (t[next]! - t[next - 1]!);
        const [from, to] = [at(steps, Math.max(next - 1, 0)), at(steps, next)];
        at(chosen, k).forEach((value, j) => {
          const expected = from[j]! + share * (to[j]! - from[j]!);
          assert.ok(Math.abs(value - expected) < 1e-5 * (1 + Math.abs(from[j]!)), `t = ${time}`);
        });
        const part = (values: Float32Array) => values.subarray(i * n, (i + 1) * n);
        const w = options.weights && part(options.weights as typeof weights);
        const { value } = objectiveOf(decoder, options.loss as typeof bce, at(chosen, k), part(y), w);
        assert.ok(Math.abs(chosen.trajectory![i]!.loss[k]! / value - 1) < 1e-5, "the loss is the point's");
      });
    }
  });
}

const square = {
  value: (o: number, y: number) => (o - y) ** 2,
  gradient: (o: number, y: number) => 2 * (o - y),
};

test("a custom loss with curvature starts with the sample's own matrix; both ways it comes to the same minima", async () => {
  const own = customLoss({ ...square, curvature: () => 2 });
  // A matrix from z0 on is the built-in loss's A where all weights are alike and D(z0) is the origin's.
  for (const solver of [lbfgs({ maxSteps: 1 }), lbfgs({ tolerance: 1e-9 })]) {
    const options = { solver, backend: plain.backend };
    const builtIn = await encode(decoder, y, { ...options, loss: squaredError() });
    const custom = await encode(decoder, y, { ...options, loss: own });
    for (const i of everySample) {
      const [a, b] = [sampleOf(custom, i), sampleOf(builtIn, i)];
      assert.equal([a.status, a.matrixEvaluations], [b.status, b.matrixEvaluations]);
      assert.ok(Math.abs(a.loss! / b.loss! - 1) < 2e-5, `sample ${i}: ${a.loss}, built in ${b.loss}`);
      if (solver.maxSteps > 1) continue;
      a.z.forEach((value, k) => {
        assert.ok(Math.abs(value - b.z[k]!) < 1e-5 * (1 + Math.abs(value)));
      });
    }
  }
});

test("a custom loss needs no curvature, and comes to the same minima", async () => {
  const solver = lbfgs();
  const builtIn = await encode(decoder, y, { loss: squaredError(), solver });
  const custom = await encode(decoder, y, { loss: customLoss(square), solver });
  for (const i of everySample) {
    assert.is(custom.status[i], "converged");
    assert.ok(Math.abs(custom.loss[i]! / builtIn.loss[i]! - 1) < 1e-5, `sample ${i}`);
    assert.is(custom.stats.matrixEvaluations[i], 0);
    // Its first step has length 1 where it is not made shorter.
    assert.is(custom.stats.gradientEvaluations[i], 1 + custom.stats.acceptedSteps[i]!);
  }
  const once = await encode(decoder, y, { loss: customLoss(square), solver: lbfgs({ maxSteps: 1 }) });
  for (const i of everySample) {
    const z = once.z.subarray(5 * i, 5 * i + 5);
    const length = Math.hypot(...z);
    assert.ok(Math.abs(length / once.stats.t[i]! - 1) < 1e-6, `sample ${i}: ${length}`);
  }
});

test("a custom loss that bends down far from its target is encoded", async () => {
  const cauchy = customLoss({
    value: (o, y) => Math.log1p((5 * (o - y)) ** 2),
    gradient: (o, y) => (50 * (o - y)) / (1 + (5 * (o - y)) ** 2),
    curvature: (o, y) => (50 * (1 - (5 * (o - y)) ** 2)) / (1 + (5 * (o - y)) ** 2) ** 2,
  });
  const { status, loss, initialLoss, gradientNorm } = await encode(decoder, y, {
    loss: cauchy,
    solver: lbfgs({ tolerance: 1e-9 }),
  });
  for (const i of everySample) {
    assert.is(status[i], "converged");
    assert.ok(loss[i]! < initialLoss[i]!);
    assert.ok(gradientNorm[i]! < 1e-3, `sample ${i}: ${gradientNorm[i]}`);
  }
});

test("an abort around an objective leaves what each sample has come to, and NaN before the first round", async () => {
  const { backend } = plain;
  const abortedAfter = async (rounds: number) => {
    const objective = await bindObjective(backend, decoder, bce, y);
    const solution = new Solution(SAMPLES, decoder.latentSize);
    const control = { aborted: () => rounds === 0, pause: async () => void rounds-- };
    await solveObjective(lbfgs(), { objective, flow: gradientFlow(), solution, first: 0, control });
    objective.dispose();
    return solution.toResult() as EncodeResult;
  };
  assert.ok((await abortedAfter(0)).loss.every(Number.isNaN));
  const cut = await abortedAfter(5);
  for (const i of everySample) {
    const { status, acceptedSteps, z, loss, gradientNorm } = sampleOf(cut, i);
    assert.ok(status === "aborted" && acceptedSteps! > 0);
    const solver = lbfgs({ maxSteps: acceptedSteps! });
    const expected = sampleOf(await encode(decoder, y, { loss: bce, solver, backend }), i);
    assert.equal([z, loss, gradientNorm], [expected.z, expected.loss, expected.gradientNorm], `sample ${i}`);
  }
});

test("an abort leaves the last accepted step; progress counts up", async () => {
  const options = { loss: bce, z0: randomArray(3, 60 * 5, -6, 6), solver: lbfgs(), batchSize: 3 };
  const many = randomArray(1, 60 * n, 0, 1);
  const whole = await encode(decoder, many, { ...options, saveAt: "steps" });
  for (const saveAt of [undefined, "steps"] as const) {
    let done = 0;
    const controller = new AbortController();
    const cut = await encode(decoder, many, {
      ...options,
      ...(saveAt && { saveAt }),
      signal: controller.signal,
      onAbort: "return",
      onProgress(progress) {
        assert.ok(progress.done > done && progress.meanLoss > 0);
        done = progress.done;
        if (done >= 10) controller.abort();
      },
    });
    assert.ok(done >= 10 && cut.status.includes("aborted"));
    cut.status.forEach((status, i) => {
      const { t, z, loss } = whole.trajectory![i]!;
      const step = cut.stats.acceptedSteps[i]!;
      assert.equal(cut.z.slice(i * 5, (i + 1) * 5), z.slice(step * 5, (step + 1) * 5));
      assert.is(cut.stats.t[i], t[step]);
      if (status !== "aborted") assert.is(step, t.length - 1);
      else assert.is(cut.stats.remainingFall[i], Number.POSITIVE_INFINITY, "nothing is said of what remains");
      const isBegun = cut.stats.valueEvaluations[i]! > 0;
      if (isBegun) assert.ok(cut.loss[i] === loss[step] && cut.gradientNorm[i]! > 0);
      else assert.ok(Number.isNaN(cut.loss[i]) && Number.isNaN(cut.gradientNorm[i]));
    });
  }
});

test.run();

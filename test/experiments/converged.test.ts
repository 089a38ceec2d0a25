// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mean } from "../../bench/timing.ts";
import type { Subject } from "../../experiments/converged/case.ts";
import { taskOf } from "../../experiments/converged/cases.ts";
import { measure } from "../../experiments/converged/measures.ts";
import { startsAt } from "../../experiments/converged/starts.ts";
import { encode, gradientFlow, lbfgs } from "../../src/index.ts";
import type { Objective } from "../../src/solver/objective.ts";
import { Solution } from "../../src/solver/solution.ts";
import { solveObjective } from "../../src/solver/solve-objective.ts";
import { builds } from "../support/builds.ts";
import { uninterrupted } from "../support/control.ts";
import { thresholdAt } from "../support/lbfgs-reference.ts";
import { bindObjective } from "../support/objective.ts";

// "converged" means it: from no such end does a careful descent find more. The cases are those of `npm run experiment -- converged`.

/** J at z = 0, which preconditions, is 1e4 times the Jacobian where the samples start. */
const NORMALISED = ["normalised: RMSNorm on z, ε 1e-8 | N", "normalised: z/‖z‖ | N"];
/** Ordinary decoders, and the passes that a sample took on average when this was written. */
const ORDINARY = { "trained: demo | 0": 41.25, "plain: ELU, cross entropy | 0": 12 };
/** How many times as many it may take. */
const MORE = 1.1;
const SAMPLES = 16;

/** The first samples of a case, and where they start. */
async function begin(
  key: string,
): Promise<{ readonly subject: Subject; readonly z0: Float32Array | undefined }> {
  const task = taskOf(key);
  const { y, decoder, units, ...rest } = await task.case.make();
  const subject = {
    ...rest,
    decoder,
    sampleCount: SAMPLES,
    y: y.subarray(0, SAMPLES * decoder.outputSize),
  };
  return { subject, z0: startsAt(task.start, SAMPLES, decoder.latentSize, units) };
}

/** Gradients of all samples, [SAMPLES, d]. */
async function gradientsAt(objective: Objective, z: Float64Array): Promise<Float64Array> {
  const rows = Int32Array.from({ length: SAMPLES }, (_, row) => row);
  await objective.value(rows, z);
  return Float64Array.from(await objective.gradient(rows));
}

for (const key of NORMALISED) {
  test(`${key}: no sample called converged falls by more than 1 % in 40 evaluations`, async () => {
    const { subject, z0 } = await begin(key);
    const { statuses, short } = await measure(subject, z0, { solver: "lbfgs", long: false });
    assert.equal(short, []);
    // Not by calling them something else.
    assert.equal(statuses, { converged: SAMPLES });
  });

  test(`${key}: around an objective, as on a GPU, samples end as they do fused`, async () => {
    const { subject, z0 } = await begin(key);
    const { decoder, y } = subject;
    const { backend } = builds.find(({ name }) => name === "plain")!;
    const fused = await encode(decoder, y, { backend, z0 });
    const objective = await bindObjective(backend, decoder, decoder.loss!, y);
    const solution = new Solution(SAMPLES, decoder.latentSize, z0);
    const problem = { objective, flow: gradientFlow(), solution, first: 0, control: uninterrupted };
    await solveObjective(lbfgs(), problem);
    objective.dispose();
    const { status, objective: ends } = solution.toResult();
    assert.equal(status, fused.status);
    assert.equal(ends, fused.objective);
  });
}

for (const [key, before] of Object.entries(ORDINARY)) {
  test(`${key}: every end is one, for about as many passes as ever`, async () => {
    const { subject, z0 } = await begin(key);
    const { short, beyond, passes } = await measure(subject, z0, { solver: "lbfgs", long: false });
    assert.equal(short, []);
    assert.equal(beyond, []);
    const most = MORE * before;
    assert.ok(mean(passes) <= most, `${mean(passes)} passes a sample, expected at most ${most}`);
  });
}

for (const key of ["one linear layer", "tanh, 8 latents", "leaky ReLU, He"]) {
  test(`reachable: ${key}: y = D(z) is met to a billionth of the loss at the start`, async () => {
    const { subject, z0 } = await begin(`reachable: ${key} | 0`);
    const { objectives, initialObjective } = await measure(subject, z0, { solver: "lbfgs", long: false });
    assert.ok(Math.max(...objectives) <= 1e-9 * initialObjective, `${Math.max(...objectives)}`);
  });
}

test("the floor of cross entropy counts: logits that are met exactly are met closely", async () => {
  const { subject, z0 } = await begin("reachable: β-VAE, cross entropy | 0");
  const { early } = await measure(subject, z0, { solver: "lbfgs", long: false });
  assert.equal(early, []);
});

/** Decoders whose ends a look cannot all prove: saturated, kinked, badly scaled, at a saddle point, on a plateau. */
const HARD = [
  "output functions: softmax | 10N",
  "output functions: tanh, large logits | 10N",
  "large weights: twice He, tanh | 10N",
  "kinks: leaky ReLU, slope 0.01 | N",
  "scaled latents: 1e-4 to 1e4 | scaled",
  "saddles: bilinear, at 0 | 1e-3N",
  "published: StyleGAN | N",
];
const { tolerance } = lbfgs();

for (const key of HARD) {
  test(`${key}: where the model promised 5 thresholds or more in vain, a step along -∇ falls by less than one`, async () => {
    const { subject, z0 } = await begin(key);
    const { decoder, y } = subject;
    const { backend } = builds.find(({ name }) => name === "plain")!;
    const { z, status, objective, initialLoss, stats } = await encode(decoder, y, { backend, z0 });
    const d = decoder.latentSize;
    const bound = await bindObjective(backend, decoder, decoder.loss!, y);
    const gradients = await gradientsAt(bound, Float64Array.from(z));
    let inVain = 0;
    for (const [i, each] of status.entries()) {
      const left = stats.remainingFall[i]!;
      const g = gradients.subarray(i * d, (i + 1) * d);
      const squared = g.reduce((sum, value) => sum + value * value, 0);
      if (each !== "converged" || squared === 0) {
        assert.is(left, Number.POSITIVE_INFINITY, each);
        continue;
      }
      const end = Math.abs(objective[i]!);
      const noise = 2 ** -23 * end;
      const lossFloor = bound.lossFloor!(i);
      const at = { tolerance, loss: objective[i]!, initialLoss: initialLoss[i]!, lossFloor };
      const threshold = thresholdAt(at);
      const promise = left / 5 - (stats.acceptedSteps[i]! + 1) * threshold;
      assert.ok(promise > -1e-5 * left, `a promise of ${promise}`);
      if (promise < 5.01 * threshold) continue;
      inVain++;
      const length = Math.max(8 * threshold, 2 ** -16 * end) / squared;
      const there = z.subarray(i * d, (i + 1) * d).map((value, k) => value - length * g[k]!);
      const [loss] = await bound.value(Int32Array.of(i), Float64Array.from(there));
      assert.ok(!(objective[i]! - loss! > threshold + 8 * noise), `sample ${i}: ${objective[i]} → ${loss}`);
    }
    bound.dispose();
    if (key.startsWith("published")) assert.ok(inVain > 0, "some models promise in vain");
  });
}

test.run();

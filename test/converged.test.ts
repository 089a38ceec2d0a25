import { test } from "uvu";
import * as assert from "uvu/assert";
import { mean } from "../bench/timing.ts";
import type { Subject } from "../experiments/converged/case.ts";
import { taskOf } from "../experiments/converged/cases.ts";
import { measure } from "../experiments/converged/measures.ts";
import { startsAt } from "../experiments/converged/starts.ts";
import { encode, gradientFlow, lbfgs } from "../src/index.ts";
import { Solution } from "../src/solver/solution.ts";
import { builds } from "./support/builds.ts";
import { uninterrupted } from "./support/control.ts";
import { bindObjective } from "./support/objective.ts";

// "converged" means it: from no such end does a careful descent find more. The cases are those of `npm run experiment -- converged`.

/** J at z = 0, which preconditions, is 1e4 times the Jacobian where the samples start. */
const NORMALISED = ["normalised: RMSNorm on z, ε 1e-8 | N", "normalised: z/‖z‖ | N"];
/** Ordinary decoders, and the passes that a sample took on average when this was written. */
const ORDINARY = { "trained: demo | 0": 41.25, "plain: ELU, cross entropy | 0": 9.875 };
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
    ...{ ...rest, decoder, sampleCount: SAMPLES },
    y: y.subarray(0, SAMPLES * decoder.outputSize),
  };
  return { subject, z0: startsAt(task.start, SAMPLES, decoder.latentSize, units) };
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
    await lbfgs().solve(objective, gradientFlow(), solution, 0, uninterrupted);
    objective.dispose();
    const { status, objective: ends } = solution.toResult();
    assert.equal(status, fused.status);
    assert.equal(ends, fused.objective);
  });
}

for (const [key, before] of Object.entries(ORDINARY)) {
  test(`${key}: every end is one, for about as many passes as ever`, async () => {
    const { subject, z0 } = await begin(key);
    const { short, early, passes } = await measure(subject, z0, { solver: "lbfgs", long: false });
    assert.equal(short, []);
    assert.equal(early, []);
    const most = MORE * before;
    assert.ok(mean(passes) <= most, `${mean(passes)} passes a sample, expected at most ${most}`);
  });
}

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  decode,
  type EncodeOptions,
  encode,
  gradientFlow,
  lbfgs,
  squaredError,
} from "../../src/index.ts";
import { Solution } from "../../src/solver/solution.ts";
import { solveObjective } from "../../src/solver/solve-objective.ts";
import { builds } from "../support/builds.ts";
import { uninterrupted } from "../support/control.ts";
import { bindObjective } from "../support/objective.ts";
import { randomArray } from "../support/random.ts";
import { sampleOf } from "../support/sample-result.ts";

// A sample's result depends on nothing else in the call, bit for bit.

const decoder = createDecoder({ layers: [5, 17, 33, 50], seed: 3, outputActivation: "sigmoid" });
const SAMPLES = 67;
const y = randomArray(1, SAMPLES * 50, 0, 1);
const weights = randomArray(2, SAMPLES * 50, -0.3, 1).map((w) => Math.max(w, 0));
const z0 = randomArray(3, SAMPLES * 5, -6, 6);
const solver = amd({ t1: 4000, stepInit: 5, stepMax: 400, tolerance: 1e-4, maxSteps: 60 });
// With more latents than outputs any targets in (0, 1) are met: the loss comes near the targets' own entropy.
const reaching = createDecoder({ layers: [12, 20, 8], seed: 3, outputActivation: "sigmoid" });
const reached = randomArray(4, 9 * 8, 0.05, 0.95);
const losses = [binaryCrossEntropy(), squaredError({ reduction: "sum" })];

function rowsOf(values: Float32Array, indices: readonly number[], size: number): Float32Array {
  const rows = new Float32Array(indices.length * size);
  for (const [i, index] of indices.entries()) {
    rows.set(values.subarray(index * size, (index + 1) * size), i * size);
  }
  return rows;
}

for (const { name, backend } of builds) {
  for (const loss of losses) {
    const options = { loss, solver, backend };
    const encodeSamples = (indices: readonly number[], batchSize?: number) =>
      encode(decoder, rowsOf(y, indices, 50), {
        ...options,
        weights: rowsOf(weights, indices, 50),
        z0: rowsOf(z0, indices, 5),
        ...(batchSize !== undefined && { batchSize }),
      });
    const everySample = Array.from({ length: SAMPLES }, (_, i) => i);

    test(`${name}: ${loss.name}: alone or among others, in any place, at any batchSize`, async () => {
      const all = await encodeSamples(everySample);
      const ends = new Set(all.stats.acceptedSteps);
      assert.ok(ends.size > 5, "samples end at different times, so that rows change hands");
      for (const batchSize of [1, 2, 3, 5, 7, 13, 66, 1000]) {
        const result = await encodeSamples(everySample, batchSize);
        for (const i of everySample)
          assert.equal(sampleOf(result, i), sampleOf(all, i), `batchSize ${batchSize}`);
      }
      for (const i of [0, 1, 31, 66]) {
        assert.equal(sampleOf(await encodeSamples([i]), 0), sampleOf(all, i), `sample ${i} alone`);
      }
      const reversed = await encodeSamples([...everySample].reverse(), 9);
      for (const i of everySample)
        assert.equal(sampleOf(reversed, SAMPLES - 1 - i), sampleOf(all, i), "reversed");
    });

    test(`${name}: ${loss.name}: the solver in TypeScript and the fused one agree bit for bit`, async () => {
      const fused = await encode(decoder, y, { ...options, weights, z0 });
      const objective = await bindObjective(backend, decoder, loss, y, weights);
      const solution = new Solution(SAMPLES, 5, z0);
      const problem = { objective, flow: gradientFlow(), solution, first: 0, control: uninterrupted };
      await solveObjective(solver, problem);
      objective.dispose();
      const general = { ...solution.toResult(), warnings: [], backend: fused.backend, seconds: 0 };
      for (const i of everySample) assert.equal(sampleOf(general, i), sampleOf(fused, i), `sample ${i}`);
    });
  }

  for (const reduction of ["mean", "sum"] as const) {
    test(`${name}: ${reduction}: lbfgs ends a sample by the entropy of its own targets, in any place, recorded or not`, async () => {
      const loss = binaryCrossEntropy({ reduction });
      const options = { loss, solver: lbfgs({ tolerance: 1e-3 }), backend };
      const weights = randomArray(2, 9 * 8, -0.3, 1).map((w) => Math.max(w, 0));
      const encodeSamples = (indices: readonly number[], more: EncodeOptions = {}) =>
        encode(reaching, rowsOf(reached, indices, 8), {
          ...options,
          weights: rowsOf(weights, indices, 8),
          ...more,
        });
      const everySample = Array.from({ length: 9 }, (_, i) => i);
      const all = await encodeSamples(everySample);
      const recorded = await encodeSamples(everySample, { saveAt: "steps", batchSize: 2 });
      const inTwos = await encodeSamples(everySample, { batchSize: 2 });
      for (const i of everySample) {
        const expected = sampleOf(await encodeSamples([i]), 0);
        for (const result of [all, inTwos, recorded])
          assert.equal(sampleOf(result, i), expected, `sample ${i}`);
      }
    });
  }

  test(`${name}: a row of weights that all samples share does what it does as the row of each`, async () => {
    const shared = weights.slice(0, 50);
    const own = weights.map((_, k) => shared[k % 50]!);
    const [all, each] = await Promise.all(
      [shared, own].map((weights) => encode(decoder, y, { loss: losses[0]!, solver, backend, z0, weights })),
    );
    for (let i = 0; i < SAMPLES; i++) assert.equal(sampleOf(all!, i), sampleOf(each!, i), `sample ${i}`);
  });

  test(`${name}: decode gives each row alone what it gives it among others`, async () => {
    const all = await decode(decoder, z0, { backend });
    for (const i of [0, 1, 40, 66]) {
      const alone = await decode(decoder, z0.slice(i * 5, (i + 1) * 5), { backend });
      assert.equal(alone, all.slice(i * 50, (i + 1) * 50));
    }
  });
}

test.run();

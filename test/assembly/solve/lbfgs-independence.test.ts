// run: both, slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { layersOf } from "../../../src/graph/layers.ts";
import {
  binaryCrossEntropy,
  createDecoder,
  type EncodeOptions,
  type EncodeResult,
  encode,
  lbfgs,
  squaredError,
  wasm,
} from "../../../src/index.ts";
import { builds } from "../../support/builds.ts";
import { randomArray } from "../../support/random.ts";
import { norm } from "../../support/reference.ts";
import { sampleOf } from "../../support/sample-result.ts";
import { workerUrl } from "../../support/threads.ts";

// With lbfgs a sample's result depends on the decoder and on what is its own alone, and hardly on its units.

const [d, n] = [5, 50];
const decoder = createDecoder({ layers: [d, 17, 33, n], seed: 3, outputActivation: "sigmoid" });
// Curved enough for rescues.
for (const { weight } of layersOf(decoder)) weight.set(weight.map((w) => 4 * w));
const SAMPLES = 67;
const y = randomArray(1, SAMPLES * n, 0, 1);
const weights = randomArray(2, SAMPLES * n, -0.3, 1).map((w) => Math.max(w, 0));
const z0 = randomArray(3, SAMPLES * d, -6, 6);
const losses = [binaryCrossEntropy(), squaredError({ reduction: "sum" })];
const everySample = Array.from({ length: SAMPLES }, (_, i) => i);
// Short and long runs, so that rows change hands, with rescues in some.
const solver = lbfgs({ tolerance: 1e-9 });

function rowsOf(values: Float32Array, indices: readonly number[], size: number): Float32Array {
  const rows = new Float32Array(indices.length * size);
  for (const [i, index] of indices.entries()) {
    rows.set(values.subarray(index * size, (index + 1) * size), i * size);
  }
  return rows;
}

function same(result: EncodeResult, expected: EncodeResult, label: string): void {
  for (const i of everySample) assert.equal(sampleOf(result, i), sampleOf(expected, i), label);
}

for (const { name, backend } of builds) {
  for (const loss of losses) {
    test(`${name}: ${loss.name}: alone or among others, in any place, at any batchSize`, async () => {
      const encodeSamples = (indices: readonly number[], batchSize?: number) =>
        encode(decoder, rowsOf(y, indices, n), {
          loss,
          solver,
          backend,
          weights: rowsOf(weights, indices, n),
          z0: rowsOf(z0, indices, d),
          ...(batchSize !== undefined && { batchSize }),
        });
      const all = await encodeSamples(everySample);
      assert.ok(new Set(all.stats.acceptedSteps).size > 5, "rows change hands");
      assert.ok(Math.max(...all.stats.matrixEvaluations) > 0, "there are rescues");
      for (const batchSize of [1, 2, 13, 1000]) {
        same(await encodeSamples(everySample, batchSize), all, `batchSize ${batchSize}`);
      }
      for (const i of [0, 31, 66]) {
        assert.equal(sampleOf(await encodeSamples([i]), 0), sampleOf(all, i), `sample ${i} alone`);
      }
      const reversed = await encodeSamples([...everySample].reverse(), 9);
      for (const i of everySample) {
        assert.equal(sampleOf(reversed, SAMPLES - 1 - i), sampleOf(all, i), "reversed");
      }
    });
  }

  test(`${name}: weights given once, or once for each sample, are the same`, async () => {
    const once = weights.slice(0, n);
    const each = rowsOf(once, new Array(SAMPLES).fill(0), n);
    for (const output of ["sigmoid", "identity"] as const) {
      const own = createDecoder({ layers: [d, 17, n], seed: 4, outputActivation: output });
      for (const reduction of ["mean", "sum"] as const) {
        const options = { loss: squaredError({ reduction }), solver: lbfgs(), backend };
        const expected = await encode(own, y, { ...options, weights: each });
        same(await encode(own, y, { ...options, weights: once }), expected, output);
        same(await encode(own, y, { ...options, weights: once, saveAt: "steps" }), expected, output);
      }
    }
  });
}

test("the same bits on 1 and on 3 threads", async () => {
  for (const loss of losses) {
    for (const more of [{}, { weights }, { weights, saveAt: "steps", batchSize: 5 }] as EncodeOptions[]) {
      const run = (threads: number) =>
        encode(decoder, y, {
          ...({ loss, solver, z0, ...more } as EncodeOptions),
          backend: wasm({ threads, worker: workerUrl }),
        });
      const [alone, shared] = [await run(1), await run(3)];
      assert.is(shared.backend.threads, 3);
      same(shared, alone, loss.name);
    }
  }
});

test("a loss times a power of two takes the same steps", async () => {
  for (const output of ["sigmoid", "identity"] as const) {
    const own = createDecoder({ layers: [d, 17, n], activation: "tanh", seed: 4, outputActivation: output });
    for (const loss of [binaryCrossEntropy({ reduction: "sum" }), squaredError({ reduction: "sum" })]) {
      if (output === "identity" && loss.name === "binaryCrossEntropy") continue;
      const run = (factor: number) =>
        encode(own, y, { loss, solver: lbfgs(), weights: weights.map((w) => w * factor) });
      const plain = await run(1);
      assert.ok(plain.status.every((status) => status === "converged"));
      for (const factor of [2 ** -20, 2 ** 20]) {
        const scaled = await run(factor);
        for (const i of everySample) {
          const { z, loss: _, initialLoss: __, gradientNorm: scaledNorm, ...counts } = sampleOf(scaled, i);
          const { z: expected, loss: ___, initialLoss: ____, gradientNorm, ...way } = sampleOf(plain, i);
          const label = `${loss.name}, ${output}, ${factor}, sample ${i}`;
          const alike = { t: 0, remainingFall: 0 };
          assert.equal({ ...counts, ...alike }, { ...way, ...alike }, label);
          assert.ok(Math.abs(counts.remainingFall! / factor / way.remainingFall! - 1) < 0.1, label);
          assert.ok(Math.abs(counts.t! / way.t! - 1) < 1e-4, label);
          assert.ok(Math.abs(scaledNorm! / factor / gradientNorm! - 1) < 1e-2, label);
          const off = norm(z.map((value, k) => value - expected[k]!)) / norm(expected);
          assert.ok(off < 1e-4, `${label}: off by ${off}`);
          assert.ok(Math.abs(scaled.loss[i]! / factor / plain.loss[i]! - 1) < 1e-5, label);
        }
      }
    }
  }
});

test("data and outputs in other units end the same", async () => {
  const run = (factor: number) => {
    const own = createDecoder({
      layers: [d, 17, n],
      activation: "elu",
      seed: 4,
      outputActivation: "identity",
    });
    const last = layersOf(own).at(-1)!;
    last.weight.set(last.weight.map((w) => w * factor));
    last.bias.set(last.bias.map((b) => b * factor));
    return encode(
      own,
      y.map((value) => value * factor),
      { loss: squaredError(), solver: lbfgs() },
    );
  };
  const plain = await run(1);
  for (const factor of [0.01, 100]) {
    const { status, loss } = await run(factor);
    assert.equal(status, plain.status);
    for (const i of everySample) {
      assert.ok(Math.abs(loss[i]! / factor ** 2 / plain.loss[i]! - 1) < 1e-4, `${factor}, sample ${i}`);
    }
  }
});

test.run();

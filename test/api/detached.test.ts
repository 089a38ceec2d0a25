// run: both
// Tests src/base/realms.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { amd, decode, type EncodeOptions, encode, linearGrid, rk4 } from "../../src/index.ts";
import { createDataset, evaluate, train } from "../../src/train/index.ts";
import { alone, newDecoder, on, resultOf, SIZE, solver, weights, y } from "../support/pool-case.ts";
import { randomArray } from "../support/random.ts";
import { rejected } from "../support/refusal.ts";

const decoder = newDecoder();
const expected = resultOf(await encode(decoder, y, { solver, backend: alone }));

function detach(values: Float32Array): void {
  if (values.length > 0) structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
}

const DETACHED =
  /the buffer of (y|weights) was detached \(transferred\) while the call was at work; give a copy/;

test("y, weights and z may be detached while a call is at work: it rejects or has taken them, others go on", async () => {
  const many = (values: Float32Array) =>
    Float32Array.from({ length: 50 * values.length }, (_, i) => values[i % values.length]!);
  const slow = { solver: rk4({ grid: linearGrid({ t1: 40, slices: 40 }) }), batchSize: 4 };
  for (const backend of [alone, on(3)]) {
    for (const options of [{ solver, batchSize: 4 }, slow] as EncodeOptions[]) {
      for (const what of ["y", "weights"] as const) {
        const given = { y: many(y), weights: many(weights) };
        const onProgress = () => detach(given[what]);
        const call = encode(decoder, given.y, {
          ...options,
          weights: given.weights,
          backend,
          onProgress,
        } as EncodeOptions);
        const other = encode(decoder, y, { solver, backend });
        await rejected(call, "invalid_argument", DETACHED);
        assert.equal(resultOf(await other), expected);
      }
    }
    const z = randomArray(5, 5 * 60_000, -1, 1);
    const outputs = await decode(decoder, z.subarray(0, 50), { backend: alone });
    const decoding = decode(decoder, z, { backend });
    setTimeout(() => detach(z));
    assert.equal((await decoding).subarray(0, outputs.length), outputs);
    for (const what of ["y", "weights"] as const) {
      const data = { y: y.slice(), weights: weights.slice() };
      const options = {
        backend,
        weights: data.weights,
        solver: amd({ maxSteps: 5 }),
        onProgress: () => detach(data[what]),
      };
      await rejected(train(decoder, data.y, options), "invalid_argument", /detached \(transferred\)/);
      const rows = {
        y: new Float32Array(2500 * SIZE).fill(0.5),
        weights: new Float32Array(2500 * SIZE).fill(1),
      };
      const evaluation = evaluate(decoder, createDataset(rows.y, { shape: [SIZE] }), {
        ...options,
        weights: rows.weights,
        onProgress: () => detach(rows[what]),
      });
      await rejected(evaluation, "invalid_argument", /detached \(transferred\)/);
    }
  }
});

test.run();

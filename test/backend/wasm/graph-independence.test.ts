// run: both, slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KINDS } from "../../../src/graph/operations.ts";
import { amd, createDecoder, decode, encode, linearGrid, rk4, wasm } from "../../../src/index.ts";
import { allKinds } from "../../support/all-kinds.ts";
import { builds } from "../../support/builds.ts";
import { randomArray } from "../../support/random.ts";
import { workerUrl } from "../../support/threads.ts";

// No number of a graph's results depends on batch mates, threads or whether a path was recorded, bit for bit.

const SAMPLES = 23;
const decoder = createDecoder(allKinds, { seed: 3, loss: "bce" });
const [d, n] = [decoder.latentSize, decoder.outputSize];
const z = randomArray(1, SAMPLES * d, -1, 1);
const alone = wasm({ threads: 1 });
const threaded = wasm({ threads: 3, worker: workerUrl });

test("the decoder has all kinds of operation", () => {
  const has = new Set(decoder.operations.map(({ kind }) => kind as string));
  assert.equal(
    Object.keys(KINDS).filter((kind) => !has.has(kind)),
    ["embedding"],
  );
});

for (const { name, backend } of builds) {
  test(`${name}: decode: each sample alone is as in the batch`, async () => {
    const expected = await decode(decoder, z, { backend });
    for (let i = 0; i < SAMPLES; i++) {
      const one = await decode(decoder, z.subarray(i * d, (i + 1) * d), { backend });
      assert.equal(one, expected.slice(i * n, (i + 1) * n), `sample ${i}`);
    }
  });
}

test("decode: on three threads it is the same", async () => {
  assert.equal(await decode(decoder, z, { backend: threaded }), await decode(decoder, z, { backend: alone }));
});

const SOLVERS = {
  amd: amd({ maxSteps: 30 }),
  lbfgs: undefined,
  rk4: rk4({ grid: linearGrid({ t1: 20, slices: 10 }) }),
};

for (const [name, solver] of Object.entries(SOLVERS)) {
  test(`encode by ${name}: alone, in a batch, on three threads, with the path recorded`, async () => {
    const y = await decode(decoder, z, { backend: alone });
    const options = { ...(solver && { solver }), backend: alone } as Parameters<typeof encode>[2];
    const expected = await encode(decoder, y, options);
    const onThreads = await encode(decoder, y, { ...options, backend: threaded } as typeof options);
    assert.is(onThreads.backend.threads, 3, onThreads.backend.reason);
    assert.equal({ ...onThreads, backend: 0, seconds: 0 }, { ...expected, backend: 0, seconds: 0 });
    for (let i = 0; i < SAMPLES; i++) {
      const one = await encode(decoder, y.subarray(i * n, (i + 1) * n), options);
      assert.equal(one.z, expected.z.slice(i * d, (i + 1) * d), `sample ${i} alone`);
      assert.equal(one.loss, expected.loss.slice(i, i + 1), `the loss of sample ${i} alone`);
    }
    for (const backend of [alone, threaded]) {
      const recorded = await encode(decoder, y, { ...options, backend, saveAt: "steps" } as typeof options);
      assert.equal(recorded.z, expected.z);
    }
  });
}

test.run();

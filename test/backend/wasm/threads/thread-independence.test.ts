// run: both, slow
// Tests src/backend/wasm/threads/shared-session.ts, src/backend/wasm/team.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  type Backend,
  customLoss,
  decode,
  type EncodeOptions,
  encode,
  gaussian,
  lbfgs,
  sampleCodes,
  wasm,
} from "../../../../src/index.ts";
import { type Build, builds, wideBuilds } from "../../../support/builds.ts";
import { decoderCases } from "../../../support/decoders.ts";
import { newDecoder, on, resultOf, SAMPLES, SIZE, weights, y } from "../../../support/pool-case.ts";
import { randomArray } from "../../../support/random.ts";
import { solverCases } from "../../../support/solvers.ts";
import { workerUrl } from "../../../support/threads.ts";

// No result depends on the number of threads, bit for bit.

const COUNTS = [2, 3, 8];
const decoder = newDecoder(3);
const z0 = randomArray(4, SAMPLES * 5, -2, 2);

/** The build on so many threads: those whose file has a plain memory as the package embeds them. */
function backendOf({ name, module }: Build, threads: number): Backend {
  const isEmbedded = name === "plain" || name === "relaxed";
  return wasm({ threads, worker: workerUrl, ...(isEmbedded ? { relaxed: name === "relaxed" } : { module }) });
}

/** Asserts that a call gives the same on several threads as on one. */
async function holds(call: (backend: Backend) => Promise<unknown>, of = on, counts = COUNTS) {
  const expected = await call(of(1));
  for (const count of counts) assert.equal(await call(of(count)), expected, `${count} threads`);
}

/** Encodes; returns what does not depend on threads, of which there must be as many as asked for. */
const encoded =
  (options: EncodeOptions, of = decoder, data: Float32Array = y) =>
  async (backend: Backend) => {
    const result = await encode(of, data, { ...options, backend } as EncodeOptions);
    // More threads than samples are asked for now and then.
    assert.match(result.backend.reason ?? "", /^$|samples take at most/);
    return resultOf(result);
  };

const loss = customLoss({ value: (o, t) => (o - t) ** 4, gradient: (o, t) => 4 * (o - t) ** 3 });
const atRest = { name: "lbfgs", options: { solver: lbfgs() } };
for (const { name, options } of [...solverCases, atRest]) {
  test(`${name}: the same bits on all numbers of threads`, async () => {
    for (const more of [
      { weights },
      { weights: weights.subarray(SIZE, 2 * SIZE), saveAt: [0, 3, 17], batchSize: 5, prior: gaussian() },
    ] as EncodeOptions[]) {
      await holds(encoded({ ...options, z0, ...more } as EncodeOptions), on, [2, 3]);
    }
  });
}

for (const build of [...builds, ...wideBuilds]) {
  test(`${build.name}: the same bits of all sorts of decoders`, async () => {
    for (const { make, y: data, given } of decoderCases) {
      const own = make();
      const of = (threads: number) => backendOf(build, threads);
      for (const solver of [lbfgs({ maxSteps: 12 }), amd({ maxSteps: 6 })]) {
        await holds(encoded({ solver, ...given }, own, data), of, solver.name === "lbfgs" ? [2, 8] : [3]);
      }
      await holds(encoded({ solver: lbfgs({ maxSteps: 5 }), loss, ...given }, own, data), of, [3]);
      own.dispose();
    }
  });
}

test("decode and sampleCodes: the same bits on all numbers of threads", async () => {
  for (const output of ["data", "preActivation"] as const) {
    for (const count of [0, 1, 2, 150]) {
      const z = randomArray(5, count * 5, -3, 3);
      await holds((backend) => decode(decoder, z, { output, backend }));
    }
  }
  const few = y.subarray(0, 4 * SIZE);
  const options = { prior: gaussian(), count: 7 };
  const result = await encode(decoder, few, { prior: gaussian() });
  await holds((backend) => sampleCodes(decoder, few, result, { ...options, backend }));
});

test("the number of threads that the result reports is that of the call", async () => {
  for (const [count, samples, expected] of [
    [1, 9, 1],
    [3, 9, 3],
    [8, 9, 8],
    [8, 2, 2],
  ] as const) {
    const { backend } = await encode(decoder, y.subarray(0, samples * SIZE), { backend: on(count) });
    assert.is(backend.threads, expected);
  }
  const { backend } = await encode(decoder, y.subarray(0, SIZE), { backend: on(3) });
  assert.equal([backend.threads, backend.reason], [1, "one sample takes one thread"]);
});

test.run();

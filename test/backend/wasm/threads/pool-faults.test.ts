// run: both, alone
// Tests src/backend/wasm/threads/pool-worker.ts, src/backend/wasm/threads/latentflow-worker.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packDecoder } from "../../../../src/backend/wasm/packed.ts";
import { createRandom } from "../../../../src/base/random.ts";
import {
  amd,
  closeWorkers,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  encode,
  euler,
  lbfgs,
  linearGrid,
  rk4,
  wasm,
} from "../../../../src/index.ts";
import { compileKernels } from "../../../../src/kernels/load.ts";
import { until } from "../../../support/patience.ts";
import { alone, newDecoder, on, resultOf, SAMPLES, SIZE, solver, y } from "../../../support/pool-case.ts";
import { rejected } from "../../../support/refusal.ts";
import { isBusy, newWorker, watchThreads, workerUrl } from "../../../support/threads.ts";

// Workers that die, calls that are aborted and data that are taken away: that call rejects, and all others have the same bits.

const threads = watchThreads();
const decoder = newDecoder();
/** Goes on for minutes. */
const endless = euler({ grid: linearGrid({ t1: 1e3, slices: 1e6 }) });
const DIED =
  /^wasm: a worker has failed: it ended with exit code [01]; call again, and a new worker is started; .*threads: 1/;
const expected = resultOf(await encode(decoder, y, { solver, backend: alone }));
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const { now } = performance;
let ahead = 0;
performance.now = () => now.call(performance) + ahead;
/** Lets time pass, after which a start that has failed is tried again. */
const later = () => {
  ahead += 600_000;
};

// Workers that are being killed do not keep this process alive.
const alive = setInterval(() => {}, 1000);

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
test.after(async () => {
  clearInterval(alive);
  await closeWorkers();
  assert.equal(unhandled, []);
});

const running = () => threads.filter(({ hasEnded }) => !hasEnded);

async function holds(count = 3): Promise<void> {
  const result = await encode(decoder, y, { solver, backend: on(count) });
  assert.equal(resultOf(result), expected);
  assert.is(result.backend.threads, count, result.backend.reason);
}

test("a worker that is killed while it is idle is replaced by the next call", async () => {
  await holds();
  const started = threads.length;
  await running()[1]!.worker.terminate();
  await holds();
  assert.is(threads.length, started + 1);
});

test("a worker that is killed while it starts leaves the call to the others, and the next call has all", async () => {
  await closeWorkers();
  const started = threads.length;
  const call = encode(decoder, y, { solver, backend: on(3) });
  await until(() => threads.length >= started + 3);
  threads[started]!.worker.terminate();
  const result = await call;
  assert.equal(resultOf(result), expected);
  assert.is(result.backend.threads, 2);
  assert.match(
    result.backend.reason!,
    /^workers cannot be started here: it ended with exit code [01]; say where/,
  );
  later();
  await holds();
});

test("a worker that is killed in a call rejects it; calls of other workers and later ones have the same bits", async () => {
  await closeWorkers();
  const own = newDecoder();
  const busy = encode(own, y, { solver: endless, backend: on(2) });
  await until(() => running().filter(isBusy).length === 2);
  const [victim] = running();
  // The two workers that have nothing to do.
  const other = encode(own, y, { solver, backend: on(4) });
  const apart = encode(decoder, y, {
    solver: endless,
    backend: wasm({ threads: 2, worker: () => newWorker(workerUrl) }),
    signal: AbortSignal.timeout(300),
    onAbort: "return",
  });
  await until(() => running().length >= 4);
  const both = Promise.allSettled([busy, other]);
  await victim!.worker.terminate();
  await rejected(busy, "worker_failed", DIED);
  // It was at work for this one, too, or has been replaced before.
  await both;
  await other.then(
    (result) => assert.equal(resultOf(result), expected),
    (error) => assert.match(error.message, DIED),
  );
  assert.is((await apart).status.length, SAMPLES);
  assert.equal(resultOf(await encode(own, y, { solver, backend: on(3) })), expected);
  own.dispose();
});

test("twenty workers are killed at random moments, and the decoder's memory is as it was", async () => {
  const random = createRandom(3);
  const { arena } = await packDecoder(decoder, await compileKernels(undefined));
  const taken = () => {
    const { gaps } = arena as unknown as { gaps: { size: number }[] };
    return arena.byteLength - gaps.reduce((sum, { size }) => sum + size, 0);
  };
  // Its Jacobian is kept.
  await encode(decoder, y, { solver: lbfgs(), backend: on(4) });
  const [{ length: started }, before] = [threads, taken()];
  let failures = 0;
  for (let killed = 0; killed < 20; ) {
    later();
    const options = [{ solver }, { solver: lbfgs() }, { solver, saveAt: [0, 3], batchSize: 5 }][
      random.below(3)
    ]!;
    const calls = [on(2), on(4)].map((backend) =>
      encode(decoder, y, { ...options, backend } as EncodeOptions),
    );
    const outcomes = Promise.allSettled(calls);
    await wait(random.below(15));
    const victims = running();
    const victim = victims[random.below(victims.length)];
    if (victim) {
      killed++;
      await victim.worker.terminate();
    }
    for (const outcome of await outcomes) {
      if (outcome.status === "fulfilled") continue;
      failures++;
      assert.is(outcome.reason.code, "worker_failed");
      assert.match(outcome.reason.message, DIED);
    }
    later();
    if (killed % 5 === 0) await holds(1 + random.below(4));
  }
  later();
  await holds(4);
  assert.ok(failures > 0 && threads.length > started, `${failures} calls failed`);
  assert.is(taken(), before, "what was in use is free again");
});

/** A worker that runs `program` first. */
const workerThat = (program: string) => () =>
  newWorker(`${program}; import(${JSON.stringify(workerUrl.href)});`, { eval: true });

test("a trap of the kernels in a worker rejects its call alone, as does a memory that it cannot hold", async () => {
  for (const [program, reason] of [
    [
      `const { Instance } = WebAssembly;
      let runs = 0;
      WebAssembly.Instance = class {
        constructor(module, imports) {
          const { exports } = new Instance(module, imports);
          const solverRun = (...args) => {
            if (++runs === 1) throw new WebAssembly.RuntimeError("unreachable \\u001b[2J");
            return exports.solverRun(...args);
          };
          this.exports = { ...exports, solverRun };
        }
      }`,
      /^wasm: a worker has failed: RuntimeError: unreachable \\u001b\[2J; call again/,
    ],
    [
      `const { Instance } = WebAssembly;
      let made = 0;
      WebAssembly.Instance = class {
        constructor(...given) {
          if (++made === 1) throw new RangeError("no memory today");
          return new Instance(...given);
        }
      }`,
      /^wasm: a worker has failed: RangeError: no memory today; call again/,
    ],
  ] as const) {
    const backend = wasm({ threads: 2, worker: workerThat(program) });
    const [call, other] = [backend, on(3)].map((each) => encode(decoder, y, { solver, backend: each }));
    await rejected(call!, "worker_failed", reason);
    assert.equal(resultOf(await other!), expected);
    // The other worker fails once, too.
    await encode(decoder, y, { solver, backend }).catch(() => {});
    const again = await encode(decoder, y, { solver, backend });
    assert.equal(resultOf(again), expected);
    assert.is(again.backend.threads, 2);
    await closeWorkers();
  }
});

test("a worker that answers wrongly or more than it was asked is ended, and the call rejects", async () => {
  for (const message of [
    "null",
    "{ type: 'results' }",
    "{ type: 'result', value: 1 }, parentPort.postMessage(0)",
  ]) {
    const worker = workerThat(`const { parentPort } = require("node:worker_threads");
      parentPort.on("message", ({ type }) => type === "run" && parentPort.postMessage(${message}))`);
    const backend = wasm({ threads: 2, worker });
    const call = encode(decoder, y, { solver: endless, backend });
    await rejected(
      call,
      "worker_failed",
      /^wasm: a worker has failed: it is not the worker of this package; /,
    );
    await until(() => threads.at(-1)!.hasEnded && threads.at(-2)!.hasEnded);
  }
});

test("a hundred calls are aborted at random moments: each returns the best codes so far, and later calls are right", async () => {
  const random = createRandom(5);
  const own = newDecoder();
  const few = y.subarray(0, 40 * SIZE);
  for (let i = 0; i < 100; i++) {
    const controller = new AbortController();
    const { signal } = controller;
    const how = [
      { solver: endless },
      { solver: rk4({ grid: linearGrid({ t1: 1e3, slices: 1e5 }) }) },
      { solver: lbfgs({ maxSteps: 1e5 }), saveAt: [0, 3] },
    ];
    const options = { ...how[i % 3], backend: on(1 + (i % 4)), signal, onAbort: i % 2 ? "return" : "throw" };
    const call = encode(own, few, options as EncodeOptions);
    const outcome = call.then(
      (result) => result,
      (error: unknown) => error,
    );
    await wait(random.below(25));
    controller.abort(new Error("enough"));
    const result = await outcome;
    if (result instanceof Error) assert.is(result.message, "enough");
    else {
      const { loss, initialLoss } = result as Awaited<typeof call>;
      assert.ok(
        loss.every((value, j) => !(value > initialLoss[j]!)),
        "no loss is above the first",
      );
    }
    if (i % 10 === 9) assert.equal(resultOf(await encode(own, y, { solver, backend: on(3) })), expected);
  }
  own.dispose();
});

test("an abort ends a call whose workers start, and they serve the next one", async () => {
  await closeWorkers();
  const started = threads.length;
  const controller = new AbortController();
  const call = encode(decoder, y, { solver, backend: on(3), signal: controller.signal });
  await until(() => threads.length >= started + 3);
  controller.abort(new Error("enough"));
  const reason = await call.catch(({ message }) => message);
  assert.is(reason, "enough");
  await holds();
  assert.is(threads.length, started + 3);
});

test("the memory grows while threads work on it: calls at the same time, of ever more samples", async () => {
  const own = createDecoder({ layers: [5, 700, SIZE], seed: 1, loss: "mse" });
  const steps = amd({ maxSteps: 30 });
  const first = await encode(own, y, { solver: steps, backend: alone });
  const calls = [2, 3, 7, 20, 50, SAMPLES].map(async (count, i) => {
    await wait(4 * i);
    const part = y.subarray(0, count * SIZE);
    const { z } = await encode(own, part, { solver: steps, batchSize: count, backend: on(1 + (i % 3)) });
    assert.equal(z, first.z.subarray(0, 5 * count), `${count} samples`);
    const outputs = await decode(own, z, { backend: on(3) });
    assert.equal(outputs, await decode(own, z, { backend: alone }));
  });
  await Promise.all(calls);
  own.dispose();
});

test("calls at the same time, on one decoder and on two, and disposed in the middle of it", async () => {
  const other = newDecoder(8);
  const parts = [0, 1, 2].map((i) => y.subarray(i * 30 * SIZE, (i + 1) * 30 * SIZE));
  const all = [decoder, other].flatMap((of) => parts.map((part) => [of, part] as const));
  const before = [];
  for (const [of, part] of all) before.push(resultOf(await encode(of, part, { solver, backend: alone })));
  const calls = all.map(([of, part]) => encode(of, part, { solver, backend: on(3) }));
  await until(() => running().some(isBusy));
  other.dispose();
  assert.equal((await Promise.all(calls)).map(resultOf), before);
});

test("what a custom loss throws on several threads rejects the call, and the others stop", async () => {
  const own = new Error("own");
  let calls = 0;
  const loss = customLoss({
    value: (o, t) => (o - t) ** 2,
    gradient(o, t) {
      if (++calls > 20_000) throw own;
      return 2 * (o - t);
    },
  });
  const error = await encode(decoder, y, { loss, solver: endless, backend: on(3) }).catch((thrown) => thrown);
  assert.is(error, own);
  assert.not(running().some(isBusy));
  await holds();
});

test.run();

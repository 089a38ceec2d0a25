// run: both, alone
// Tests src/backend/wasm/threads/participant.ts.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam } from "../../../../src/backend/optimizer.ts";
import { Assignment } from "../../../../src/backend/wasm/threads/assignment.ts";
import { Call } from "../../../../src/backend/wasm/threads/call.ts";
import type { Job } from "../../../../src/backend/wasm/threads/jobs.ts";
import type { ToWorker } from "../../../../src/backend/wasm/threads/messages.ts";
import { createRandom } from "../../../../src/base/random.ts";
import {
  amd,
  binaryCrossEntropy,
  closeWorkers,
  createDecoder,
  customLoss,
  decode,
  encode,
  lbfgs,
  squaredError,
  wasm,
} from "../../../../src/index.ts";
import { createDataset } from "../../../../src/train/dataset.ts";
import { train } from "../../../../src/train/index.ts";
import { PATIENCE, until } from "../../../support/patience.ts";
import { alone, newDecoder, on, resultOf, SAMPLES, SIZE, solver, y } from "../../../support/pool-case.ts";
import { randomArray } from "../../../support/random.ts";
import { refused, rejected } from "../../../support/refusal.ts";
import {
  allEnded,
  samplesDone,
  type WatchedThread,
  watchThreads,
  workerUrl,
} from "../../../support/threads.ts";

// Workers that die, that come late, that cannot be started: results have the same bits, and the call says what happened.

const threads = watchThreads();
const decoder = newDecoder(3);
/** One that takes seconds over all samples, and gets a few of them done early where few are worked on at once. */
const long = amd({ t1: 1e9, stepInit: 5, stepMax: 400, tolerance: 0, maxSteps: 20_000 });

test("workers take their part, of few samples as of many", async () => {
  // Started first: a worker that is not ready yet may get none of two samples.
  await encode(decoder, y, { solver, backend: on(2) });
  for (const count of [2, 7, SAMPLES]) {
    const before = threads.map(samplesDone);
    await encode(decoder, y.subarray(0, count * SIZE), { solver, backend: on(2) });
    const parts = threads.map((thread, i) => samplesDone(thread) - before[i]!);
    const most = Math.max(...parts);
    assert.ok(most >= 1 && most < count, `workers did ${parts} of ${count} samples`);
  }
});

/** The decoders that each thread holds, by their numbers. */
function heldDecoders(): number[][] {
  return threads.map(({ told, hasEnded }) => {
    const held = new Set<number>();
    for (const message of hasEnded ? [] : told) {
      if (message.type === "decoder") held.add(message.decoder);
      if (message.type === "forget") held.delete(message.decoder);
    }
    return [...held];
  });
}

const dataset = createDataset(y.subarray(0, 23 * SIZE), { shape: [SIZE] });
const training = {
  solver: amd({ maxSteps: 20 }),
  optimizer: adam({ learningRate: 1e-2 }),
  batchSize: 7,
  epochs: 3,
  gradientClip: 0.05,
  seed: 9,
} as const;

test("a worker that dies costs no sample, in encode, decode and train", async () => {
  const expected = await encode(decoder, y, { solver, backend: alone });
  for (const kill of ["results", "ready"] as const) {
    await closeWorkers();
    const mortal = newDecoder(3);
    const started = threads.length;
    const first = encode(mortal, y, { solver, backend: on(3) });
    await killAt(started, kill);
    const { backend } = await first;
    assert.equal(resultOf(await first), resultOf(expected), `killed at its first ${kill}`);
    assert.ok(backend.threads! <= 3, "who comes in another's place is no further thread");
    const again = await encode(mortal, y, { solver, backend: on(3) });
    assert.equal(resultOf(again), resultOf(expected));
    assert.is(again.backend.incidents, undefined);
    assert.is(again.backend.threads, 3, "there is another in its place");
    mortal.dispose();
  }

  const trained = await train(decoder, dataset, { ...training, backend: alone });
  await closeWorkers();
  const started = threads.length;
  const run = train(decoder, dataset, { ...training, backend: on(3) });
  await killAt(started, "results");
  assert.equal((await run).decoder.parameters, trained.decoder.parameters);
  assert.is(threads.length, started + 3);
});

/** So large that threads share what its samples are preconditioned by. */
const large = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
const largeData = createDataset(randomArray(6, 11 * large.outputSize, -1, 1), { shape: [large.outputSize] });
const largeTraining = { optimizer: adam(), batchSize: 4, seed: 2, solver: lbfgs({ maxSteps: 6 }) };

/** How many rows of Jacobians threads have computed, and how often they were told one. */
function jacobiansOf(those: readonly WatchedThread[]) {
  const [rows, told] = [new Map<WatchedThread, number>(), new Map<WatchedThread, number>()];
  for (const thread of those) {
    const calls = thread.told.flatMap((message) =>
      message.type === "open" && message.description.kind === "jacobian" ? [message.call] : [],
    );
    const sent = thread.messages.flatMap((message) =>
      message.type === "results" && calls.includes(message.call) ? message.results : [],
    );
    rows.set(
      thread,
      sent.reduce((sum, { samples }) => sum + samples.length, 0),
    );
    told.set(thread, thread.told.filter(({ type }) => type === "jacobian").length);
  }
  return { rows: [...rows.values()], told: [...told.values()] };
}

test("what samples are preconditioned by is computed by all threads, after each update, with the same bits", async () => {
  const expected = await train(large, largeData, { ...largeTraining, backend: alone });
  for (const count of [2, 3]) {
    await closeWorkers();
    const started = threads.length;
    const result = await train(large, largeData, { ...largeTraining, backend: on(count) });
    assert.equal(result.decoder.parameters, expected.decoder.parameters, `${count} threads`);
    const { rows, told } = jacobiansOf(threads.slice(started));
    assert.is(rows.length, count - 1);
    assert.ok(
      rows.every((of) => of > 0),
      `${rows} rows`,
    );
    assert.equal(
      told,
      rows.map(() => 3),
      "one for each mini-batch",
    );
  }
});

test("no Jacobian is shared that is there already, that takes no time, or that the solver does without", async () => {
  await closeWorkers();
  const started = threads.length;
  const told = () => jacobiansOf(threads.slice(started)).told;
  const anew = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
  const targets = largeData.toFloat32();
  await encode(decoder, y, { solver: lbfgs({ maxSteps: 2 }), backend: on(2) });
  await encode(anew, targets, { solver: amd({ maxSteps: 2 }), backend: on(2) });
  assert.equal(told(), [0]);
  for (let i = 0; i < 2; i++) {
    await encode(anew, targets, { solver: lbfgs({ maxSteps: 2 }), backend: on(2) });
    assert.equal(told(), [1]);
  }
  anew.dispose();
});

test("a worker that comes later, or held another decoder meanwhile, is told what samples are preconditioned by", async () => {
  const own = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
  const targets = largeData.toFloat32();
  const options = { solver: lbfgs({ maxSteps: 6 }) };
  const expected = await encode(own, targets, { ...options, backend: alone });
  await closeWorkers();
  const started = threads.length;
  const run = async () => {
    const backend = wasm({ threads: 2, worker: workerUrl, workerMemory: 0 });
    assert.equal(resultOf(await encode(own, targets, { ...options, backend })), resultOf(expected));
    await encode(decoder, y, { solver: amd({ maxSteps: 2 }), backend });
    const { told } = threads[started]!;
    return told.flatMap(({ type }) => (/decoder|jacobian/.test(type) ? [type] : [])).join(" ");
  };
  assert.is(await run(), "decoder jacobian decoder");
  assert.is(await run(), "decoder jacobian decoder decoder jacobian decoder");
  assert.is(threads.length, started + 1);
  own.dispose();
});

test("an abort while that is computed ends the call before it gives samples out; the next one has the same bits", async () => {
  const targets = largeData.toFloat32();
  const options = { solver: lbfgs({ maxSteps: 6 }), backend: on(2) };
  const expected = await encode(large, targets, { ...options, backend: alone });
  await closeWorkers();
  const anew = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
  const started = threads.length;
  const controller = new AbortController();
  const call = encode(anew, targets, { ...options, signal: controller.signal });
  while (!threads[started]) await new Promise((resolve) => setImmediate(resolve));
  const { worker, told } = threads[started]!;
  worker.on("message", ({ type }) => type === "ready" && controller.abort(new Error("enough")));
  await call.then(
    () => assert.unreachable(),
    ({ message }) => assert.is(message, "enough"),
  );
  const opened = () => told.flatMap((message) => (message.type === "open" ? [message.description.kind] : []));
  assert.equal(opened(), ["jacobian"]);
  assert.equal(resultOf(await encode(anew, targets, options)), resultOf(expected));
  assert.equal(opened(), ["jacobian", "jacobian", "solve"]);
  anew.dispose();
});

test("workers that are closed while that is computed go on until the call has ended", async () => {
  const targets = largeData.toFloat32();
  const options = { solver: lbfgs({ maxSteps: 6 }), backend: on(3) };
  const expected = await encode(large, targets, { ...options, backend: alone });
  await closeWorkers();
  const anew = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
  const started = threads.length;
  const call = encode(anew, targets, options);
  const isComputed = () => threads[started]?.told.some(({ type }) => type === "samples");
  while (!isComputed()) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(jacobiansOf([threads[started]!]).told, [0]);
  const closed = closeWorkers();
  const result = await call;
  assert.equal(resultOf(result), resultOf(expected));
  assert.is(result.backend.threads, 3);
  await closed;
  assert.is(threads.length, started + 2, "none is started in their place");
  assert.equal(jacobiansOf(threads.slice(started)).told, [1, 1], "they have solved");
  anew.dispose();
});

test("a worker that dies over its part of that costs nothing", async () => {
  const options = { solver: lbfgs({ maxSteps: 6 }) };
  const targets = largeData.toFloat32();
  const expected = await encode(large, targets, { ...options, backend: alone });
  for (const kill of ["results", "memory"] as const) {
    await closeWorkers();
    // Of a decoder that has been encoded with it is there.
    const anew = createDecoder({ layers: [64, 1100, 1100], seed: 5, loss: squaredError() });
    const started = threads.length;
    const call = encode(anew, targets, { ...options, backend: on(3) });
    await killAt(started, kill);
    assert.equal(resultOf(await call), resultOf(expected), `killed at its first ${kill}`);
    anew.dispose();
  }
});

function repeated(values: Float32Array): Float32Array {
  const many = new Float32Array(50 * values.length);
  for (let i = 0; i < 50; i++) many.set(values, i * values.length);
  return many;
}

/** Kills thread `index`, when it is there, at its first message of a type. */
async function killAt(index: number, type: string): Promise<void> {
  while (!threads[index]) await new Promise((resolve) => setImmediate(resolve));
  const { worker } = threads[index]!;
  await new Promise<void>((resolve) => {
    const kill = async (message: { type: string }) => {
      if (message.type !== type) return;
      worker.off("message", kill);
      const ended = worker.terminate();
      // Else this process may end before it, where the call is done with it.
      const alive = setInterval(() => worker.ref(), 1);
      await ended;
      clearInterval(alive);
      resolve();
    };
    worker.on("message", kill);
  });
}

test("workers that die again and again are an error that says so", async () => {
  await closeWorkers();
  const mortal = newDecoder(3);
  const started = threads.length;
  // Far more than the threads could do before the fourth death.
  const call = encode(mortal, repeated(y), { solver: long, batchSize: 2, backend: on(6) });
  const killed = [0, 1, 2, 3].map((i) => killAt(started + i, "results"));
  await rejected(call, "worker_failed", /^wasm: 4 workers have died in one call.*exit code 1.*threads: 1/);
  await Promise.all(killed);
  const next = await encode(mortal, y, { solver, backend: on(2) });
  assert.equal(resultOf(next), resultOf(await encode(decoder, y, { solver, backend: alone })));
  mortal.dispose();
});

test("where no worker can be started one thread does the work, and says why", async () => {
  const few = y.subarray(0, 9 * SIZE);
  const expected = await encode(decoder, few, { solver, backend: alone });
  for (const [url, reason] of [
    [new URL("nowhere.js", workerUrl), /cannot be started here: Cannot find module .*nowhere.js/],
    ["data:text/javascript,0", /cannot be started here: it ended with exit code 0/],
    ["data:text/javascript,throw new Error('forbidden')", /cannot be started here: forbidden/],
    ["no path", /cannot be started here: .*path/],
  ] as const) {
    const backend = wasm({ threads: 3, worker: url });
    for (let i = 0; i < 2; i++) {
      const result = await encode(decoder, few, { solver, backend });
      assert.equal(resultOf(result), resultOf(expected));
      assert.is(result.backend.threads, 1);
      assert.match(result.backend.reason ?? "", reason);
    }
    assert.equal(await decode(decoder, expected.z, { backend }), await decode(decoder, expected.z));
  }
});

test("what cannot be sent to a worker is done on one thread, and says why", async () => {
  const few = y.subarray(0, 9 * SIZE);
  const loss = customLoss({ value: (o, t) => (o - t) ** 2, gradient: (o, t) => 2 * (o - t) });
  const custom = await encode(decoder, few, { loss, solver, backend: on(2) });
  assert.is(custom.backend.threads, 1);
  assert.match(custom.backend.reason ?? "", /customLoss/);

  const trained = await train(decoder, dataset, { ...training, loss, backend: on(2) });
  const expected = await train(decoder, dataset, { ...training, loss, backend: alone });
  assert.equal(trained.decoder.parameters, expected.decoder.parameters);
});

test("calls at the same time, on one decoder and on two", async () => {
  const other = newDecoder(8);
  const parts = [0, 1, 2].map((i) => y.subarray(i * 30 * SIZE, (i + 1) * 30 * SIZE));
  const all = [decoder, other].flatMap((either) => parts.map((part) => [either, part] as const));
  const expected: unknown[] = [];
  for (const [either, part] of all) {
    expected.push(resultOf(await encode(either, part, { solver, backend: alone })));
  }
  const together = await Promise.all(
    all.map(([either, part]) => encode(either, part, { solver, backend: on(3) })),
  );
  assert.equal(together.map(resultOf), expected);
  other.dispose();
});

test("an aborted call returns what there is, or rejects; progress counts all threads' samples", async () => {
  for (const count of [2, 3]) {
    const controller = new AbortController();
    const counts: number[] = [];
    const onProgress = ({ done }: { done: number }) => {
      counts.push(done);
      if (done > 5) controller.abort(new Error("enough"));
    };
    const options = { solver: long, batchSize: 4, backend: on(count), signal: controller.signal, onProgress };
    const part = await encode(decoder, y, { ...options, onAbort: "return" });
    const aborted = part.status.filter((status) => status === "aborted").length;
    assert.ok(aborted > 0 && aborted < SAMPLES - 5, `${aborted} aborted`);
    assert.ok(counts.every((done, i) => i === 0 || done > counts[i - 1]!));
    const unfinished = part.status.map(
      (status, i) => status === "aborted" && part.stats.acceptedSteps[i]! > 0,
    );
    assert.ok(unfinished.filter(Boolean).length > 1, "those on their way are at their last accepted steps");
    const [first] = [...part.status.keys()].filter((i) => part.status[i] !== "aborted");
    const sample = y.subarray(first! * SIZE, (first! + 1) * SIZE);
    const { z } = await encode(decoder, sample, { solver: long, backend: alone });
    assert.equal(part.z.slice(first! * 5, (first! + 1) * 5), z);
    await encode(decoder, y, { ...options, signal: AbortSignal.abort(new Error("enough")) }).then(
      () => assert.unreachable(),
      ({ message }) => assert.is(message, "enough"),
    );
  }
  const thrower = () => {
    throw new Error("from onProgress");
  };
  await encode(decoder, y, { solver, backend: on(3), onProgress: thrower }).then(
    () => assert.unreachable(),
    ({ message }) => assert.is(message, "from onProgress"),
  );
  const counts: number[] = [];
  const result = await encode(decoder, y, {
    solver,
    backend: on(3),
    onProgress: ({ done }) => void counts.push(done),
  });
  assert.equal(resultOf(result), resultOf(await encode(decoder, y, { solver, backend: alone })));
  assert.is(counts.at(-1), SAMPLES);
});

test("the last report is of all samples, also when a worker's results come during a pause", async () => {
  let onEnd = (_sample: number) => {};
  let done = 0;
  const work: Job = {
    handle: undefined as never,
    sampleCount: 2,
    description: { kind: "decode", toLogits: false },
    data: () => ({ z: new Float32Array(0), fixed: [] }),
    place: (samples) => samples.forEach((sample) => void onEnd(sample)),
    workHere: async (_, feed) => onEnd(feed.take(1)!.first),
    watch(watcher) {
      onEnd = (sample) => {
        done++;
        watcher(sample);
      };
    },
  };
  const call = new Call(0, work, 1, 1);
  const dealt: number[] = [];
  const worker = {
    isReady: true,
    open: () => undefined,
    post(message: ToWorker) {
      if (message.type === "samples") dealt.push(...message.samples);
    },
    end() {},
  };
  call.join(worker);
  const reports: number[] = [];
  await call.run({
    aborted: () => false,
    async pause() {
      reports.push(done);
      const samples = dealt.splice(0);
      if (samples.length > 0) {
        call.receive(worker, {
          type: "results",
          call: 0,
          results: [{ samples, values: new Float32Array(0) }],
        });
      }
    },
  });
  assert.equal(reports, [1, 2]);
});

test("closeWorkers ends the workers, those at work when their calls have ended", async () => {
  await closeWorkers();
  await encode(decoder, y, { solver, backend: on(3) });
  const idle = threads.filter(({ hasEnded }) => !hasEnded);
  assert.is(idle.length, 2);
  await closeWorkers();
  assert.ok(idle.every(({ hasEnded }) => hasEnded));

  const started = threads.length;
  const call = encode(decoder, y, { solver, backend: on(3) });
  const atWork = () =>
    threads.slice(started).filter(({ told }) => told.some(({ type }) => type === "samples"));
  while (atWork().length < 2) await new Promise((resolve) => setImmediate(resolve));
  const closed = closeWorkers();
  assert.equal(resultOf(await call), resultOf(await encode(decoder, y, { solver, backend: alone })));
  await closed;
  assert.ok(threads.slice(started).every(({ hasEnded }) => hasEnded));
  await closeWorkers();
  assert.is((await encode(decoder, y, { solver, backend: on(3) })).backend.threads, 3, "there are new ones");
});

test("a decoder that is disposed or dropped is forgotten, and the workers stay", async () => {
  await closeWorkers();
  const short = newDecoder(3);
  const started = threads.length;
  const held = () => heldDecoders().slice(started).flat();
  const call = encode(short, y, { solver, backend: on(3) });
  while (held().length < 2) await new Promise((resolve) => setImmediate(resolve));
  short.dispose();
  assert.equal(resultOf(await call), resultOf(await encode(decoder, y, { solver, backend: alone })));
  assert.equal(held(), []);

  await (async () => {
    await encode(newDecoder(3), y, { solver, backend: on(3) });
  })();
  assert.is(held().length, 2);
  for (let i = 0; i < 1000 && held().length > 0; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(held(), []);
  assert.is(threads.length, started + 2);
  assert.ok(threads.slice(started).every(({ hasEnded }) => !hasEnded));
});

test("workers end when they have had nothing to do for half a minute, not before", async () => {
  await closeWorkers();
  const started = threads.length;
  const timers: { call: () => void; milliseconds: number; cleared: boolean }[] = [];
  const { setTimeout, clearTimeout } = globalThis;
  const patched = (call: () => void, milliseconds?: number) => {
    if (milliseconds !== 30_000) return setTimeout(call, milliseconds);
    const timer = { call, milliseconds, cleared: false, unref() {} };
    timers.push(timer);
    return timer;
  };
  const clear = (timer: unknown) => {
    const own = timers.find((each) => each === timer);
    if (own) own.cleared = true;
    else clearTimeout(timer as NodeJS.Timeout);
  };
  Object.assign(globalThis, { setTimeout: patched, clearTimeout: clear });
  try {
    await encode(decoder, y, { solver, backend: on(3) });
    const running = () => timers.filter(({ cleared }) => !cleared);
    assert.is(running().length, 2, "each has one");
    await encode(decoder, y, { solver, backend: on(3) });
    assert.is(running().length, 2);
    assert.ok(timers[0]!.cleared && timers[1]!.cleared, "from the end of its last call on");
    for (const { call: end } of running()) end();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  await allEnded(threads.slice(started));
  assert.is(threads.length, started + 2);
});

test("all decoders have the same workers, no more than were asked for", async () => {
  await closeWorkers();
  const started = threads.length;
  const decoders = [3, 4, 5, 6].map(newDecoder);
  const together = decoders.map((each) => encode(each, y, { solver, backend: on(3) }));
  for (const { backend } of await Promise.all(together)) assert.is(backend.threads, 3);
  assert.is(threads.length, started + 2);
  assert.equal(
    heldDecoders()
      .slice(started)
      .map((held) => held.length),
    [4, 4],
  );
  for (const each of decoders) each.dispose();
  assert.equal(heldDecoders().slice(started).flat(), []);
});

test("another build or file gets workers that have nothing to do ended, and otherwise goes without", async () => {
  await closeWorkers();
  const most = Math.max(6, availableParallelism()) - 1;
  const all = wasm({ threads: most + 1, worker: workerUrl, relaxed: false });
  const other = wasm({ threads: 2, worker: () => new Worker(workerUrl), relaxed: false });
  const alive = () => threads.filter(({ hasEnded }) => !hasEnded).length;
  const expected = resultOf(
    await encode(decoder, y, { solver, backend: wasm({ threads: 1, relaxed: false }) }),
  );
  await encode(decoder, y, { solver, backend: all });
  assert.is(alive(), most);
  const next = await encode(decoder, y, { solver, backend: other });
  assert.equal(resultOf(next), expected);
  assert.is(next.backend.threads, 2, next.backend.reason);

  const controller = new AbortController();
  const endless = amd({ stepInit: 1e-4, stepMax: 1e-4, tolerance: 1e-12, t1: 1e9, maxSteps: 1e8 });
  const options = { solver: endless, backend: all, signal: controller.signal };
  const busy = encode(decoder, y, options).catch(() => {});
  const isAtWork = ({ told, hasEnded }: WatchedThread) => !hasEnded && told.at(-1)?.type === "samples";
  await until(() => threads.filter(isAtWork).length >= most);
  const without = await encode(decoder, y, { solver, backend: other });
  assert.equal(resultOf(without), expected);
  assert.is(without.backend.threads, 1);
  assert.match(
    without.backend.reason ?? "",
    /^all \d+ workers that there may be are at work on other calls$/,
  );
  // One that was ended takes a while to be gone.
  await until(() => alive() <= most);
  assert.is(alive(), most);
  controller.abort();
  await busy;
  await closeWorkers();
});

test("a worker forgets the decoders used longest ago where they take too much memory, none at work", async () => {
  await closeWorkers();
  const started = threads.length;
  const held = () => heldDecoders().slice(started).flat();
  const small = wasm({ threads: 2, worker: workerUrl, workerMemory: 3 * 2 ** 20 });
  const none = wasm({ threads: 2, worker: workerUrl, workerMemory: 0 });
  // Each takes about 1.2 MB for its weights alone.
  const decoders = [1, 2, 3, 4].map((seed) => createDecoder({ layers: [5, 3000, SIZE], seed, loss: "mse" }));
  const few = y.subarray(0, 20 * SIZE);
  const run = (index: number, backend: typeof small) =>
    encode(decoders[index]!, few, { solver: amd({ maxSteps: 2 }), backend });
  for (let i = 0; i < 4; i++) await run(i, small);
  const order = threads[started]!.told.flatMap((m) => (m.type === "decoder" ? [m.decoder] : []));
  assert.is(order.length, 4);
  // What a worker says after a call is heard when the call has ended.
  await until(() => held().length < 4);
  assert.ok(held().length >= 1, "none is held");
  assert.equal(held(), order.slice(-held().length), "the ones used last");
  await run(3, none);
  await until(() => held().length < 2);
  assert.equal(held(), order.slice(-1), "the last one used always");
  assert.is(threads[started]!.told.filter(({ type }) => type === "decoder").length, 4, "and not sent again");
  const results = await Promise.all([0, 1, 2, 3].map((i) => run(i, none)));
  for (const [i, result] of results.entries()) {
    assert.is(result.backend.threads, 2);
    assert.equal(resultOf(result), resultOf(await run(i, alone)));
  }
  await until(() => held().length < 2);
  assert.is(held().length, 1);
  for (const each of decoders) each.dispose();
});

test("a decoder that a worker has no memory for is done on one thread, which says why", async () => {
  await closeWorkers();
  const worker = () =>
    new Worker(
      `const { Memory } = WebAssembly;
      WebAssembly.Memory = class { constructor() { throw new Error("no memory today"); } };
      import(${JSON.stringify(workerUrl.href)});`,
      { eval: true },
    );
  const result = await encode(decoder, y, { solver, backend: wasm({ threads: 2, worker }) });
  assert.is(result.backend.threads, 1);
  assert.match(
    result.backend.reason ?? "",
    /^a worker could not take part: no memory today; wasm\(\{ threads: 1/,
  );
  assert.equal(resultOf(result), resultOf(await encode(decoder, y, { solver, backend: alone })));
});

test("hundreds of calls start no more workers", async () => {
  await encode(decoder, y, { solver, backend: on(3) });
  const started = threads.length;
  const few = y.subarray(0, 2 * SIZE);
  for (let i = 0; i < 300; i++) await encode(decoder, few, { solver: amd({ maxSteps: 1 }), backend: on(3) });
  assert.is(threads.length, started);
});

test("by default short work starts no workers, and long work has all cores", async () => {
  await closeWorkers();
  const cores = availableParallelism();
  const short = newDecoder(3);
  const started = threads.length;
  const result = await encode(short, y.subarray(0, 3 * SIZE), { solver });
  assert.is(result.backend.threads, 1);
  assert.is(threads.length, started);
  // About a second of work by its size; but with this tolerance a few steps are enough.
  const wide = createDecoder({
    layers: [5, 2000, SIZE],
    outputActivation: "sigmoid",
    loss: binaryCrossEntropy(),
  });
  const backend = wasm({ worker: workerUrl });
  const few = amd({ tolerance: 1e6, settle: 0 });
  assert.equal(
    resultOf(await encode(wide, y, { solver: few, backend })),
    resultOf(await encode(wide, y, { solver: few, backend: alone })),
  );
  assert.is(threads.length, started + cores - 1);
  wide.dispose();
});

test("a process with workers ends by itself", () => {
  const program = `
    import { createDecoder, binaryCrossEntropy, encode, wasm } from ${JSON.stringify(new URL("index.js", workerUrl).href)};
    const decoder = createDecoder({ layers: [2, 9, 5], outputActivation: "sigmoid", loss: binaryCrossEntropy() });
    const { backend } = await encode(decoder, new Float32Array(500), { backend: wasm({ threads: 3 }) });
    console.log(backend.threads, backend.reason);`;
  const args = ["--input-type=module", "--eval", program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: PATIENCE,
  });
  assert.is(status, 0, stderr);
  assert.is(stdout.trim(), "3 undefined");
});

test("each sample is given once, in shares, and again where its holder is lost", () => {
  const random = createRandom(1);
  for (const samples of [1, 3, 17, 300]) {
    const most = 20;
    const assignment = new Assignment(samples, most);
    const members = new Map<number, Set<number>>();
    for (let i = 0; i < 3; i++) members.set(assignment.join(), new Set());
    const ended = new Set<number>();
    for (let turn = 0; !assignment.isDone; turn++) {
      const [member, held] = [...members][random.below(members.size)]!;
      const range = assignment.take(member, 1 + random.below(30));
      for (let i = 0; range && i < range.count; i++) {
        const sample = range.first + i;
        assert.ok(!ended.has(sample) && [...members.values()].every((other) => !other.has(sample)));
        held.add(sample);
      }
      assert.ok(held.size <= most);
      assert.ok(
        !range || held.size <= Math.ceil((samples - ended.size) / members.size),
        "no more than a share",
      );
      for (const sample of held) {
        if (random.below(2) === 0) continue;
        held.delete(sample);
        ended.add(sample);
        assignment.end(sample);
      }
      if (turn % 5 === 4) {
        members.delete(member);
        assignment.leave(member);
        members.set(assignment.join(), new Set());
      }
    }
    assert.is(ended.size, samples);
  }
});

test("wrong options are refused", () => {
  for (const count of [0, 1.5, -1, 2000, Number.NaN]) {
    refused(() => wasm({ threads: count }), "invalid_argument", /^wasm: threads is .*expected an integer/);
  }
  refused(
    () => wasm({ threads: "all" as never }),
    "invalid_argument",
    /threads is "all", expected a number or "auto"/,
  );
  refused(
    () => wasm({ worker: 1 as never }),
    "invalid_argument",
    /^wasm: worker is 1, expected a string, a URL or a function that makes a Worker$/,
  );
  refused(() => wasm({ worker: "" }), "invalid_argument", /^wasm: worker is ""/);
  refused(() => wasm({ workerMemory: -1 }), "invalid_argument", /^wasm: workerMemory is -1/);
  wasm({ workerMemory: Number.POSITIVE_INFINITY });
});

test.run();

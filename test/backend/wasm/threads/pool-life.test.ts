// run: both, alone
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam } from "../../../../src/backend/optimizer.ts";
import { packDecoder } from "../../../../src/backend/wasm/packed.ts";
import { Assignment } from "../../../../src/backend/wasm/threads/assignment.ts";
import { Call } from "../../../../src/backend/wasm/threads/call.ts";
import { decoderHandle } from "../../../../src/backend/wasm/threads/decoder-handle.ts";
import { decodeJob, type Job } from "../../../../src/backend/wasm/threads/jobs.ts";
import { lockStepTrainer } from "../../../../src/backend/wasm/threads/lock-step.ts";
import type { FromWorker, ToWorker } from "../../../../src/backend/wasm/threads/messages.ts";
import { isWorthSharing } from "../../../../src/backend/wasm/threads/shared-session.ts";
import { WorkerGroup } from "../../../../src/backend/wasm/threads/worker-group.ts";
import { knownWorkerGroup, workerGroup } from "../../../../src/backend/wasm/threads/worker-pool.ts";
import { wasmTrainer } from "../../../../src/backend/wasm/trainer.ts";
import { auto } from "../../../../src/backend/webgpu/index.ts";
import { descriptionOf } from "../../../../src/decoder/decoder.ts";
import {
  amd,
  type Backend,
  binaryCrossEntropy,
  closeWorkers,
  createDecoder,
  encode,
  euler,
  lbfgs,
  linearGrid,
  squaredError,
  wasm,
} from "../../../../src/index.ts";
import { compileKernels } from "../../../../src/kernels/load.ts";
import { makeControl } from "../../../../src/solver/control.ts";
import { Solution } from "../../../../src/solver/solution.ts";
import { createDataset } from "../../../../src/train/dataset.ts";
import { train } from "../../../../src/train/index.ts";
import { PATIENCE, until } from "../../../support/patience.ts";
import { newDecoder, on, SIZE, solver, y } from "../../../support/pool-case.ts";
import { problemOf } from "../../../support/problem.ts";
import { randomArray } from "../../../support/random.ts";
import { type WatchedThread, watchThreads, workerUrl } from "../../../support/threads.ts";

// How workers live: what they hold and forget, when they are started, replaced and ended.

const threads = watchThreads();
const decoder = newDecoder(3);

/** The program of a worker that runs `onMessage` before it hears of a message, and `first` before all else. */
function workerThat(onMessage: string, first = ""): string {
  return `const { parentPort, workerData } = require("node:worker_threads");
    const { on } = parentPort;
    parentPort.on = (event, receive) =>
      on.call(parentPort, event, (message) => {
        ${onMessage}
        receive(message);
      });
    ${first}
    import(${JSON.stringify(workerUrl.href)});`;
}

/**
 * Waits until a worker has told so often what a decoder takes: after a call's end, too.
 *
 * @returns the bytes told
 */
async function memoryTold({ messages }: WatchedThread, count: number): Promise<number[]> {
  const told = () => messages.flatMap((message) => (message.type === "memory" ? [message.bytes] : []));
  await until(() => told().length >= count, `${count} times memory`);
  return told();
}

test("a call after one that a worker has declined is done, and on one thread again", async () => {
  await closeWorkers();
  const worker = () =>
    new Worker(
      `const { Memory } = WebAssembly;
      WebAssembly.Memory = class { constructor() { throw new Error("no memory today"); } };
      import(${JSON.stringify(workerUrl.href)});`,
      { eval: true },
    );
  for (let i = 0; i < 3; i++) {
    const result = await encode(decoder, y, { solver, backend: wasm({ threads: 2, worker }) });
    assert.is(result.backend.threads, 1);
    assert.match(result.backend.reason ?? "", /^a worker could not take part: no memory today/);
  }
});

test("a worker that declines a call after its end declines the next one too", async () => {
  await closeWorkers();
  const started = threads.length;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  let made = 0;
  /** The third one has no memory, and finds out when the gate is opened. */
  const worker = () =>
    new (process.getBuiltinModule("node:worker_threads").Worker)(
      `const { workerData: { gate, isThird } } = require("node:worker_threads");
      const { Memory } = WebAssembly;
      if (isThird) {
        WebAssembly.Memory = class {
          constructor() {
            Atomics.wait(gate, 0, 0);
            throw new Error("no memory today");
          }
        };
      }
      import(${JSON.stringify(workerUrl.href)});`,
      { eval: true, workerData: { gate, isThird: made++ === 2 } },
    );
  const backend = wasm({ threads: 4, worker });
  // The others have a sample each, and it has none.
  const first = await encode(decoder, y.subarray(0, 2 * SIZE), { solver, backend });
  assert.is(first.backend.threads, 2, first.backend.reason);
  const third = threads[started + 2]!;
  const declined = () => third.messages.filter(({ type }) => type === "declined").length;
  assert.is(declined(), 0);
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await until(() => declined() > 0 || third.hasEnded);
  assert.not(third.hasEnded);
  const next = await encode(decoder, y, { solver, backend });
  assert.is(next.backend.threads, 3);
  assert.match(next.backend.reason ?? "", /^a worker could not take part: no memory today/);
  const { z } = await encode(decoder, y, { solver, backend: wasm({ threads: 1 }) });
  assert.equal(next.z, z);
  await closeWorkers();
});

test("a worker that has no room for a Jacobian, or does not hold its decoder, goes on without", async () => {
  const own = createDecoder({ layers: [1, 1, 5000] });
  const [graph, { parameters }] = [descriptionOf(own), own];
  for (const [without, packs] of [
    ["WebAssembly.Memory.prototype.grow = () => { throw new RangeError('no more'); };", true],
    ["", false],
  ] as const) {
    const worker = new Worker(
      workerThat(
        `if (message.type === "jacobian") { ${without} }`,
        `if (!${packs}) WebAssembly.Memory = class { constructor() { throw new Error("no memory today"); } };`,
      ),
      { eval: true },
    );
    const said: string[] = [];
    const last = new Promise<void>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", ({ type }: FromWorker) => {
        said.push(type);
        if (type === "stopped" || type === "declined") resolve();
      });
    });
    const messages: ToWorker[] = [
      { type: "start", compiled: await compileKernels(undefined) },
      { type: "decoder", decoder: 0, graph, parameters },
      { type: "jacobian", decoder: 0, rows: new Float32Array(5000) },
      { type: "open", call: 1, decoder: 0, description: { kind: "jacobian" } },
      { type: "stop", call: 1 },
    ];
    for (const message of messages) worker.postMessage(message);
    await last;
    await worker.terminate();
    assert.equal(said, ["ready", ...(packs ? ["memory", "stopped"] : ["declined"])]);
  }
});

test("a worker that has no room to train takes no part, and the others train", async () => {
  await closeWorkers();
  const wide = createDecoder({ layers: [3, 900, 900], seed: 2, loss: squaredError() });
  const samples = randomArray(8, 6 * wide.outputSize, 0, 1);
  const options = { batchSize: 3, solver: lbfgs({ maxSteps: 2 }), optimizer: adam(), seed: 1 } as const;
  let made = 0;
  const worker = () =>
    new (process.getBuiltinModule("node:worker_threads").Worker)(
      workerThat(
        `if (workerData && message.type === "train" && message.step.kind === "begin") {
          WebAssembly.Memory.prototype.grow = () => { throw new RangeError("no more"); };
        }`,
      ),
      { eval: true, workerData: made++ === 0 },
    );
  const started = threads.length;
  const trained = await train(wide, samples, { ...options, backend: wasm({ threads: 3, worker }) });
  const alone = await train(wide, samples, { ...options, backend: wasm({ threads: 1 }) });
  assert.equal(trained.decoder.parameters, alone.decoder.parameters);
  const said = threads.slice(started).map(({ messages }) => new Set(messages.map(({ type }) => type)));
  assert.is(said.length, 2, "none has died of it");
  assert.ok(said[0]!.has("declined") && !said[0]!.has("results"));
  assert.ok(said[1]!.has("results"));
  await closeWorkers();
});

test("a call with a decoder whose last step failed is declined, also where it came before the decoder was packed", async () => {
  const [graph, { parameters }] = [descriptionOf(decoder), decoder];
  // Instances are awaited where they are refused at once.
  const worker = new Worker(
    `WebAssembly.Instance = class { constructor() { throw new RangeError("too big"); } };
    import(${JSON.stringify(workerUrl.href)});`,
    { eval: true },
  );
  const said: string[] = [];
  const last = new Promise<void>((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", ({ type }: FromWorker) => {
      said.push(type);
      if (type !== "ready") resolve();
    });
  });
  const messages: ToWorker[] = [
    { type: "start", compiled: await compileKernels(undefined) },
    { type: "decoder", decoder: 0, graph, parameters },
    // Of a training that has not begun.
    { type: "train", decoder: 0, step: { kind: "update", settings: { learningRate: 1, largestNorm: 1 } } },
    { type: "open", call: 1, decoder: 0, description: { kind: "decode", toLogits: false } },
  ];
  for (const message of messages) worker.postMessage(message);
  await last;
  await worker.terminate();
  assert.equal(said, ["ready", "declined"]);
});

const dataset = createDataset(y.subarray(0, 23 * SIZE), { shape: [SIZE] });
const training = {
  solver: amd({ maxSteps: 20 }),
  optimizer: adam({ learningRate: 1e-2 }),
  batchSize: 7,
  epochs: 3,
  seed: 9,
} as const;

test("what a worker holds of a decoder in training does not grow with the updates", async () => {
  const bytesOf = async (epochs: number) => {
    await closeWorkers();
    const started = threads.length;
    await train(decoder, dataset, { ...training, epochs, backend: on(2) });
    return Math.max(...(await memoryTold(threads[started]!, 1)));
  };
  // How much it had of its share when the memory was told may differ; without `disposeObjective` it is 13 times as much.
  assert.ok((await bytesOf(60)) <= 2 * (await bytesOf(3)));
});

test("a worker that is to forget a decoder holds it no more", async () => {
  const compiled = await compileKernels(undefined);
  const worker = new Worker(workerUrl);
  const said: FromWorker[] = [];
  worker.on("message", (message: FromWorker) => said.push(message));
  const tell = (message: ToWorker) => worker.postMessage(message);
  const { parameters } = decoder;
  tell({ type: "start", compiled });
  tell({ type: "decoder", decoder: 7, graph: descriptionOf(decoder), parameters });
  tell({ type: "open", call: 1, decoder: 7, description: { kind: "decode", toLogits: false } });
  tell({ type: "close", call: 1 });
  tell({ type: "forget", decoder: 7 });
  tell({ type: "open", call: 2, decoder: 7, description: { kind: "decode", toLogits: false } });
  tell({ type: "samples", call: 2, samples: [0], data: { z: new Float32Array(5), fixed: [] } });
  await until(() => said.some(({ type }) => type === "failed" || type === "results"));
  await worker.terminate();
  // The call, and perhaps its samples.
  assert.equal([...new Set(said.map(({ type }) => type))], ["ready", "memory", "failed"]);
});

/** Timers of so many milliseconds that are set while `work` runs, and are called by nobody. */
async function timersOf(length: number, work: (running: () => (() => void)[]) => Promise<void>) {
  const timers: { call: () => void; cleared: boolean }[] = [];
  const { setTimeout, clearTimeout } = globalThis;
  const patched = (call: () => void, milliseconds?: number) => {
    if (milliseconds !== length) return setTimeout(call, milliseconds);
    const timer = { call, cleared: false, unref() {} };
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
    await work(() => timers.filter(({ cleared }) => !cleared).map(({ call }) => call));
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}

const endless = euler({ grid: linearGrid({ t1: 1e3, slices: 1e6 }) });

test("a worker that is at work is not ended for having nothing to do", async () => {
  await closeWorkers();
  await timersOf(30_000, async (running) => {
    const controller = new AbortController();
    await encode(decoder, y, { solver, backend: on(2) });
    assert.is(running().length, 1);
    const started = threads.length;
    const busy = encode(decoder, y, { solver: endless, backend: on(2), signal: controller.signal }).catch(
      () => {},
    );
    while (threads[started - 1]!.told.at(-1)?.type !== "samples") await new Promise((r) => setImmediate(r));
    assert.is(running().length, 0, "it is at work");
    await encode(decoder, y.subarray(0, 20 * SIZE), { solver, backend: on(2) });
    assert.is(running().length, 0, "it still is, with another call");
    controller.abort();
    await busy;
    assert.is(running().length, 1);
  });
  await closeWorkers();
});

test("a worker that has answered is not ended for not answering", async () => {
  await closeWorkers();
  await timersOf(20_000, async (running) => {
    const started = threads.length;
    await encode(decoder, y, { solver, backend: on(2) });
    for (const call of running()) call();
    const { backend } = await encode(decoder, y, { solver, backend: on(2) });
    assert.is(backend.threads, 2, backend.reason);
    assert.is(threads.length, started + 1);
  });
  await closeWorkers();
});

test("batchSize bounds what a worker holds at once", async () => {
  const bytesOf = async (batchSize: number | undefined) => {
    const wide = createDecoder({ layers: [5, 8000, SIZE], seed: 1, loss: "mse" });
    await closeWorkers();
    const started = threads.length;
    const options = { solver: amd({ maxSteps: 3 }), backend: on(2), ...(batchSize && { batchSize }) };
    await encode(wide, y, options);
    // With this batchSize nothing more is told; but if it were, then before the worker's part of the next call.
    await encode(wide, y.subarray(0, 2 * SIZE), options);
    return Math.max(...(await memoryTold(threads[started]!, batchSize ? 1 : 2)));
  };
  assert.ok((await bytesOf(1)) < 0.7 * (await bytesOf(undefined)));
});

test("one sample is not shared", async () => {
  const { backend } = await encode(decoder, y.subarray(0, SIZE), { solver, backend: on(2) });
  assert.is(backend.threads, 1);
});

test("one sample takes one thread, and says so where threads were asked for", async () => {
  const one = y.subarray(0, SIZE);
  const asked = await encode(decoder, one, { solver, backend: wasm({ threads: 2, worker: workerUrl }) });
  assert.equal([asked.backend.threads, asked.backend.reason], [1, "one sample takes one thread"]);
  const { backend } = await encode(decoder, one, { solver, backend: wasm({ worker: workerUrl }) });
  assert.equal([backend.threads, backend.reason], [1, undefined]);
});

test("why there were too few workers is not told of a later call that has all it asks for", async () => {
  await closeWorkers();
  const most = Math.max(6, availableParallelism()) - 1;
  const all = wasm({ threads: most, worker: workerUrl, relaxed: false });
  const other = (count: number) =>
    wasm({ threads: count, worker: () => new Worker(workerUrl), relaxed: false });
  await encode(decoder, y, {
    solver,
    backend: wasm({ threads: most + 1, relaxed: false, worker: workerUrl }),
  });
  await closeWorkers();
  const few = y.subarray(0, 20 * SIZE);
  assert.is((await encode(decoder, few, { solver, backend: other(2) })).backend.reason, undefined);
  const controller = new AbortController();
  const options = { solver: endless, backend: all, signal: controller.signal };
  const busy = encode(decoder, y, options).catch(() => {});
  const isAtWork = ({ told, hasEnded }: WatchedThread) => !hasEnded && told.at(-1)?.type === "samples";
  await until(() => threads.filter(isAtWork).length >= most - 1);
  const short = await encode(decoder, few, { solver, backend: other(3) });
  assert.is(short.backend.threads, 2);
  assert.match(short.backend.reason ?? "", /workers that there may be are at work on other calls/);
  controller.abort();
  await busy;
  const next = await encode(decoder, few, { solver, backend: other(2) });
  assert.is(next.backend.threads, 2);
  assert.is(next.backend.reason, undefined);
  await closeWorkers();
});

test("a worker that dies is replaced in the same call", async () => {
  await closeWorkers();
  const mortal = newDecoder(3);
  const started = threads.length;
  const controller = new AbortController();
  const options = { solver: endless, backend: on(2), signal: controller.signal, onAbort: "return" } as const;
  const call = encode(mortal, y, options);
  const isAtWork = (thread: WatchedThread | undefined) => thread?.told.at(-1)?.type === "samples";
  await until(() => isAtWork(threads[started]));
  await threads[started]!.worker.terminate();
  await until(() => threads.length >= started + 2);
  assert.is(threads.length, started + 2);
  await until(() => isAtWork(threads[started + 1]));
  controller.abort();
  const { threads: worked, incidents } = (await call).backend;
  assert.is(worked, 2);
  assert.equal(incidents, ["a worker ended: it ended with exit code 1; what it had was done again"]);
  mortal.dispose();
});

test("where one of two workers cannot be started, the call says why", async () => {
  await closeWorkers();
  let count = 0;
  const worker = () =>
    count++ === 0 ? new Worker("throw new Error('only one today')", { eval: true }) : new Worker(workerUrl);
  const { backend } = await encode(decoder, y, { solver, backend: wasm({ threads: 3, worker }) });
  assert.is(backend.threads, 2);
  assert.match(backend.reason ?? "", /^workers cannot be started here: only one today/);
});

test("what a worker says that a decoder takes is what counts", async () => {
  await closeWorkers();
  const started = threads.length;
  const [first, second] = [1, 2].map((seed) => createDecoder({ layers: [5, 3000, SIZE], seed, loss: "mse" }));
  const few = y.subarray(0, 20 * SIZE);
  const run = async (which: typeof decoder, workerMemory: number) => {
    const backend = wasm({ threads: 2, worker: workerUrl, workerMemory });
    await encode(which, few, { solver: amd({ maxSteps: 2 }), backend });
  };
  await run(first!, 2 ** 30);
  const { told } = threads[started]!;
  const bytes = Math.max(...(await memoryTold(threads[started]!, 2)));
  // Much more than weights are thought to take before it is known.
  assert.ok(bytes > 2.5 * first!.parameters.byteLength, `${bytes} of ${first!.parameters.byteLength}`);
  await run(second!, 2.4 * bytes);
  await memoryTold(threads[started]!, 4);
  assert.not(
    told.some(({ type }) => type === "forget"),
    "both have room",
  );
  await run(second!, 1.9 * bytes);
  assert.is(told.filter(({ type }) => type === "forget").length, 1);
});

test("a call goes to workers that have the least to do, and then to those that hold its decoder", async () => {
  await closeWorkers();
  const started = threads.length;
  const own = newDecoder(8);
  const few = y.subarray(0, 30 * SIZE);
  await encode(decoder, few, { solver, backend: on(3) });
  const controller = new AbortController();
  const busy = encode(decoder, y, { solver: endless, backend: on(2), signal: controller.signal }).catch(
    () => {},
  );
  const holders = () =>
    threads.slice(started).map(({ told }) => told.filter(({ type }) => type === "decoder").length);
  while (!threads.slice(started).some(({ told }) => told.at(-1)?.type === "samples")) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const atWork = threads.slice(started).findIndex(({ told }) => told.at(-1)?.type === "samples");
  await encode(own, few, { solver, backend: on(2) });
  const expected = atWork === 0 ? [1, 2] : [2, 1];
  assert.equal(holders(), expected, "the other one has nothing to do");
  controller.abort();
  await busy;
  await encode(own, few, { solver, backend: on(2) });
  assert.equal(holders(), expected, "it is there already");
  own.dispose();
});

test("calls of one decoder count together unless they lie far apart", async () => {
  await closeWorkers();
  const started = threads.length;
  const own = newDecoder(3);
  const many = new Float32Array(12 * y.length);
  for (let i = 0; i < 12; i++) many.set(y, i * y.length);
  // About 40 ms each by its size: 100 ms are worth workers.
  const run = (data: Float32Array) =>
    encode(own, data, { solver: amd({ tolerance: 1e6, settle: 0 }), backend: wasm({ worker: workerUrl }) });
  const { now } = performance;
  let later = 0;
  performance.now = () => now.call(performance) + later;
  try {
    for (let i = 0; i < 4; i++, later += 31_000) await run(many);
    assert.is(threads.length, started);
    for (let i = 0; i < 3; i++) await run(many);
    assert.ok(availableParallelism() === 1 || threads.length > started);
  } finally {
    performance.now = now;
  }
  own.dispose();
});

test("what is worth sharing", () => {
  const large = { parameterCount: 1e6 } as never;
  assert.ok(isWorthSharing(6, 6, large, "holding the decoder"));
  assert.not(isWorthSharing(4, 1000, large, "holding the decoder"));
  assert.not(isWorthSharing(6, 6, large, "there"));
  assert.ok(isWorthSharing(11, 11, large, "there"));
  assert.not(isWorthSharing(50, 99, large, "none"));
  assert.ok(isWorthSharing(50, 101, large, "none"));
});

test("an assignment tells a thousand members apart", () => {
  const assignment = new Assignment(1024, 1);
  const members = Array.from({ length: 1024 }, () => assignment.join());
  for (const member of members) assert.equal(assignment.take(member, 1), { first: member, count: 1 });
  for (const member of members) assert.ok(assignment.holds(member, member));
});

/** A call's work that a test does by hand, and a worker that answers when a test says so: see pool-faults.test.ts. */
function byHand(sampleCount: number, most: number) {
  let onEnd = (_sample: number) => {};
  const work: Job = {
    handle: undefined as never,
    sampleCount,
    description: { kind: "decode", toLogits: false },
    data: () => ({ z: new Float32Array(0), fixed: [] }),
    place: (samples) => samples.forEach((sample) => void onEnd(sample)),
    workHere: async () => {},
    watch(watcher) {
      onEnd = watcher;
    },
  };
  const worker = () => {
    const got: number[] = [];
    const post = (message: ToWorker) => void (message.type === "samples" && got.push(...message.samples));
    return { isReady: true, got, open: () => undefined, post, end() {} };
  };
  return { call: new Call(0, work, most, 9), worker };
}

test("workers that join together get equal shares", async () => {
  const { call, worker } = byHand(9, 9);
  const workers = [worker(), worker()];
  call.join(...workers);
  const controller = new AbortController();
  const run = call.run(makeControl(controller.signal));
  assert.equal(
    workers.map(({ got }) => got.length),
    [3, 3],
  );
  for (const one of workers) call.leave(one);
  controller.abort();
  await run;
});

test("nothing is given once the call has failed", async () => {
  const { call, worker } = byHand(9, 2);
  const one = worker();
  call.join(one);
  const run = call.run(makeControl(undefined));
  call.receive(one, { type: "failed", call: 0, code: undefined, message: "broken" });
  const samples = [...one.got];
  call.receive(one, { type: "results", call: 0, results: [{ samples, values: new Float32Array(0) }] });
  assert.equal(one.got, samples);
  await run.then(
    () => assert.unreachable(),
    ({ message }) => assert.is(message, "broken"),
  );
});

test("of a decoding a result that is not to be taken is left out", async () => {
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const outputs = new Float32Array(2 * SIZE);
  const decoding = { z: new Float32Array(10), fixed: [], outputs, toLogits: false };
  const job = decodeJob(
    decoderHandle(decoder, () => {}),
    packed,
    decoding,
  );
  const ended: number[] = [];
  job.watch((sample) => void ended.push(sample));
  job.place([-1, 1], new Float32Array(2 * SIZE).fill(1, SIZE));
  assert.equal(ended, [1]);
  assert.ok(outputs.every((value, i) => value === (i < SIZE ? 0 : 1)));
});

test("a solution leaves out results that are not to be taken", () => {
  const part = new Solution(2, 1, Float64Array.of(3, 4));
  part.end(0, 0);
  part.end(1, 0);
  const whole = new Solution(2, 1);
  whole.copyIn([-1, 1], part.copyOut());
  assert.equal([...whole.z], [0, 4]);
  assert.is(whole.done, 1);
});

test("a start that fails is tried again after ten minutes at the latest", async () => {
  const started = threads.length;
  const group = new WorkerGroup(
    await compileKernels(undefined),
    "data:text/javascript,throw new Error('never')",
  );
  const { now } = performance;
  let clock = 0;
  performance.now = () => clock;
  try {
    for (let i = 1; i <= 14; i++, clock += 600_001) {
      group.start(1);
      assert.is(threads.length, started + i);
      while (!threads.at(-1)!.hasEnded) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    performance.now = now;
  }
});

test("of a chosen backend the result says what it has done, not what it was before", async () => {
  await closeWorkers();
  const missing: Backend = {
    name: "missing",
    open: () => Promise.reject(new Error("not here")),
    availability: async () => ({ available: false, reason: "not here" }),
  };
  const own = newDecoder(3);
  const { backend } = await encode(own, y, { solver, backend: auto([missing, on(2)]) });
  assert.is(backend.threads, 2);
  assert.is(backend.reason, "missing: not here");
  own.dispose();
});

test("with weights it is another question which backend is the faster one", async () => {
  const own = newDecoder(3);
  const other: Backend = {
    ...wasm({ threads: 1 }),
    name: "other",
    availability: async () => ({ available: true }),
  };
  const backend = auto([other, wasm({ threads: 1 })]);
  const few = y.subarray(0, 5 * SIZE);
  const reason = async (weights?: Float32Array) =>
    (await encode(own, few, { solver: amd({ maxSteps: 5 }), backend, ...(weights && { weights }) })).backend
      .reason ?? "";
  while (/meanwhile/.test(await reason())) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(await reason(), /times the speed/);
  assert.match(await reason(new Float32Array(SIZE).fill(1)), /other is being tried meanwhile/);
  own.dispose();
});

/**
 * Begins a program. Workers rest for 30 seconds, and have 20 to start, with timers that keep no process alive: here they are of
 * weeks, so that one that keeps it alive is a program without an end.
 */
const withLongTimers = (names: string) => `
    const { setTimeout: set } = globalThis;
    globalThis.setTimeout = (call, time, ...rest) => set(call, time >= 10_000 ? 2 ** 31 - 1 : time, ...rest);
    const { ${names} } = await import(${JSON.stringify(new URL("index.js", workerUrl).href)});`;

/** How a program ends. */
function statusOf(program: string): number | null {
  const args = ["--input-type=module", "--eval", program];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: PATIENCE });
  assert.is(stderr, "");
  return status;
}

test("a process with workers ends by itself, at once", () => {
  const program = `${withLongTimers("createDecoder, binaryCrossEntropy, encode, wasm")}
    const decoder = createDecoder({ layers: [2, 9, 5], outputActivation: "sigmoid", loss: binaryCrossEntropy() });
    await encode(decoder, new Float32Array(500), { backend: wasm({ threads: 3 }) });`;
  assert.is(statusOf(program), 0);
});

test("workers that are closed while they start leave no descriptor of their file open", async () => {
  if (process.platform !== "linux") return;
  const folder = mkdtempSync(join(tmpdir(), "latentflow-worker-"));
  // A pipe, which can be opened only when the writer opens it, long after the abort.
  const file = join(folder, "worker.mjs");
  assert.is(spawnSync("mkfifo", [file]).status, 0);
  const writer = spawn("sh", ["-c", 'sleep 1; exec cat "$0" > "$1"', fileURLToPath(workerUrl), file]);
  const backend = wasm({ threads: 2, worker: file });
  await encode(decoder, y, { solver: endless, backend, signal: AbortSignal.timeout(500) }).catch(() => {});
  await closeWorkers();
  writer.kill();
  const open = readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === file;
    } catch {
      // The descriptor by which the folder was read.
      return false;
    }
  });
  rmSync(folder, { recursive: true });
  assert.equal(open, []);
});

test("a process waits for workers that are closed while they start", () => {
  const program = `${withLongTimers("closeWorkers, createDecoder, encode, wasm")}
    const options = { backend: wasm({ threads: 3 }), signal: AbortSignal.timeout(1) };
    const call = encode(createDecoder({ layers: [2, 9, 500], loss: "mse" }), new Float32Array(1e6), options);
    await call.catch(() => {});
    await closeWorkers();`;
  assert.is(statusOf(program), 0);
});

test("what a call has taken of a worker's memory is told when it ends", async () => {
  await closeWorkers();
  const started = threads.length;
  const wide = createDecoder({ layers: [5, 3000, SIZE], seed: 1, loss: "mse" });
  await encode(wide, y, { solver: amd({ maxSteps: 2 }), backend: on(2) });
  const told = await memoryTold(threads[started]!, 2);
  assert.is(told.length, 2);
  assert.ok(told[1]! > told[0]!);
  wide.dispose();
});

test("a worker that replaces one in a call gets its share", async () => {
  await closeWorkers();
  const started = threads.length;
  const many = new Float32Array(100 * y.length);
  for (let i = 0; i < 100; i++) many.set(y, i * y.length);
  const controller = new AbortController();
  const options = { solver: endless, backend: on(2), signal: controller.signal };
  const call = encode(decoder, many, options).catch(() => {});
  const hasSamples = (thread: WatchedThread | undefined) =>
    thread?.told.some(({ type }) => type === "samples");
  await until(() => hasSamples(threads[started]));
  await threads[started]!.worker.terminate();
  await until(() => hasSamples(threads[started + 1]));
  controller.abort();
  await call;
});

test("a worker that held the decoder before its training begins follows from where it is told the state", async () => {
  const compiled = await compileKernels(false);
  const own = newDecoder(3);
  const packed = await packDecoder(own, compiled);
  const started = threads.length;
  const group = new WorkerGroup(compiled, workerUrl);
  const handle = decoderHandle(own, () => {});
  const run = async () => {
    const outputs = new Float32Array(20 * SIZE);
    const job = decodeJob(handle, packed, {
      z: randomArray(5, 100, -1, 1),
      fixed: [],
      outputs,
      toLogits: false,
    });
    // The worker does it all.
    const byWorker = { ...job, workHere: () => new Promise<void>((resolve) => setTimeout(resolve, 5)) };
    const { threads: count } = await group.run(
      byWorker,
      { most: 4, mostWorkers: 1, waits: true, worker: undefined, workerMemory: 1e9 },
      makeControl(undefined),
    );
    assert.is(count, 1);
    return outputs;
  };
  const before = await run();
  const optimizer = adam({ learningRate: 0.1 });
  const trainer = lockStepTrainer(wasmTrainer(packed, optimizer), optimizer, handle, () => group);
  const problem = problemOf(own, binaryCrossEntropy(), y.subarray(0, SIZE));
  for (let i = 0; i < 2; i++) {
    const objective = trainer.objective(problem, 1);
    await objective.value(Int32Array.of(0), new Float64Array(5));
    await objective.gradient(Int32Array.of(0));
    await objective.addParameterGradient(Int32Array.of(0));
    objective.dispose();
    trainer.update({ learningRate: 0.1, largestNorm: Number.POSITIVE_INFINITY });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const after = await run();
  assert.not.equal(after, before);
  assert.is(threads.length, started + 1);
  trainer.dispose();
  own.dispose();
  group.close();
});

test("training goes on where workers have no memory for its decoder", async () => {
  await closeWorkers();
  const started = threads.length;
  const worker = () =>
    new (process.getBuiltinModule("node:worker_threads").Worker)(
      `WebAssembly.Memory = class { constructor() { throw new Error("no memory today"); } };
      import(${JSON.stringify(workerUrl.href)});`,
      { eval: true },
    );
  const expected = await train(decoder, dataset, { ...training, backend: wasm({ threads: 1 }) });
  const result = await train(decoder, dataset, { ...training, backend: wasm({ threads: 3, worker }) });
  assert.equal(result.decoder.parameters, expected.decoder.parameters);
  assert.is(threads.length, started + 2, "none is replaced");
  await closeWorkers();
});

test("a training whose workers have been closed and other calls have the same workers again", async () => {
  await closeWorkers();
  const started = threads.length;
  let updates = 0;
  await train(decoder, dataset, {
    ...training,
    backend: on(2),
    onProgress: async () => {
      if (updates++ === 2) await closeWorkers();
      if (updates < 4) return;
      const { backend } = await encode(decoder, y, { solver, backend: on(2) });
      assert.is(backend.threads, 2, backend.reason);
    },
  });
  assert.is(threads.length, started + 2);
});

test("closeWorkers waits for workers that are ending already, and for those that are being started", async () => {
  await encode(decoder, y, { solver, backend: on(3) });
  const first = closeWorkers();
  await closeWorkers();
  assert.ok(threads.every(({ hasEnded }) => hasEnded));
  await first;
  const started = threads.length;
  const call = encode(decoder, y, { solver, backend: on(3) });
  while (threads.length < started + 2) await new Promise((resolve) => setImmediate(resolve));
  const closed = closeWorkers();
  assert.is((await call).backend.threads, 3, "those that the call has started serve it");
  await closed;
  assert.is(threads.length, started + 2);
  assert.ok(threads.every(({ hasEnded }) => hasEnded));
});

test("workers that are about to end count among those that there may be", async () => {
  await closeWorkers();
  const most = Math.max(6, availableParallelism());
  const alive = () => threads.filter(({ hasEnded }) => !hasEnded).length;
  const controllers = [0, 1, 2].map(() => new AbortController());
  const calls = controllers.map(async ({ signal }) => {
    const { length } = threads;
    const call = encode(decoder, y, { solver: endless, backend: on(most), signal }).catch(() => {});
    const latest = Date.now() + 2000;
    while (threads.length < length + most - 1 && Date.now() < latest)
      await new Promise((r) => setTimeout(r, 1));
    void closeWorkers();
    return call;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(alive() <= most - 1, `${alive()} are alive`);
  for (const controller of controllers) controller.abort();
  await Promise.all(calls);
  await closeWorkers();
});

test("a call that is aborted while its worker does not answer keeps no process alive", () => {
  const program = `${withLongTimers("createDecoder, encode, wasm")}
    const worker = "data:text/javascript,setInterval(() => {}, 1e6)";
    const decoder = createDecoder({ layers: [2, 9, 5], loss: "bce" });
    const signal = AbortSignal.timeout(200);
    await encode(decoder, new Float32Array(500), { backend: wasm({ threads: 2, worker }), signal }).catch(() => {});`;
  assert.is(statusOf(program), 0);
});

test("bound functions are told apart, though they have the same text", async () => {
  await closeWorkers();
  const start = (url: URL) => new Worker(url);
  const nowhere = start.bind(null, new URL("file:///nowhere.js"));
  const there = start.bind(null, workerUrl);
  const few = y.subarray(0, 20 * SIZE);
  const run = (worker: () => Worker) =>
    encode(decoder, few, { solver, backend: wasm({ threads: 2, worker }) });
  assert.is((await run(nowhere)).backend.threads, 1);
  const { backend } = await run(there);
  assert.is(backend.threads, 2, backend.reason);
});

test("the groups that are remembered do not grow with the sources given", async () => {
  const compiled = await compileKernels(undefined);
  for (let i = 0; i < 100; i++) workerGroup(compiled, `worker-${i}.js`);
  const known = Array.from({ length: 100 }, (_, i) => knownWorkerGroup(compiled, `worker-${i}.js`));
  assert.ok(known.filter(Boolean).length <= 33);
  assert.ok(known.at(-1));
});

test.run();

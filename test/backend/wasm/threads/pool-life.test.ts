// run: both, alone
// Tests src/backend/wasm/threads/worker-pool.ts, src/backend/wasm/threads/close-workers.ts.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { amd, closeWorkers, createDecoder, encode, euler, linearGrid, wasm } from "../../../../src/index.ts";
import { PATIENCE, until } from "../../../support/patience.ts";
import { alone, newDecoder, on, resultOf, SIZE, solver, y } from "../../../support/pool-case.ts";
import { allEnded, isBusy, newWorker, watchThreads, workerUrl } from "../../../support/threads.ts";

// How workers live: when they are started, shared, dropped and ended, and that nothing of them is left.

const threads = watchThreads();
const decoder = newDecoder(3);
const few = y.subarray(0, 20 * SIZE);
const endless = euler({ grid: linearGrid({ t1: 1e3, slices: 1e6 }) });
const expected = resultOf(await encode(decoder, few, { solver, backend: alone }));
const run = (backend = on(3)) => encode(decoder, few, { solver, backend });
const running = () => threads.filter(({ hasEnded }) => !hasEnded);

test.before.each(() => closeWorkers());
test.after(() => closeWorkers());

/** A call that works until `end` is called. */
function busyCall(backend = on(2)) {
  const controller = new AbortController();
  const options = { solver: endless, backend, signal: controller.signal, onAbort: "return" } as const;
  const call = encode(decoder, few, options);
  return {
    end: () => {
      controller.abort();
      return call;
    },
  };
}

test("as many workers as threads are started once, and serve hundreds of calls", async () => {
  const started = threads.length;
  for (let i = 0; i < 300; i++)
    await encode(decoder, few.subarray(0, 2 * SIZE), { solver: amd({ maxSteps: 1 }), backend: on(2) });
  assert.is(threads.length, started + 2);
  assert.is((await run()).backend.threads, 3);
  assert.is(threads.length, started + 3);
});

test("a call goes to the workers with the fewest other calls", async () => {
  await run(on(4));
  const busy = busyCall(on(2));
  await until(() => running().filter(isBusy).length === 2);
  const idle = running().filter((thread) => !isBusy(thread));
  const before = idle.map(({ told }) => told.length);
  assert.equal(resultOf(await run(on(2))), expected);
  assert.ok(idle.every(({ told }, i) => told.length > before[i]!));
  await busy.end();
});

test("by default short work starts no workers, long work one for each core", async () => {
  const started = threads.length;
  const backend = wasm({ worker: workerUrl });
  assert.is((await encode(newDecoder(), few.subarray(0, 3 * SIZE), { solver, backend })).backend.threads, 1);
  assert.is(threads.length, started);
  // About a second of work by its size; but with this tolerance a few steps are enough.
  const wide = createDecoder({ layers: [5, 2000, SIZE], loss: "mse" });
  const options = { solver: amd({ tolerance: 1e6, settle: 0 }) };
  const result = await encode(wide, y, { ...options, backend });
  assert.equal(resultOf(result), resultOf(await encode(wide, y, { ...options, backend: alone })));
  const cores = availableParallelism();
  assert.is(threads.length, started + (cores > 1 ? cores : 0));
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

test("workers end after 30 seconds without a call, not while one is at work", async () => {
  await timersOf(30_000, async (timers) => {
    await run(on(2));
    assert.is(timers().length, 1);
    const busy = busyCall();
    await until(() => running().some(isBusy));
    assert.is(timers().length, 0, "it is at work");
    await run(on(2));
    assert.is(timers().length, 0, "it still is, with another call");
    await busy.end();
    const [end, ...more] = timers();
    assert.is(more.length, 0);
    end!();
    await allEnded(threads);
    assert.equal(resultOf(await run()), expected);
  });
});

test("a worker that does not answer in 20 seconds is a reason; one that has answered stays", async () => {
  await timersOf(20_000, async (timers) => {
    const started = threads.length;
    await run(on(2));
    for (const call of timers()) call();
    assert.is((await run(on(2))).backend.threads, 2);
    assert.is(threads.length, started + 2);
    const before = timers().length;
    const call = run(wasm({ threads: 2, worker: "data:text/javascript,setInterval(() => {}, 1e6)" }));
    await until(() => timers().length > before + 1);
    for (const each of timers()) each();
    const { backend } = await call;
    assert.is(backend.threads, 1);
    assert.match(
      backend.reason!,
      /^workers cannot be started here: data:.* does not answer; it has to run the file/,
    );
  });
});

test("closeWorkers ends idle workers at once, busy ones after their calls, and those that start serve theirs", async () => {
  await run();
  const [first, second] = [closeWorkers(), closeWorkers()];
  await second;
  assert.is(running().length, 0);
  await first;

  const started = threads.length;
  const busy = busyCall();
  await until(() => running().some(isBusy));
  let isClosed = false;
  const closed = closeWorkers().then(() => {
    isClosed = true;
  });
  const next = await run();
  assert.is(next.backend.threads, 3, "later calls have new workers");
  assert.not(isClosed);
  assert.is((await busy.end()).backend.threads, 2);
  await closed;
  assert.is(running().length, 3);
  assert.is(threads.length, started + 5);
  await closeWorkers();

  const before = threads.length;
  const call = run();
  await until(() => threads.length >= before + 3);
  const ends = closeWorkers();
  const result = await call;
  assert.equal(resultOf(result), expected);
  assert.is(result.backend.threads, 3, result.backend.reason);
  await ends;
  assert.is(running().length, 0);
});

test("a start that has failed is tried again by a later call, not by the next ones", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-"));
  const file = join(folder, "worker.mjs");
  const backend = wasm({ threads: 3, worker: file });
  const { now } = performance;
  try {
    writeFileSync(file, "throw new Error('not yet \\u001b[2J')");
    const started = threads.length;
    const first = await run(backend);
    assert.match(first.backend.reason!, /^workers cannot be started here: not yet \\u001b\[2J; say where/);
    assert.is(threads.length, started + 3);
    writeFileSync(file, `import ${JSON.stringify(workerUrl.href)};`);
    const soon = now.call(performance);
    performance.now = () => soon;
    for (let i = 0; i < 3; i++) assert.match((await run(backend)).backend.reason!, /not yet/);
    assert.is(threads.length, started + 3, "at once it is not worth trying");
    performance.now = () => now.call(performance) + 600_001;
    const again = await run(backend);
    assert.equal([again.backend.threads, again.backend.reason], [3, undefined]);
    assert.equal(resultOf(again), expected);
  } finally {
    performance.now = now;
    rmSync(folder, { recursive: true });
  }
});

test("where some workers cannot be started, the others work, and the call says why", async () => {
  let count = 0;
  const worker = () =>
    count++ === 0 ? newWorker("throw new Error('only two')", { eval: true }) : newWorker(workerUrl);
  const { backend } = await run(wasm({ threads: 3, worker }));
  assert.is(backend.threads, 2);
  assert.match(backend.reason!, /^workers cannot be started here: only two; /);
});

test("decoders that are garbage-collected are dropped by their workers", async () => {
  let own: ReturnType<typeof newDecoder> | undefined = newDecoder();
  await encode(own, few, { solver, backend: on(2) });
  own = undefined;
  const dropped = () => running().filter(({ told }) => told.some(({ type }) => type === "drop")).length;
  await until(() => {
    (globalThis as { gc?: () => void }).gc!();
    return dropped() === 2;
  });
  assert.equal(resultOf(await run(on(2))), expected);
});

test("no thread and no descriptor is left of workers", async () => {
  if (process.platform !== "linux") return;
  const counts = () => ["task", "fd"].map((what) => readdirSync(`/proc/self/${what}`).length);
  await run();
  await closeWorkers();
  const before = counts();
  for (let i = 0; i < 10; i++) {
    const call = run();
    if (i % 2) await call;
    await closeWorkers();
    await call;
  }
  await closeWorkers();
  await until(() => counts().every((count, i) => count <= before[i]!), `${counts()}, before ${before}`);
});

const library = JSON.stringify(new URL("index.js", workerUrl).href);

/**
 * Runs a program that has the library; returns what it prints. Workers rest for 30 seconds, and have 20 to start, with timers that
 * keep no process alive: here they are of weeks, so that one that keeps it alive is a program without an end.
 */
function printed(program: string): string {
  const source = `
    const { setTimeout: set } = globalThis;
    globalThis.setTimeout = (call, time, ...rest) => set(call, time >= 10_000 ? 2 ** 31 - 1 : time, ...rest);
    const { closeWorkers, createDecoder, encode, wasm } = await import(${library});
    const decoder = createDecoder({ layers: [2, 9, 5], outputActivation: "sigmoid", loss: "bce" });
    const y = new Float32Array(500);
    ${program}`;
  const args = ["--input-type=module", "--eval", source];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: PATIENCE,
  });
  assert.equal([status, stderr], [0, ""]);
  return stdout.trim();
}

test("a process with workers ends by itself, at once, whatever they are at", () => {
  const call = "const { backend } = await encode(decoder, y, { backend: wasm({ threads: 3 }) });";
  assert.is(printed(`${call} console.log(backend.threads, backend.reason);`), "3 undefined");
  // That are closed while they start, and that do not answer an aborted call.
  for (const [worker, end] of [
    ["", "await closeWorkers();"],
    ['worker: "data:text/javascript,setInterval(() => {}, 1e6)"', ""],
  ]) {
    printed(`const options = { backend: wasm({ threads: 3, ${worker} }), signal: AbortSignal.timeout(${worker ? 200 : 1}) };
      await encode(decoder, y, options).catch(() => {}); ${end}`);
  }
});

test("in a page that is not cross-origin isolated one thread does the work, and names the two headers", () => {
  const reason = printed(`
    process.getBuiltinModule = () => undefined;
    globalThis.crossOriginIsolated = false;
    const { backend } = await encode(decoder, y, { backend: wasm({ threads: 3 }) });
    console.log(backend.threads, backend.reason);`);
  assert.match(
    reason,
    /^1 threads share memory.*"Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"; wasm/,
  );
});

test.run();

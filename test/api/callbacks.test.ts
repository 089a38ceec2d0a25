import { getEventListeners } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  type Backend,
  binaryCrossEntropy,
  closeWorkers,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  encode,
  lbfgs,
  loadDecoder,
  wasm,
} from "../../src/index.ts";
import { Callbacks } from "../../src/solver/control.ts";
import {
  createDataset,
  type Dataset,
  encodeWith,
  evaluate,
  type TrainOptions,
  train,
  trainAutoencoder,
} from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { isBusy, watchThreads, workerUrl } from "../support/threads.ts";

// What the caller's own functions throw rejects the call with just that, and a call that is aborted before it has
// begun does nothing.

const threads = watchThreads();
const SIZE = 50;
const SAMPLES = 101;
const layers = [5, 17, 33, SIZE];
const newDecoder = () =>
  createDecoder({ layers, seed: 3, outputActivation: "sigmoid", loss: binaryCrossEntropy() });
const decoder = newDecoder();
const y = randomArray(1, SAMPLES * SIZE, 0, 1);
const solver = amd({ t1: 4000, stepInit: 5, stepMax: 400, tolerance: 1e-9 });
const on = (count: number) => wasm({ threads: count, worker: workerUrl });
const backends = [on(1), on(3)];

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
test.after(() => assert.equal(unhandled, []));

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asserts that a call rejects with this very error. */
async function rejectsWith(call: Promise<unknown>, error: unknown): Promise<void> {
  const reason = await call.then(
    () => "nothing",
    (thrown: unknown) => thrown,
  );
  assert.is(reason, error);
}

const OWN = new Error("the caller's own");
/** The ways in which a function of the caller's fails. */
const failing: Record<string, () => unknown> = {
  "throws at once": () => {
    throw OWN;
  },
  "returns a promise that rejects": async () => {
    throw OWN;
  },
  "rejects later": async () => {
    await sleep(30);
    throw OWN;
  },
  "returns what is like a promise": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is tested
    then: (_: unknown, reject: (error: unknown) => void) => reject(OWN),
  }),
};

for (const [how, fail] of Object.entries(failing)) {
  const onProgress = fail as () => void;

  test(`an onProgress that ${how} rejects encode, evaluate and train with that`, async () => {
    for (const backend of backends) {
      const options = { solver, backend };
      const expected = await encode(decoder, y, options);
      await rejectsWith(encode(decoder, y, { ...options, onProgress }), OWN);
      const signal = new AbortController().signal;
      await rejectsWith(encode(decoder, y, { ...options, signal, onAbort: "return", onProgress }), OWN);
      await rejectsWith(evaluate(decoder, y, { ...options, onProgress }), OWN);
      const training = { solver: amd({ maxSteps: 5 }), backend };
      await rejectsWith(train(decoder, y, { ...training, onProgress }), OWN);
      await rejectsWith(trainAutoencoder(decoder, y, { backend, epochs: 1, onProgress }), OWN);
      // Everything is as usable as before.
      assert.equal((await encode(decoder, y, options)).z, expected.z);
    }
  });

  test(`an onEvent that ${how} rejects train with that, and so does checkpoint.save`, async () => {
    for (const backend of backends) {
      const validation = { data: y.subarray(0, 5 * SIZE) };
      const training: TrainOptions = { solver: amd({ maxSteps: 5 }), backend, validation };
      await rejectsWith(train(decoder, y, { ...training, onEvent: onProgress }), OWN);
      if (how === "returns what is like a promise") continue;
      const save = fail as () => Promise<void>;
      await rejectsWith(train(decoder, y, { ...training, checkpoint: { save, everySeconds: 0 } }), OWN);
    }
  });
}

test("a callback that fails stops the workers", async () => {
  await closeWorkers();
  const own = newDecoder();
  const started = threads.length;
  const long = amd({ t1: 1e9, stepInit: 5, stepMax: 400, tolerance: 0, maxSteps: 20_000 });
  const fail = failing["throws at once"] as () => void;
  await rejectsWith(encode(own, y, { solver: long, batchSize: 4, backend: on(3), onProgress: fail }), OWN);
  const workers = threads.slice(started);
  assert.is(workers.length, 3);
  assert.not(workers.some(isBusy));
  own.dispose();
});

test("work goes on while a promise of a callback is open, and the call waits for it at its end", async () => {
  for (const backend of backends) {
    let open = 0;
    let calls = 0;
    const onProgress = async () => {
      calls++;
      open++;
      await sleep(50);
      open--;
    };
    const expected = await encode(decoder, y, { solver, backend });
    const result = await encode(decoder, y, { solver, batchSize: 4, backend, onProgress });
    assert.equal(result.z, expected.z);
    assert.ok(calls > 0);
    assert.is(open, 0);
    // One that never settles ends with an abort.
    const controller = new AbortController();
    const hangs = encode(decoder, y, {
      solver,
      backend,
      signal: controller.signal,
      onProgress: () => new Promise(() => {}),
    } as EncodeOptions);
    setTimeout(() => controller.abort(OWN), 100);
    await rejectsWith(hangs, OWN);
  }
});

test("of two promises of callbacks that reject the first to do so is told, also where it was made later", async () => {
  const callbacks = new Callbacks();
  const rejects: ((error: unknown) => void)[] = [];
  const open = () => new Promise((_, reject) => void rejects.push(reject));
  callbacks.call(open, undefined);
  callbacks.call(open, undefined);
  const settled = callbacks.settled(undefined);
  rejects[1]!(OWN);
  rejects[0]!(new Error("the second"));
  await rejectsWith(settled, OWN);
  await rejectsWith(callbacks.settled(undefined), OWN);
});

test("what is aborted already waits for no callback", async () => {
  const callbacks = new Callbacks();
  callbacks.call(() => new Promise(() => {}), undefined);
  await callbacks.settled(AbortSignal.abort());
  const controller = new AbortController();
  const settled = callbacks.settled(controller.signal);
  controller.abort();
  await settled;
});

test("what the functions of a customLoss throw rejects the call with that, and frees what it held", async () => {
  const functions = {
    value: (o: number, t: number) => (o - t) ** 2,
    gradient: (o: number, t: number) => 2 * (o - t),
    curvature: () => 2,
  };
  for (const name of Object.keys(functions)) {
    let calls = 0;
    const loss = customLoss({
      ...functions,
      [name]: () => {
        if (++calls > 60) throw OWN;
        return 0;
      },
    });
    for (const backend of backends) {
      calls = 0;
      const needs = name === "curvature" ? lbfgs() : amd({ maxSteps: 5 });
      await rejectsWith(encode(decoder, y, { loss, solver: needs, backend }), OWN);
      await rejectsWith(train(decoder, y, { loss, solver: needs, backend }), OWN);
    }
  }
  const fine = await encode(decoder, y, { loss: customLoss(functions), solver: amd({ maxSteps: 5 }) });
  assert.ok(fine.loss.every(Number.isFinite));
});

/** Runs `call`, and says what it has made: memories for kernels, compiled kernels, workers. */
async function workOf(call: () => Promise<unknown>): Promise<{ made: number; outcome: unknown }> {
  const started = threads.length;
  let made = 0;
  const { Memory, compile, instantiate } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      made++;
    }
  };
  WebAssembly.compile = (bytes) => {
    made++;
    return compile(bytes);
  };
  try {
    const outcome = await call().catch((error: unknown) => error);
    return { made: made + threads.length - started, outcome };
  } finally {
    Object.assign(WebAssembly, { Memory, compile, instantiate });
  }
}

test("a signal that is aborted before the start: no work, on any number of threads", async () => {
  const reason = new Error("before the start");
  const signal = AbortSignal.abort(reason);
  // Data that nobody may read.
  const real = createDataset(y, { shape: [SIZE] });
  const untouched = Object.create(real, {
    count: { value: real.count },
    size: { value: real.size },
    shape: { value: real.shape },
    rows: { value: () => assert.unreachable("the data are read") },
    [Symbol.for("latentflow.dataset")]: { value: true },
  }) as Dataset;
  const bad = y.slice().fill(Number.NaN);
  const makeBackends: (() => Backend | undefined)[] = [
    () => on(1),
    () => on(2),
    () => on(3),
    () => wasm({ threads: "auto", worker: workerUrl }),
    () => undefined,
  ];
  for (const makeBackend of makeBackends) {
    // None that is packed already.
    const own = newDecoder();
    const encoder = createDecoder({ layers: [SIZE, 5] });
    const backend = makeBackend();
    const options = { signal, ...(backend && { backend }) };
    for (const [name, call] of Object.entries({
      encode: () => encode(own, bad, options),
      decode: () => decode(own, randomArray(1, 5000, -1, 1), options),
      train: () => train(own, untouched, { ...options, validation: { data: untouched } }),
      trainAutoencoder: () => trainAutoencoder(own, untouched, options),
      evaluate: () => evaluate(own, untouched, options),
      encodeWith: () => encodeWith(encoder, y, options),
    })) {
      const { made, outcome } = await workOf(call);
      assert.is(outcome, reason, name);
      assert.is(made, 0, name);
    }
    const { made, outcome } = await workOf(() => encode(own, bad, { ...options, onAbort: "return" }));
    assert.is(made, 0);
    const result = outcome as Awaited<ReturnType<typeof encode>>;
    assert.equal(result.status, new Array(SAMPLES).fill("aborted"));
    assert.equal(result.z, new Float32Array(SAMPLES * 5));
    assert.ok(result.loss.every(Number.isNaN));
    assert.equal(result.backend, { name: "wasm", build: "none" });
  }
  // Of one that works, to see that it would be noticed.
  await closeWorkers();
  const { made } = await workOf(() => encode(newDecoder(), y, { solver, backend: on(2) }));
  assert.ok(made >= 2);
});

test("a signal that outlives its calls keeps nothing of them", async () => {
  const { signal } = new AbortController();
  const onProgress = () => new Promise((resolve) => setTimeout(resolve, 5));
  const options = { signal, onProgress };
  const own = newDecoder();
  await encode(own, y, { ...options, solver });
  await evaluate(own, y, { ...options, solver });
  await train(own, y, { ...options, solver, epochs: 1 });
  await decode(own, randomArray(1, 50, -1, 1), { signal });
  assert.equal(getEventListeners(signal, "abort"), []);
});

test("an abort does not wait for a backend that is being made ready", async () => {
  const encoder = createDecoder({ layers: [SIZE, 5] });
  const own = newDecoder();
  for (const latecomer of ["never", "in vain"]) {
    let fail = (_: Error) => {};
    const backend: Backend = {
      name: "slow",
      open: () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    };
    const options = (signal: AbortSignal) => ({ backend, signal });
    const calls: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
      encode: (signal) => encode(own, y, options(signal)),
      decode: (signal) => decode(own, randomArray(1, 50, -1, 1), options(signal)),
      train: (signal) => train(own, y, options(signal)),
      trainAutoencoder: (signal) => trainAutoencoder(own, y, options(signal)),
      evaluate: (signal) => evaluate(own, y, options(signal)),
      encodeWith: (signal) => encodeWith(encoder, y, options(signal)),
    };
    for (const [name, call] of Object.entries(calls)) {
      const controller = new AbortController();
      const reason = new Error("meanwhile");
      const outcome = call(controller.signal).catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.abort(reason);
      assert.is(await outcome, reason, name);
      // A rejection that nobody waits for any more is no unhandled one: that would end the process.
      if (latecomer === "in vain") fail(new Error("too late"));
    }
    const controller = new AbortController();
    const outcome = encode(own, y, { ...options(controller.signal), onAbort: "return" });
    setTimeout(() => controller.abort(), 20);
    const { status, backend: info } = await outcome;
    assert.equal(status, new Array(SAMPLES).fill("aborted"));
    assert.equal(info, { name: "slow", build: "none" });
  }
});

test("loadDecoder reads nothing with a signal that is aborted before the start", async () => {
  const reason = new Error("before the start");
  const signal = AbortSignal.abort(reason);
  const { fetch } = globalThis;
  let reads = 0;
  const read = async () => {
    reads++;
    throw new Error("it is read");
  };
  globalThis.fetch = read;
  const blob = Object.assign(new Blob([]), { arrayBuffer: read });
  try {
    for (const source of ["http://localhost:1/", "nowhere", blob, decoder.toSafetensors()]) {
      await rejectsWith(loadDecoder(source, { signal }), reason);
    }
    assert.is(reads, 0);
  } finally {
    globalThis.fetch = fetch;
  }
});

test.run();

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { direct } from "../src/adjoint/direct.ts";
import { full } from "../src/adjoint/full.ts";
import { Dealer } from "../src/backend/wasm/pool/dealer.ts";
import type { ToWorker } from "../src/backend/wasm/pool/messages.ts";
import { SharedCall } from "../src/backend/wasm/pool/shared-call.ts";
import type { SharedWork } from "../src/backend/wasm/pool/shared-work.ts";
import { createDataset } from "../src/data/dataset.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  decode,
  type EncodeOptions,
  type EncodeResult,
  encode,
  euler,
  lbfgs,
  linearGrid,
  wasm,
} from "../src/index.ts";
import { adam } from "../src/optimizer.ts";
import { createRandom } from "../src/random.ts";
import { type TrainOptions, train } from "../src/train/index.ts";
import { randomArray } from "./support/random.ts";
import { refused, rejected } from "./support/refusal.ts";
import { solverCases } from "./support/solvers.ts";
import { allEnded, samplesDone, watchThreads, workerUrl } from "./support/threads.ts";

// No result depends on the number of threads, bit for bit, whatever becomes of the workers.

const threads = watchThreads();
const SAMPLES = 101;
const SIZE = 50;

function newDecoder(seed: number) {
  const layers = [5, 17, 33, SIZE];
  return createDecoder({ layers, seed, outputActivation: "sigmoid", loss: binaryCrossEntropy() });
}

const decoder = newDecoder(3);
const y = randomArray(1, SAMPLES * SIZE, 0, 1);
const weights = randomArray(2, SAMPLES * SIZE, 0.1, 1);
const z0 = randomArray(4, SAMPLES * 5, -2, 2);
// Long enough that every thread gets samples.
const solver = amd({ t1: 4000, stepInit: 5, stepMax: 400, tolerance: 1e-9 });
/** One that takes seconds over all samples, and gets a few of them done early where few are worked on at once. */
const long = amd({ t1: 1e9, stepInit: 5, stepMax: 400, tolerance: 0, maxSteps: 20_000 });
const on = (count: number) => wasm({ threads: count, worker: workerUrl });
const alone = wasm({ threads: 1 });

/** What must not depend on threads. */
function resultOf({ backend, seconds, ...result }: EncodeResult) {
  return result;
}

const atRest = { name: "lbfgs", options: { solver: lbfgs() } };
for (const { name, options } of [...solverCases, atRest]) {
  test(`${name}: the same bits on 1, 2 and 3 threads`, async () => {
    const common = { ...options, z0 } as EncodeOptions;
    for (const more of [
      { weights },
      { weights: weights.subarray(SIZE, 2 * SIZE), saveAt: [0, 3, 17], batchSize: 5 },
    ] as EncodeOptions[]) {
      const expected = await encode(decoder, y, { ...common, ...more, backend: alone } as EncodeOptions);
      assert.equal(expected.backend.threads, 1);
      for (const count of [2, 3]) {
        const result = await encode(decoder, y, { ...common, ...more, backend: on(count) } as EncodeOptions);
        assert.equal(resultOf(result), resultOf(expected), `${count} threads`);
        assert.is(result.backend.threads, count);
        assert.is(result.backend.reason, undefined);
      }
    }
  });
}

test("workers take their part, of few samples as of many", async () => {
  for (const count of [2, 7, SAMPLES]) {
    const before = threads.map(samplesDone);
    await encode(decoder, y.subarray(0, count * SIZE), { solver, backend: on(2) });
    const parts = threads.map((thread, i) => samplesDone(thread) - before[i]!);
    const most = Math.max(...parts);
    assert.ok(most >= 1 && most < count, `workers did ${parts} of ${count} samples`);
  }
});

test("decode: the same bits on 1, 2 and 3 threads", async () => {
  for (const output of ["data", "preActivation"] as const) {
    for (const count of [0, 1, 2, 150]) {
      const z = randomArray(5, count * 5, -3, 3);
      const expected = await decode(decoder, z, { output, backend: alone });
      assert.equal(await decode(decoder, z, { output, backend: on(2) }), expected);
      assert.equal(await decode(decoder, z, { output, backend: on(3) }), expected);
    }
  }
});

const dataset = createDataset(y.subarray(0, 23 * SIZE), { shape: [SIZE] });
const training = {
  solver: amd({ maxSteps: 20 }),
  optimizer: adam({ learningRate: 1e-2 }),
  batchSize: 7,
  epochs: 3,
  gradientClip: 0.05,
  seed: 9,
} as const;

for (const [name, options] of Object.entries<TrainOptions>({
  "the approximate adjoint and warm starts": { warmStart: true },
  "the full adjoint": { adjoint: full() },
  "the direct adjoint": { adjoint: direct(), solver: euler({ grid: linearGrid({ t1: 4, slices: 5 }) }) },
  validation: { validation: { data: dataset, everyImages: 20 } },
  "weights of each sample's own": { weights: randomArray(7, dataset.count * dataset.size, 0, 2) },
})) {
  test(`train with ${name}: the same weights on 1, 2 and 3 threads`, async () => {
    const run = (backend: typeof alone) =>
      train(decoder, dataset, { ...training, ...options, backend } as TrainOptions);
    const expected = await run(alone);
    for (const count of [2, 3]) {
      const started = threads.length;
      const result = await run(on(count));
      assert.equal(result.decoder.parameters, expected.decoder.parameters, `${count} threads`);
      assert.equal(result.history, expected.history);
      assert.equal(result.validation, expected.validation);
      const own = threads.slice(started);
      assert.is(own.length, count - 1);
      assert.ok(own.every((thread) => samplesDone(thread) > 0));
      await allEnded(own);
    }
  });
}

test("a worker that dies costs no sample, in encode, decode and train", async () => {
  const expected = await encode(decoder, y, { solver, backend: alone });
  for (const kill of ["results", "ready"] as const) {
    const mortal = newDecoder(3);
    const started = threads.length;
    const first = encode(mortal, y, { solver, backend: on(3) });
    await killAt(started, kill);
    assert.equal(resultOf(await first), resultOf(expected), `killed at its first ${kill}`);
    const again = await encode(mortal, y, { solver, backend: on(3) });
    assert.equal(resultOf(again), resultOf(expected));
    assert.is(again.backend.threads, 3, "there is another in its place");
    mortal.dispose();
  }

  const trained = await train(decoder, dataset, { ...training, backend: alone });
  const started = threads.length;
  const run = train(decoder, dataset, { ...training, backend: on(3) });
  await killAt(started, "results");
  assert.equal((await run).decoder.parameters, trained.decoder.parameters);
  assert.is(threads.length, started + 3);
});

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
  const mortal = newDecoder(3);
  const started = threads.length;
  // Far more than the threads could do before the fourth death.
  const much = new Float32Array(50 * y.length);
  for (let i = 0; i < 50; i++) much.set(y, i * y.length);
  const call = encode(mortal, much, { solver: long, batchSize: 2, backend: on(6) });
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

  const grid = { ...linearGrid({ t1: 4, slices: 5 }) };
  for (const own of [{ ...euler({ grid: linearGrid({ t1: 4, slices: 5 }) }) }, euler({ grid })]) {
    const result = await encode(decoder, few, { solver: own, backend: on(2) });
    assert.is(result.backend.threads, 1);
    assert.match(result.backend.reason ?? "", /solver euler is not latentflow's own/);
  }
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
    ...{ solver, backend: on(3) },
    onProgress: ({ done }) => void counts.push(done),
  });
  assert.equal(resultOf(result), resultOf(await encode(decoder, y, { solver, backend: alone })));
  assert.is(counts.at(-1), SAMPLES);
});

test("the last report is of all samples, also when a worker's results come during a pause", async () => {
  let onEnd = (_sample: number) => {};
  let done = 0;
  const work: SharedWork = {
    sampleCount: 2,
    description: { kind: "decode", toLogits: false },
    data: () => ({ z: new Float32Array(0) }),
    place: (samples) => samples.forEach((sample) => void onEnd(sample)),
    here: async (_, feed) => onEnd(feed.take(1)!.first),
    watch(watcher) {
      onEnd = (sample) => {
        done++;
        watcher(sample);
      };
    },
  };
  const call = new SharedCall(0, work, 1, 1);
  const dealt: number[] = [];
  const worker = {
    isReady: true,
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
        call.receive(worker, { type: "results", call: 0, samples, results: new Float32Array(0) });
      }
    },
  });
  assert.equal(reports, [1, 2]);
});

test("dispose ends the workers, after the calls at work", async () => {
  const short = newDecoder(3);
  const started = threads.length;
  const call = encode(short, y, { solver, backend: on(3) });
  while (threads.length < started + 2) await new Promise((resolve) => setImmediate(resolve));
  short.dispose();
  assert.equal(resultOf(await call), resultOf(await encode(decoder, y, { solver, backend: alone })));
  await allEnded(threads.slice(started));
  assert.is(threads.length, started + 2);
});

test("a thousand calls start no more workers", async () => {
  const started = threads.length;
  const few = y.subarray(0, 2 * SIZE);
  for (let i = 0; i < 1000; i++) await encode(decoder, few, { solver: amd({ maxSteps: 1 }), backend: on(3) });
  assert.is(threads.length, started);
});

test("workers end with a decoder that is dropped", async () => {
  const started = threads.length;
  await (async () => {
    await encode(newDecoder(3), y, { solver, backend: on(2) });
  })();
  assert.is(threads.length, started + 1);
  const end = allEnded(threads.slice(started));
  const collecting = setInterval(() => globalThis.gc!(), 10);
  await end;
  clearInterval(collecting);
});

test("by default short work starts no workers, and long work has all cores", async () => {
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
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  assert.is(status, 0, stderr);
  assert.is(stdout.trim(), "3 undefined");
});

test("each sample is dealt once, in shares, and again where its hand is lost", () => {
  const random = createRandom(1);
  for (const samples of [1, 3, 17, 300]) {
    const most = 20;
    const dealer = new Dealer(samples, most);
    const hands = new Map<number, Set<number>>();
    for (let i = 0; i < 3; i++) hands.set(dealer.join(), new Set());
    const ended = new Set<number>();
    for (let turn = 0; !dealer.isDone; turn++) {
      const [hand, held] = [...hands][random.below(hands.size)]!;
      const range = dealer.take(hand, 1 + random.below(30));
      for (let i = 0; range && i < range.count; i++) {
        const sample = range.first + i;
        assert.ok(!ended.has(sample) && [...hands.values()].every((other) => !other.has(sample)));
        held.add(sample);
      }
      assert.ok(held.size <= most);
      assert.ok(
        !range || held.size <= Math.ceil((samples - ended.size) / hands.size),
        "no more than a share",
      );
      for (const sample of held) {
        if (random.below(2) === 0) continue;
        held.delete(sample);
        ended.add(sample);
        dealer.end(sample);
      }
      if (turn % 5 === 4) {
        hands.delete(hand);
        dealer.leave(hand);
        hands.set(dealer.join(), new Set());
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
});

test.run();

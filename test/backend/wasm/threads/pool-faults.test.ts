// run: both, alone
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { taskOf } from "../../../../src/backend/backend.ts";
import { allSamples } from "../../../../src/backend/feed.ts";
import { sgd } from "../../../../src/backend/optimizer.ts";
import { packDecoder } from "../../../../src/backend/wasm/packed.ts";
import { solveSamples } from "../../../../src/backend/wasm/solve.ts";
import { Assignment } from "../../../../src/backend/wasm/threads/assignment.ts";
import { Call } from "../../../../src/backend/wasm/threads/call.ts";
import { decoderHandle } from "../../../../src/backend/wasm/threads/decoder-handle.ts";
import { type Job, solveJob } from "../../../../src/backend/wasm/threads/jobs.ts";
import { lockStepTrainer } from "../../../../src/backend/wasm/threads/lock-step.ts";
import type { ToWorker } from "../../../../src/backend/wasm/threads/messages.ts";
import { WorkerGroup } from "../../../../src/backend/wasm/threads/worker-group.ts";
import { wasmTrainer } from "../../../../src/backend/wasm/trainer.ts";
import {
  amd,
  binaryCrossEntropy,
  decode,
  type EncodeOptions,
  encode,
  type LatentflowErrorCode,
  linearGrid,
  rk4,
  wasm,
} from "../../../../src/index.ts";
import { compileKernels } from "../../../../src/kernels/load.ts";
import { makeControl } from "../../../../src/solver/control.ts";
import { gradientFlow } from "../../../../src/solver/flow.ts";
import { allRows } from "../../../../src/solver/objective.ts";
import { Solution } from "../../../../src/solver/solution.ts";
import { createDataset, evaluate, train } from "../../../../src/train/index.ts";
import { until } from "../../../support/patience.ts";
import { newDecoder, on, resultOf, SAMPLES, SIZE, solver, weights, y } from "../../../support/pool-case.ts";
import { problemOf } from "../../../support/problem.ts";
import { randomArray } from "../../../support/random.ts";
import { rejected } from "../../../support/refusal.ts";
import { watchThreads, workerUrl } from "../../../support/threads.ts";

// Whatever goes wrong while a call is at work rejects that call, and the others go on.

const threads = watchThreads();
const decoder = newDecoder();
const counts = [1, 2, 3];

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
test.after(() => assert.equal(unhandled, []));

function detach(values: Float32Array): void {
  if (values.length > 0) structuredClone(values.buffer, { transfer: [values.buffer as ArrayBuffer] });
}

/** Far more samples than all threads hold at once. */
function repeated(values: Float32Array): Float32Array {
  const many = new Float32Array(100 * values.length);
  for (let i = 0; i < 100; i++) many.set(values, i * values.length);
  return many;
}

const DETACHED =
  /^(?:\w+: )?the buffer of (y|weights) was detached \(transferred\) while the call was at work; give a copy/;

for (const [name, options] of Object.entries<EncodeOptions>({
  "AMD in WASM": { solver, batchSize: 4 },
  "the general path": { solver: rk4({ grid: linearGrid({ t1: 40, slices: 40 }) }), batchSize: 4 },
})) {
  test(`y and weights may be detached while ${name} is at work: the call rejects, others go on`, async () => {
    for (const count of counts) {
      const expected = await encode(decoder, y, { ...options, backend: on(count) } as EncodeOptions);
      for (const what of ["y", "weights", "one row of weights"]) {
        const given = {
          y: repeated(y),
          weights: what === "weights" ? repeated(weights) : weights.slice(0, SIZE),
        };
        const goes = what === "y" ? given.y : given.weights;
        const call = encode(decoder, given.y, {
          ...options,
          weights: given.weights,
          backend: on(count),
          onProgress: () => detach(goes),
        } as EncodeOptions);
        const other = encode(decoder, y, { ...options, backend: on(count) } as EncodeOptions);
        if (what === "one row of weights" && (name === "AMD in WASM" || count > 1)) {
          // It has been copied to where it is needed.
          await call.catch(({ message }) => assert.match(message, DETACHED));
        } else {
          await rejected(call, "invalid_argument", DETACHED);
        }
        assert.is(goes.length, 0);
        assert.equal(resultOf(await other), resultOf(expected), `${what} on ${count} threads`);
      }
    }
  });
}

test("y that is transferred as soon as the call has returned rejects it", async () => {
  for (const count of counts) {
    const given = y.slice();
    const call = encode(decoder, given, { solver, backend: on(count) });
    detach(given);
    await rejected(call, "invalid_argument", DETACHED);
    // z0 has been copied by then.
    const z0 = randomArray(4, SAMPLES * 5, -2, 2);
    const copied = encode(decoder, y, { solver, z0, backend: on(count) });
    const expected = await encode(decoder, y, { solver, z0: z0.slice(), backend: on(1) });
    detach(z0);
    assert.equal(resultOf(await copied), resultOf(expected));
  }
});

test("z that is detached while decode is at work has been taken", async () => {
  for (const count of counts) {
    const z = randomArray(5, 5 * 60_000, -1, 1);
    const expected = await decode(decoder, z.subarray(0, 50), { backend: on(1) });
    const call = decode(decoder, z, { backend: on(count) });
    setTimeout(() => detach(z));
    assert.equal((await call).subarray(0, expected.length), expected);
    const atOnce = randomArray(5, 50, -1, 1);
    const early = decode(decoder, atOnce, { backend: on(count) });
    detach(atOnce);
    assert.equal(await early, expected);
  }
});

test("data and weights of train and evaluate may be detached", async () => {
  const GONE = /detached \(transferred\)/;
  for (const backend of [on(1), on(2)]) {
    for (const what of ["y", "weights"] as const) {
      const given = { y: y.slice(), weights: weights.slice() };
      const training = train(decoder, given.y, {
        backend,
        weights: given.weights,
        solver: amd({ maxSteps: 5 }),
        onProgress: () => detach(given[what]),
      });
      await rejected(training, "invalid_argument", GONE);

      // More than are read in one piece.
      const many = {
        y: new Float32Array(2500 * SIZE).fill(0.5),
        weights: new Float32Array(2500 * SIZE).fill(1),
      };
      const evaluation = evaluate(decoder, createDataset(many.y, { shape: [SIZE] }), {
        backend,
        weights: many.weights,
        solver: amd({ maxSteps: 5 }),
        onProgress: () => detach(many[what]),
      });
      await rejected(evaluation, "invalid_argument", GONE);
    }
  }
});

/** A call's work of `sampleCount` samples that a test does by hand. */
function workByHand(sampleCount: number, overrides: Partial<Job> = {}) {
  let onEnd = (_sample: number) => {};
  const placed: number[] = [];
  const work: Job = {
    handle: undefined as never,
    sampleCount,
    description: { kind: "decode", toLogits: false },
    data: () => ({ z: new Float32Array(0), fixed: [] }),
    place(samples) {
      for (const sample of samples) {
        if (sample < 0) continue;
        placed.push(sample);
        onEnd(sample);
      }
    },
    // This thread takes nothing.
    workHere: async () => {},
    watch(watcher) {
      onEnd = watcher;
    },
    ...overrides,
  };
  return { work, placed };
}

/** A worker that answers when a test says so. */
function workerByHand() {
  const got: number[] = [];
  const said: string[] = [];
  return {
    isReady: true,
    got,
    said,
    open() {
      said.push("open");
      return undefined;
    },
    post(message: ToWorker) {
      said.push(message.type);
      if (message.type === "samples") got.push(...message.samples);
    },
    end(reason: string) {
      said.push(`end: ${reason}`);
    },
  };
}

const results = (samples: readonly number[]) =>
  ({ type: "results", call: 0, results: [{ samples, values: new Float32Array(0) }] }) as const;
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

test("a sample ends once, and with the one that holds it", () => {
  const assignment = new Assignment(4, 4);
  const [first, second] = [assignment.join(), assignment.join()];
  assert.equal(assignment.take(first, 2), { first: 0, count: 2 });
  assert.ok(assignment.holds(first, 0) && !assignment.holds(second, 0) && !assignment.holds(first, 3));
  assignment.leave(first);
  assert.not(assignment.holds(first, 0));
  // Its result comes late: nobody has the sample now.
  assignment.end(0);
  const dealt: number[] = [];
  for (let range = assignment.take(second, 4); range; range = assignment.take(second, 4)) {
    for (let i = 0; i < range.count; i++) dealt.push(range.first + i);
  }
  assert.equal(dealt.sort(), [0, 1, 2, 3]);
  for (const sample of [0, 0, 1, 2, 2]) assignment.end(sample);
  assert.not(assignment.isDone);
  assignment.end(3);
  assert.ok(assignment.isDone);
});

test("results that come after their worker has left are not taken", async () => {
  const { work, placed } = workByHand(2);
  const call = new Call(0, work, 1, 2);
  const [lost, other] = [workerByHand(), workerByHand()];
  call.join(lost);
  call.join(other);
  assert.equal([...lost.said, ...other.said], [], "nothing before the call runs");
  const run = call.run(makeControl(undefined));
  // This thread holds no more than its share; the two workers have a sample each.
  assert.equal([...lost.got, ...other.got].sort(), [0, 1]);
  const [sample] = lost.got as [number];
  call.leave(lost, "killed");
  call.receive(lost, results([sample]));
  assert.equal(placed, [], "nobody but its holder");
  call.receive(other, results([sample]));
  assert.equal(placed, [], "not before it has been dealt to it");
  const [own] = other.got as [number];
  call.receive(other, results([own]));
  assert.equal(placed, [own]);
  assert.equal(other.got, [own, sample], "what was lost is dealt again");
  call.receive(lost, results([sample]));
  call.receive(other, results([own, sample]));
  assert.equal(placed, [own, sample], "each once");
  call.receive(other, results([sample]));
  await run;
  assert.equal(placed, [own, sample]);
});

test("a worker that comes in the place of a lost one is no further thread, and the call says what happened", async () => {
  const { work, placed } = workByHand(2);
  const call = new Call(0, work, 1, 2);
  const [lost, other, another] = [workerByHand(), workerByHand(), workerByHand()];
  call.join(lost, other);
  const run = call.run(makeControl(undefined));
  assert.equal([...lost.got, ...other.got].sort(), [0, 1]);
  const { threads } = call;
  assert.equal(call.incidents, []);
  call.leave(lost, "killed\u001b[2J");
  call.join(another);
  const [held] = other.got as [number];
  const [dealt] = [0, 1].filter((sample) => sample !== held) as [number];
  // It is given what the lost one had; the other one has something to do.
  assert.equal(another.got, [dealt]);
  assert.is(call.threads, threads);
  call.receive(another, results([dealt]));
  call.receive(other, results([held]));
  await run;
  assert.equal(placed.sort(), [0, 1]);
  assert.is(call.threads, threads);
  assert.equal(call.incidents, ["a worker ended: killed\\u001b[2J; what it had was done again"]);
});

test("what a lost worker had goes to one that has nothing to do, at once", async () => {
  const { work, placed } = workByHand(2);
  const call = new Call(0, work, 1, 2);
  const [lost, other] = [workerByHand(), workerByHand()];
  call.join(lost);
  call.join(other);
  const run = call.run(makeControl(undefined));
  const [[first], [last]] = [other.got, lost.got];
  call.receive(other, results([first!]));
  assert.equal(other.got, [first]);
  call.leave(lost, "killed");
  assert.equal(other.got, [first, last]);
  call.receive(other, results([last!]));
  await run;
  assert.equal(placed, [first, last]);
});

test("workers that were never ready have not died of the work", async () => {
  const { work } = workByHand(1);
  const call = new Call(0, work, 1, 10);
  const run = call.run(makeControl(undefined));
  for (let i = 0; i < 9; i++) {
    const worker = { ...workerByHand(), isReady: false };
    call.join(worker);
    call.leave(worker, "it cannot be started");
  }
  const worker = workerByHand();
  call.join(worker);
  call.receive(worker, results(worker.got));
  await run;
  assert.is(call.threads, 1, "the one that was given the sample");
});

test("workers that die before the call runs have not died of it", async () => {
  const { work } = workByHand(1);
  const call = new Call(0, work, 1, 10);
  for (let i = 0; i < 9; i++) {
    const lost = workerByHand();
    call.join(lost);
    call.leave(lost, "killed");
    assert.equal(lost.said, []);
  }
  const worker = workerByHand();
  call.join(worker);
  const run = call.run(makeControl(undefined));
  call.receive(worker, results(worker.got));
  await run;
});

test("a call that is aborted before it runs gives nothing out, and ends at once", async () => {
  const { work } = workByHand(3);
  const call = new Call(0, work, 1, 1);
  const worker = workerByHand();
  call.join(worker);
  await call.run(makeControl(AbortSignal.abort()));
  call.close();
  assert.equal(worker.said, []);
});

test("a worker that has left is not heard any more, whatever it says", async () => {
  const { work } = workByHand(1);
  const call = new Call(0, work, 1, 2);
  const [lost, other] = [workerByHand(), workerByHand()];
  call.join(lost);
  const run = call.run(makeControl(undefined));
  call.leave(lost, "killed");
  call.receive(lost, { type: "failed", call: 0, code: undefined, message: "late" });
  call.join(other);
  call.receive(other, results(other.got));
  await run;
});

test("what went wrong in a job before is an incident of the call, too", async () => {
  const compiled = await compileKernels(false);
  const group = new WorkerGroup(compiled, workerUrl);
  const { work } = workByHand(2, {
    async workHere(_control, feed) {
      for (let range = feed.take(2); range; range = feed.take(2)) {
        work.place(
          Array.from({ length: range.count }, (_, i) => range.first + i),
          new Float32Array(0),
        );
      }
    },
  });
  const options = { worker: workerUrl, workerMemory: 1e9, most: 2, mostWorkers: 0, waits: false };
  const run = await group.run(work, options, makeControl(undefined), async () => ["before"]);
  assert.equal(run, { threads: 1, reason: undefined, incidents: ["before"] });
});

test("what is thrown while a message is handled rejects the call, and nothing else", async () => {
  const broken = () => {
    throw new TypeError("broken");
  };
  for (const [what, overrides] of Object.entries<Partial<Job>>({
    data: { data: broken },
    place: { place: broken },
  })) {
    const { work } = workByHand(3, overrides);
    const call = new Call(0, work, 1, 1);
    const worker = { ...workerByHand(), isReady: false };
    call.join(worker);
    const run = call.run(makeControl(undefined));
    worker.isReady = true;
    call.begin(worker);
    call.receive(worker, results(what === "data" ? [] : [...worker.got]));
    await rejected(run, "worker_failed", /^wasm: broken$/);
    call.close();
    assert.equal(worker.said.slice(-2), ["stop", "close"]);
  }
  // A message that cannot be sent.
  const { work } = workByHand(3);
  const call = new Call(0, work, 1, 1);
  const ended: string[] = [];
  const mute = {
    isReady: true,
    open: () => undefined,
    post: broken,
    end: (reason: string) => void ended.push(reason),
  };
  call.join(mute);
  await rejected(call.run(makeControl(undefined)), "worker_failed", /broken/);
  call.close();
  assert.ok(ended.length > 0 && ended.every((reason) => reason === "broken"), "it is of no use any more");
});

test("an error in a worker is one of ours", async () => {
  const { work } = workByHand(2);
  const call = new Call(0, work, 1, 1);
  const worker = workerByHand();
  call.join(worker);
  const run = call.run(makeControl(undefined));
  call.receive(worker, { type: "failed", call: 0, code: undefined, message: "no maker is called x" });
  await rejected(run, "worker_failed", /no maker is called x/);
});

test("an error in a worker that is none of ours has a code of ours, and a line for a message", async () => {
  const messages: [unknown, unknown, LatentflowErrorCode, RegExp][] = [
    ["hack", "a\nb \u001b[2J", "worker_failed", /^a\\nb \\u001b\[2J$/],
    ["constructor", "x".repeat(5000), "worker_failed", /^x{300,1000}\.\.\.$/],
    [{}, 3n, "worker_failed", /./],
    ["out_of_memory", "there is none", "out_of_memory", /^there is none$/],
  ];
  for (const [code, message, expected, text] of messages) {
    const call = new Call(0, workByHand(2).work, 1, 1);
    const worker = workerByHand();
    call.join(worker);
    const run = call.run(makeControl(undefined));
    call.receive(worker, { type: "failed", call: 0, code, message } as never);
    await rejected(run, expected, text);
  }
});

test("an aborted call ends the workers that do not stop, however many", async () => {
  const call = new Call(0, workByHand(20).work, 2, 9);
  const workers = Array.from({ length: 9 }, workerByHand);
  for (const worker of workers) {
    const { end } = worker;
    worker.end = (reason) => {
      end(reason);
      call.leave(worker, reason);
    };
    call.join(worker);
  }
  const controller = new AbortController();
  const run = call.run(makeControl(controller.signal));
  await turns(3);
  controller.abort();
  const { now } = performance;
  try {
    await until(() => workers.every(({ said }) => said.at(-1) === "stop"));
    performance.now = () => now.call(performance) + 10_001;
    await run;
    assert.ok(workers.every(({ said }) => said.at(-1) === "end: it did not stop"));
  } finally {
    performance.now = now;
  }
});

test("an aborted call waits for what its workers have, and ends when they have stopped", async () => {
  const { work, placed } = workByHand(4);
  const call = new Call(0, work, 2, 2);
  const [first, second] = [workerByHand(), workerByHand()];
  call.join(first);
  call.join(second);
  const controller = new AbortController();
  let hasEnded = false;
  const run = call.run(makeControl(controller.signal)).then(() => {
    hasEnded = true;
  });
  await turns(3);
  controller.abort();
  await until(() => first.said.includes("stop") && second.said.includes("stop"));
  assert.not(hasEnded, "both are still at it");
  const [sample] = first.got as [number];
  call.receive(first, results([sample]));
  call.receive(first, { type: "stopped", call: 0 });
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.not(hasEnded, "one is still at it");
  const dealt = first.got.length;
  call.receive(second, results([...second.got]));
  // One that is lost has nothing more to say.
  call.leave(second, "killed");
  await run;
  assert.equal(placed, [sample, ...second.got]);
  assert.is(first.got.length, dealt, "nothing is dealt after the abort");
});

test("a start that failed is tried again by a later call, not by the next ones", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-"));
  const file = join(folder, "worker.mjs");
  const few = y.subarray(0, 20 * SIZE);
  const own = newDecoder();
  const run = () => encode(own, few, { solver, backend: wasm({ threads: 3, worker: file }) });
  const { now } = performance;
  try {
    writeFileSync(file, "throw new Error('not yet \\u001b[2J')");
    const started = threads.length;
    const first = await run();
    assert.match(
      first.backend.reason ?? "",
      /^workers cannot be started here: not yet \\u001b\[2J; say where/,
    );
    assert.is(threads.length, started + 2);
    writeFileSync(file, `import ${JSON.stringify(workerUrl.href)};`);
    const soon = now.call(performance);
    performance.now = () => soon;
    for (let i = 0; i < 3; i++) {
      const next = await run();
      assert.is(next.backend.threads, 1);
      assert.match(next.backend.reason ?? "", /not yet/);
    }
    assert.is(threads.length, started + 2, "at once it is not worth trying");
    // Ten minutes later.
    performance.now = () => now.call(performance) + 600_001;
    const again = await run();
    assert.is(again.backend.threads, 3);
    assert.is(again.backend.reason, undefined);
    assert.is(threads.length, started + 4);
    assert.equal(resultOf(again), resultOf(first));
  } finally {
    performance.now = now;
    own.dispose();
    rmSync(folder, { recursive: true });
  }
});

test("each further start that fails is waited for longer", async () => {
  const started = threads.length;
  const compiled = await compileKernels(undefined);
  const pool = new WorkerGroup(compiled, "data:text/javascript,throw new Error('never')");
  const { now } = performance;
  let clock = 0;
  performance.now = () => clock;
  try {
    const tries: number[] = [];
    for (clock = 0; clock < 40_000; clock += 500) {
      const before = threads.length;
      pool.start(2);
      while (!threads.slice(before).every(({ hasEnded }) => hasEnded)) await turns(1);
      await turns(2);
      if (threads.length > before) tries.push(clock);
      assert.match(pool.failure ?? "", /never/);
    }
    // The clock stands while a worker starts: the shortest waits, 1, 2, 4, … seconds.
    assert.equal(tries, [0, 1000, 3000, 7000, 15_000, 31_000]);
    assert.is(threads.length, started + 2 * tries.length);
  } finally {
    performance.now = now;
  }
});

test("a worker that is started in the middle of an update follows from the next one on", async () => {
  const compiled = await compileKernels(false);
  const own = newDecoder();
  const packed = await packDecoder(own, compiled);
  const optimizer = sgd({ learningRate: 0.5 });
  const pool = new WorkerGroup(compiled, workerUrl);
  const handle = decoderHandle(own, () => {});
  const trainer = lockStepTrainer(wasmTrainer(packed, optimizer), optimizer, handle, () => pool);
  const problem = problemOf(own, binaryCrossEntropy(), y.subarray(0, 20 * SIZE));
  const control = makeControl(undefined);
  const pair = { flow: gradientFlow(), solver: amd({ maxSteps: 5 }) };
  const rows = allRows(20);
  const z = new Float64Array(20 * 5).fill(0.1);
  const limits = { most: 4, waits: true, worker: undefined, workerMemory: 1e9 };
  const settings = { learningRate: 0.5, largestNorm: Number.POSITIVE_INFINITY };
  const solved = async (here: "here" | "in workers", mostWorkers: number) => {
    const solution = new Solution(20, 5);
    const job = solveJob(handle, packed, taskOf(problem, pair, solution), solution) as Job;
    // Or the workers do it all.
    const done = here === "here" ? job : { ...job, workHere: () => turns(1) };
    const { threads: count, reason } = await pool.run(done, { ...limits, mostWorkers }, control);
    return { solution, count, reason };
  };
  const aloneNow = async () => {
    const solution = new Solution(20, 5);
    await solveSamples(packed, taskOf(problem, pair, solution), control, allSamples(20));
    return solution;
  };
  const update = async () => {
    const objective = trainer.objective(problem, 1);
    await objective.value(rows, z);
    await objective.gradient(rows);
    await objective.addParameterGradient(rows);
    objective.dispose();
    trainer.update(settings);
  };

  const first = await solved("in workers", 1);
  assert.equal(first.solution.objective, (await aloneNow()).objective);

  const objective = trainer.objective(problem, 1);
  await objective.value(rows, z);
  await objective.gradient(rows);
  // The gradient that is being added up is no part of what a new worker could be told; the first one has followed.
  const midway = await solved("here", 2);
  assert.is(midway.count, 2);
  assert.match(midway.reason ?? "", /in the middle of an update/);
  await objective.addParameterGradient(rows);
  objective.dispose();
  trainer.update(settings);
  await update();

  const both = await solved("in workers", 2);
  assert.is(both.count, 2, both.reason);
  assert.equal(both.solution.objective, (await aloneNow()).objective);
  assert.equal(both.solution.z, (await aloneNow()).z);
  assert.not.equal(both.solution.objective, first.solution.objective);
  await update();
  const later = await solved("in workers", 2);
  assert.equal(later.solution.objective, (await aloneNow()).objective);
  trainer.dispose();
  own.dispose();
  pool.close();
});

test.run();

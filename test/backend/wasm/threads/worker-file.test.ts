// run: both, alone
// Tests src/backend/wasm/threads/thread.ts, src/backend/wasm/threads/latentflow-worker.ts.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { amd, closeWorkers, createDecoder, encode, wasm } from "../../../../src/index.ts";
import { randomArray } from "../../../support/random.ts";
import { newWorker, workerUrl } from "../../../support/threads.ts";

// Where workers come from: a function of the caller's, or the file that the library finds.

const layers = [2, 9, 5];
const newDecoder = () => createDecoder({ layers, seed: 1, outputActivation: "sigmoid", loss: "bce" });
const y = randomArray(1, 100 * 5, 0, 1);
const solver = amd({ maxSteps: 20 });

test("a function makes the workers, which closeWorkers ends", async () => {
  const decoder = newDecoder();
  const expected = await encode(decoder, y, { solver, backend: wasm({ threads: 1 }) });
  const made: Worker[] = [];
  const worker = () => {
    made.push(new Worker(workerUrl));
    return made.at(-1)!;
  };
  const result = await encode(decoder, y, { solver, backend: wasm({ threads: 3, worker }) });
  assert.equal(result.z, expected.z);
  assert.is(result.backend.threads, 3, result.backend.reason);
  assert.is(made.length, 3);
  const ends = made.map((each) => new Promise((resolve) => each.on("exit", resolve)));
  for (const each of made) each.ref();
  await closeWorkers();
  assert.equal((await Promise.all(ends)).length, 3);
});

test("a function that is written anew for each call has its workers serve the next one", async () => {
  const decoder = newDecoder();
  const made: Worker[] = [];
  for (let i = 0; i < 4; i++) {
    const backend = wasm({
      threads: 2,
      worker: () => {
        made.push(new Worker(workerUrl));
        return made.at(-1)!;
      },
    });
    assert.is((await encode(decoder, y, { solver, backend })).backend.threads, 2);
  }
  assert.is(made.length, 2);
  decoder.dispose();
});

test("a function that makes no new worker is a reason, which says what to do", async () => {
  // Made by the first call: a worker that has said it is ready before the pool listens counts as one that does not answer.
  let shared: Worker | undefined;
  // What comes of a promise is ended: it would keep the process alive.
  const promised = new Worker(workerUrl);
  const promisedEnds = once(promised, "exit");
  const advice =
    /; the function given as worker has to start the file of the export latentflow\/worker; wasm\(\{ threads: 1 \}\) does without$/;
  for (const [worker, threadCount, reason] of [
    [
      () => "latentflow-worker.js",
      1,
      /the function given as worker returned "latentflow-worker.js", expected a new Worker/,
    ],
    [async () => promised, 1, /returned a Promise, expected a new Worker: leave async away/],
    [async () => Promise.reject(new Error("later")), 1, /returned a Promise/],
    [() => undefined, 1, /returned undefined, expected a new Worker/],
    [() => null, 1, /returned null, expected a new Worker/],
    [
      () => {
        throw new Error("not today");
      },
      1,
      /^workers cannot be started here: not today/,
    ],
    [
      () => (shared ??= new Worker(workerUrl)),
      1,
      /returned the same Worker again, expected a new one each time/,
    ],
    [() => new Worker("throw new Error('empty')", { eval: true }), 1, /cannot be started here: empty/],
  ] as const) {
    const decoder = newDecoder();
    const backend = wasm({ threads: 3, worker: worker as () => Worker });
    const result = await encode(decoder, y, { solver, backend });
    assert.is(result.backend.threads, threadCount, String(worker));
    assert.match(result.backend.reason ?? "", reason);
    assert.match(result.backend.reason ?? "", advice);
    decoder.dispose();
  }
  await promisedEnds;
});

test("a worker that does not start, or is another one, is a reason, which says what to do", async () => {
  const broken = () => {
    throw new Error("broken");
  };
  const evaluated = (text: string) => () => newWorker(text, { eval: true });
  const says = (message: string) => evaluated(`require("worker_threads").parentPort.postMessage(${message})`);
  for (const [worker, reason] of [
    [
      () => ({
        postMessage: broken,
        terminate: broken,
        on() {
          broken();
        },
      }),
      /: broken; /,
    ],
    [says("null"), /: it is not the worker of this package; /],
    [says("{ type: 'hello' }"), /: it is not the worker of this package; /],
    [says("{ type: 'result', value: 3n }"), /: it is not the worker of this package; /],
    ...["null", "undefined", "'text'", "{ get message() { throw 1; } }"].map(
      (thrown) => [evaluated(`throw ${thrown}`), /^workers cannot be started here: .*; /] as const,
    ),
    [
      "/nowhere.js",
      /Cannot find module .*; say where the worker's file is, wasm\(\{ worker: require\.resolve\(/,
    ],
    ["data:text/javascript,0", /cannot be started here: it ended with exit code 0/],
  ] as const) {
    const decoder = newDecoder();
    const backend = wasm({ threads: 2, worker: worker as string });
    const result = await encode(decoder, y, { solver, backend });
    assert.is(result.backend.threads, 1);
    assert.match(result.backend.reason ?? "", reason);
    decoder.dispose();
  }
  await closeWorkers();
});

test("a worker that cannot be started at once leaves no timer, which would find none to end", async () => {
  const { setTimeout } = globalThis;
  const timers: NodeJS.Timeout[] = [];
  globalThis.setTimeout = ((call: () => void, time?: number) => {
    const timer = setTimeout(call, time);
    if (time === 20_000) timers.push(timer);
    return timer;
  }) as typeof setTimeout;
  const backend = wasm({ threads: 2, worker: () => undefined as unknown as Worker });
  assert.is((await encode(newDecoder(), y, { solver, backend })).backend.threads, 1);
  globalThis.setTimeout = setTimeout;
  assert.ok(timers.every((timer) => (timer as { _destroyed?: boolean })._destroyed));
});

test("a URL of another realm is taken, as jsdom's is", async () => {
  const url = { href: workerUrl.href, [Symbol.toStringTag]: "URL", toString: () => workerUrl.href };
  const decoder = newDecoder();
  const { backend } = await encode(decoder, y, {
    solver,
    backend: wasm({ threads: 2, worker: url as unknown as URL }),
  });
  assert.is(backend.threads, 2, backend.reason);
  decoder.dispose();
});

test("the worker's file imports no other", () => {
  assert.not.match(readFileSync(workerUrl, "utf8"), /\bimport\b|\brequire\(/);
});

test.after(() => closeWorkers());

test.run();

// Tests site/page/engine/client.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Engine, latestOnly, type WorkerLike } from "../../site/page/engine/client.ts";
import type { FromWorker, ToWorker } from "../../site/page/engine/messages.ts";

/** A worker that keeps what it is sent, and answers when the test says so. */
function makeWorker() {
  const sent: ToWorker[] = [];
  const worker: WorkerLike = {
    onmessage: null,
    onerror: null,
    postMessage: (message: ToWorker) => void sent.push(message),
    terminate() {},
  };
  const answer = (message: FromWorker) =>
    worker.onmessage?.call(worker as Worker, { data: message } as MessageEvent);
  return { worker, sent, answer };
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: Error) => error.message,
  );

test("replies and progress reach the call that they are for", async () => {
  const { worker, sent, answer } = makeWorker();
  const engine = new Engine(worker);
  const y = new Float32Array(4);
  const seen: number[] = [];
  const first = engine.call("descend", { y, solver: "amd" }, { onProgress: ({ steps }) => seen.push(steps) });
  const second = engine.call("decode", { z: y });
  const [one, two] = sent.map(({ id }) => id);
  answer({ kind: "reply", id: two!, value: y });
  answer({ kind: "progress", id: one!, value: { steps: 3 } });
  answer({ kind: "reply", id: one!, value: [] });
  answer({ kind: "progress", id: one!, value: { steps: 9 } });
  assert.is(await second, y);
  assert.equal(await first, []);
  assert.equal(seen, [3]);
});

test("a worker that cannot be started is told at once, and rejects every call", async () => {
  const told: string[] = [];
  const engine = new Engine(() => {
    throw new Error("no workers");
  });
  engine.onFailure = ({ message }) => void told.push(message);
  assert.match(told.join(), /has not started the page's worker: no workers\. Allow workers/);
  assert.is(await failureOf(engine.call("decode", { z: new Float32Array(2) })), told[0]);
  engine.close();
});

test("a failure rejects its call alone; a failed worker rejects all, now and later", async () => {
  const { worker, sent, answer } = makeWorker();
  const told: Error[] = [];
  const engine = new Engine(worker);
  engine.onFailure = (error) => void told.push(error);
  const z = new Float32Array(2);
  const [refused, lost] = [engine.call("decode", { z }), engine.call("decode", { z })];
  answer({ kind: "failure", id: sent[0]!.id, message: "decode: z has 2 values" });
  assert.is(await failureOf(refused), "decode: z has 2 values");
  worker.onerror?.call(worker as Worker, { message: "" } as ErrorEvent);
  assert.match(await failureOf(lost), /could not be loaded.*Reload/);
  assert.match(await failureOf(engine.call("decode", { z })), /could not be loaded/);
  assert.equal(
    told.map(({ message }) => message),
    [await failureOf(lost)],
  );
});

test("an abort is passed on, also one that came before the call", () => {
  const { worker, sent } = makeWorker();
  const engine = new Engine(worker);
  const [late, early] = [new AbortController(), new AbortController()];
  early.abort();
  void engine.call("decode", { z: new Float32Array(1) }, { signal: late.signal });
  void engine.call("decode", { z: new Float32Array(1) }, { signal: early.signal });
  late.abort();
  assert.equal(
    sent.map(({ kind, id }) => `${kind} ${id}`),
    ["call 1", "call 2", "cancel 2", "cancel 1"],
  );
});

test("an abort after the reply is not passed on", async () => {
  const { worker, sent, answer } = makeWorker();
  const controller = new AbortController();
  const reply = new Engine(worker).call("decode", { z: new Float32Array(1) }, controller);
  answer({ kind: "reply", id: 1, value: new Float32Array(1) });
  await reply;
  controller.abort();
  assert.equal(
    sent.map(({ kind }) => kind),
    ["call"],
  );
});

test("of calls that come faster than replies the latest counts", async () => {
  const started: { given: number; signal: AbortSignal; resolve: (value: number) => void }[] = [];
  const call = latestOnly(
    (given: number, signal: AbortSignal) =>
      new Promise<number>((resolve) => started.push({ given, signal, resolve })),
  );
  const replies = [call(1), call(2), call(3)];
  assert.equal(
    started.map(({ given }) => given),
    [1],
  );
  assert.ok(started[0]!.signal.aborted, "the one under way is asked to end");
  started[0]!.resolve(10);
  assert.is(await replies[0], 10);
  assert.is(await replies[1], undefined);
  assert.equal(
    started.map(({ given }) => given),
    [1, 3],
  );
  started[1]!.resolve(30);
  assert.is(await replies[2], 30);
});

test("after a failure the next call still runs", async () => {
  const call = latestOnly(async (given: string) => {
    if (given === "bad") throw new Error("refused");
    return given;
  });
  const [bad, good] = [call("bad"), call("good")];
  assert.is(await failureOf(bad), "refused");
  assert.is(await good, "good");
});

test.run();

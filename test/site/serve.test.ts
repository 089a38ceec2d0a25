// Tests site/page/engine/serve.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FromWorker, ToWorker } from "../../site/page/engine/messages.ts";
import { type HandlersOf, serve } from "../../site/page/engine/serve.ts";

interface Table {
  double: { arguments: Float32Array; reply: { twice: Float32Array }; progress: Float32Array };
  wait: { arguments: number; reply: number; progress: never };
}

const posted: { message: FromWorker; transfer: Transferable[] }[] = [];
const signals: AbortSignal[] = [];
const endings: (() => void)[] = [];

const handlers: HandlersOf<Table, { factor: number }> = {
  async double({ factor }, given, { report }) {
    report(given);
    return { twice: given.map((value) => factor * value) };
  },
  wait(_, given, { signal }) {
    signals.push(signal);
    return new Promise((resolve, reject) => {
      endings.push(() => resolve(given));
      signal.addEventListener("abort", () => reject(new Error(`call ${given} was cancelled`)));
    });
  },
};

const scope = globalThis as unknown as {
  onmessage?: (event: { data: ToWorker }) => void;
  postMessage?: (message: FromWorker, transfer: Transferable[]) => void;
};
scope.postMessage = (message, transfer) => void posted.push({ message, transfer });
serve<Table, { factor: number }>(handlers, { factor: 2 });
const send = async (data: ToWorker) => {
  scope.onmessage!({ data });
  await new Promise((resolve) => setTimeout(resolve));
  return posted.splice(0);
};
const wait = (id: number) => send({ kind: "call", id, name: "wait", arguments: id });

test("arrays of a reply are moved to the page, those of a report are copied", async () => {
  const given = Float32Array.of(1, 2);
  const [progress, reply] = await send({ kind: "call", id: 1, name: "double", arguments: given });
  assert.equal(progress, { message: { kind: "progress", id: 1, value: given }, transfer: [] });
  const twice = Float32Array.of(2, 4);
  assert.equal(reply!.message, { kind: "reply", id: 1, value: { twice } });
  const { value } = reply!.message as { value: { twice: Float32Array } };
  assert.is(reply!.transfer.length, 1);
  assert.is(reply!.transfer[0], value.twice.buffer);
});

test("a call is cancelled by its id, and alone", async () => {
  await wait(2);
  await wait(3);
  const [failure, ...others] = await send({ kind: "cancel", id: 2 });
  assert.equal(failure!.message, { kind: "failure", id: 2, message: "call 2 was cancelled" });
  assert.is(others.length, 0);
  assert.not(signals[1]!.aborted);
  endings[1]!();
  await send({ kind: "cancel", id: 3 });
  assert.is(signals.length, 2);
});

test("a call that has been answered is not cancelled afterwards", async () => {
  await wait(4);
  endings.at(-1)!();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(
    posted.splice(0).map(({ message }) => message),
    [{ kind: "reply", id: 4, value: 4 }],
  );
  assert.equal(await send({ kind: "cancel", id: 4 }), []);
  assert.not(signals.at(-1)!.aborted);
});

test.after(() => {
  delete scope.onmessage;
  delete scope.postMessage;
});

test.run();

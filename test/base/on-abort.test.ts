// run: both
import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { onAbort } from "../../src/base/on-abort.ts";
import { createDecoder, decode, encode, wasm } from "../../src/index.ts";

const listenersOf = ({ signal }: AbortController) => getEventListeners(signal, "abort").length;

test("all who wait for a signal share one listener, which goes with the last of them", () => {
  const controller = new AbortController();
  const heard: number[] = [];
  const forget = [0, 1, 2].map((i) => onAbort(controller.signal, () => heard.push(i)));
  assert.is(listenersOf(controller), 1);
  forget[1]!();
  forget[1]!();
  assert.is(listenersOf(controller), 1);
  forget[0]!();
  forget[2]!();
  assert.is(listenersOf(controller), 0);

  // Afterwards it can be waited for again; who has forgotten does not hear.
  const [later] = [
    onAbort(controller.signal, () => heard.push(3)),
    onAbort(controller.signal, () => heard.push(4)),
  ];
  assert.is(listenersOf(controller), 1);
  later();
  // A second time it takes nothing from those who have come since.
  forget[2]!();
  const another = onAbort(controller.signal, () => {});
  assert.is(listenersOf(controller), 1);
  another();
  controller.abort();
  assert.equal(heard, [4]);
  assert.is(listenersOf(controller), 0);
});

test("whoever forgets while others are told, and who comes after the abort", () => {
  const controller = new AbortController();
  const heard: string[] = [];
  const forgetSecond = () => second();
  let forgetMeanwhile = () => {};
  onAbort(controller.signal, () => {
    heard.push("first");
    forgetMeanwhile = onAbort(controller.signal, () => heard.push("meanwhile"));
    forgetSecond();
  });
  const second = onAbort(controller.signal, () => heard.push("second"));
  controller.abort();
  assert.equal(heard, ["first"]);
  forgetMeanwhile();
  onAbort(controller.signal, () => heard.push("late"))();
  assert.not(heard.includes("late"));
  assert.is(listenersOf(controller), 0);
  onAbort(undefined, () => heard.push("none"))();
});

test("an event that is no abort ends nothing, and the abort after it is heard", async () => {
  const controller = new AbortController();
  let heard = 0;
  onAbort(controller.signal, () => heard++);
  controller.signal.dispatchEvent(new Event("abort"));
  assert.is(heard, 0);
  controller.abort();
  assert.is(heard, 1);
  assert.is(listenersOf(controller), 0);

  const decoder = createDecoder({ layers: [2, 5, 4], loss: "mse", seed: 1 });
  const { signal } = new AbortController();
  const decoding = decode(decoder, new Float32Array(2), { signal });
  signal.dispatchEvent(new Event("abort"));
  assert.is((await decoding).length, 4);
});

test("what an imitated signal throws rejects the call that begins to listen, and nothing once it has ended", async () => {
  const decoder = createDecoder({ layers: [2, 5, 4], loss: "mse", seed: 1 });
  const refuse = () => {
    throw new Error("no");
  };
  const imitation = { aborted: false, addEventListener() {}, removeEventListener: refuse };
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  assert.is((await decode(decoder, new Float32Array(2), { signal: imitation as never })).length, 4);
  await setImmediate();
  process.off("unhandledRejection", note);
  assert.equal(unhandled, []);

  // Nobody is told that a signal is listened to which is not.
  const failing = { aborted: false, addEventListener: refuse };
  for (let time = 0; time < 2; time++) {
    const error = await decode(decoder, new Float32Array(2), { signal: failing as never }).catch((e) => e);
    assert.is(error.message, "no");
  }
});

test("one signal for many calls at once: no warning of a leak, and nothing is left of them", async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on("warning", warn);
  const decoder = createDecoder({ layers: [2, 5, 4], loss: "mse", seed: 1 });
  const y = new Float32Array(4).fill(0.5);
  const controller = new AbortController();
  const { signal } = controller;
  for (const threads of [1, 2]) {
    const backend = wasm({ threads });
    await Promise.all(
      Array.from({ length: 40 }, async () =>
        decode(decoder, (await encode(decoder, y, { signal, backend })).z, { signal, backend }),
      ),
    );
    assert.is(listenersOf(controller), 0);
  }
  await setImmediate();
  process.off("warning", warn);
  assert.equal(warnings, []);

  const many = Array.from({ length: 40 }, () =>
    encode(decoder, new Float32Array(4000).fill(0.5), { signal }),
  );
  const ends = Promise.allSettled(many);
  controller.abort(new Error("enough"));
  for (const end of await ends) {
    assert.is(end.status, "rejected");
    assert.is((end as PromiseRejectedResult).reason.message, "enough");
  }
  assert.is(listenersOf(controller), 0);
});

test.run();

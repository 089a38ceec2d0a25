// Tests site/typeface-page/read-font.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { WorkerLike } from "../../site/page/engine/client.ts";
import type { FromWorker, ToWorker } from "../../site/page/engine/messages.ts";
import type { FontLetter } from "../../site/typeface-page/engine/messages.ts";
import { readFontWithin } from "../../site/typeface-page/read-font.ts";

const file = new File(["a font"], "own.ttf");
const never = () => undefined;

/** A worker that answers a call by `answer`, and tells whether it was ended. */
function makeReader(answer: (id: number) => FromWorker | undefined) {
  const state = { ended: 0 };
  const worker: WorkerLike = {
    onmessage: null,
    onerror: null,
    postMessage: ({ id }: ToWorker) => {
      const data = answer(id);
      if (data) queueMicrotask(() => worker.onmessage?.call(worker as Worker, { data } as MessageEvent));
    },
    terminate: () => void state.ended++,
  };
  return { start: () => worker, state };
}

test("a font that takes too long is refused by name, and its reader ended", async () => {
  const { start, state } = makeReader(never);
  const reason = await readFontWithin(file, 20, start).catch(({ message }: Error) => message);
  assert.is(reason, "own.ttf takes longer than 0.02 seconds to read. Choose another font.");
  assert.is(state.ended, 1);
});

test("a font that is read leaves neither its reader nor its timer", async () => {
  const letters: FontLetter[] = [];
  const { start, state } = makeReader((id) => ({ kind: "reply", id, value: letters }));
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  assert.is(await readFontWithin(file, 60_000, start), letters);
  assert.is(state.ended, 1);
  assert.is(timers(), before);
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { FailedStarts } from "../../../../src/backend/wasm/threads/failed-starts.ts";

// By a clock that the tests set.

const { now } = performance;
let clock = 0;
test.before(() => {
  performance.now = () => clock;
});
test.after(() => {
  performance.now = now;
});

/** Waits until an attempt may begin; returns how many milliseconds that took, to a quarter of a second. */
function waitFor(starts: FailedStarts): number {
  const since = clock;
  while (!starts.begin()) clock += 250;
  return clock - since;
}

test("after each failure the next attempt waits twice as long, ten minutes at most", () => {
  const starts = new FailedStarts();
  const waits = Array.from({ length: 12 }, (_, i) => {
    starts.fail(starts.begin()!, `failure ${i}`);
    assert.is(starts.reason, `failure ${i}`);
    return waitFor(starts) / 1000;
  });
  assert.equal(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
});

test("an attempt that took long is waited for ten times as long", () => {
  const starts = new FailedStarts();
  const attempt = starts.begin()!;
  clock += 3000;
  starts.fail(attempt, "slow");
  assert.is(waitFor(starts), 30_000);
});

test("the workers of one attempt fail once together, and a later success clears that", () => {
  const starts = new FailedStarts();
  const attempt = starts.begin()!;
  starts.fail(attempt, "first");
  starts.fail(attempt, "second");
  assert.is(starts.reason, "first");
  starts.succeed(attempt);
  assert.is(starts.reason, "first", "another worker of the same attempt");
  assert.is(waitFor(starts), 1000);
  starts.succeed(starts.begin()!);
  assert.is(starts.reason, undefined);
  starts.fail(starts.begin()!, "anew");
  assert.is(waitFor(starts), 1000);
});

test.run();

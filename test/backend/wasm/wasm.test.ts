// Tests src/backend/wasm/auto-threads.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { timeOf, worthOf } from "../../../src/backend/wasm/auto-threads.ts";
import { amd, createDecoder, lbfgs, linearGrid, rk4, wasm } from "../../../src/index.ts";
import { refused } from "../../support/refusal.ts";

test("wrong options are refused", () => {
  for (const count of [0, 1.5, -1, 2000, Number.NaN]) {
    refused(() => wasm({ threads: count }), "invalid_argument", /^wasm: threads is .*expected an integer/);
  }
  for (const [options, message] of [
    [{ threads: "all" }, /threads is "all", expected a number or "auto"/],
    [{ worker: 1 }, /^wasm: worker is 1, expected a string, a URL or a function that makes a Worker$/],
    [{ worker: "" }, /^wasm: worker is ""/],
    [{ workerMemory: 1 }, /workerMemory/],
  ] as const) {
    refused(() => wasm(options as never), "invalid_argument", message);
  }
});

test("a sample is worth two passes for each gradient that its solver usually takes, or may take", () => {
  const decoder = createDecoder({ layers: [3, 9, 9], loss: "mse" });
  const pass = timeOf("pass", decoder);
  for (const [solver, gradients] of [
    [lbfgs(), 20],
    [lbfgs({ maxSteps: 3 }), 4],
    [amd({ maxSteps: 0 }), 1],
    [rk4({ grid: linearGrid({ t1: 1, slices: 2 }) }), 100],
  ] as const) {
    assert.is(timeOf(solver, decoder), 2 * pass * gradients);
  }
});

test("work is shared that is worth it, and many short calls count together unless they lie far apart", () => {
  const recent = { milliseconds: 0, at: Number.NEGATIVE_INFINITY };
  const worth = [50, 40, 20, 4].map((each) => worthOf(each, recent));
  assert.equal(
    worth.map(({ sharing }) => sharing),
    [true, true, true, false],
  );
  assert.equal(
    worth.map(({ starting }) => starting),
    [false, false, true, false],
  );
  const [now, before] = [performance.now(), performance.now() - 30_001];
  assert.equal(worthOf(4, { milliseconds: 1e6, at: now }), { sharing: false, starting: false });
  assert.equal(worthOf(50, { milliseconds: 1e6, at: before }), { sharing: true, starting: false });
});

test.run();

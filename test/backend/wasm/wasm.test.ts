// Tests src/backend/wasm/cost-model.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isWorthSharing } from "../../../src/backend/wasm/cost-model.ts";
import { wasm } from "../../../src/index.ts";
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

test("work is shared that is worth it, and many short calls count together unless they lie far apart", () => {
  const recent = { milliseconds: 0, at: Number.NEGATIVE_INFINITY };
  assert.equal(
    [50, 40, 20, 4].map((each) => isWorthSharing(each, recent, false)),
    [false, false, true, false],
  );
  assert.ok(isWorthSharing(6, { ...recent }, true));
  assert.not(isWorthSharing(4, { milliseconds: 1e6, at: performance.now() }, true));
  assert.not(isWorthSharing(50, { milliseconds: 1e6, at: performance.now() - 30_001 }, false));
});

test.run();

// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LatentflowError } from "../../src/base/errors.ts";
import {
  callback,
  choice,
  completeOptions,
  count,
  flag,
  later,
  number,
  optional,
} from "../../src/base/options.ts";

const FIELDS = {
  rate: number({ above: 0, max: 1 }, 0.5),
  steps: count(1),
  limit: optional(count(0)),
  way: choice("there", "back"),
  fast: flag(false),
  onEnd: callback<() => void>(),
  data: later<Float32Array | undefined>(),
};

test("options are completed by their defaults; undefined is left out, and what has no default is given", () => {
  const onEnd = () => {};
  assert.equal(completeOptions({ steps: 3, rate: undefined, onEnd }, FIELDS), {
    rate: 0.5,
    steps: 3,
    limit: undefined,
    way: "there",
    fast: false,
    onEnd,
    data: undefined,
  });
});

test("each field refuses a wrong value by its name, and null is no way to leave an option out", () => {
  for (const [options, message] of [
    [undefined, "steps is undefined, expected an integer >= 1"],
    [{ steps: 0 }, "steps is 0, expected an integer >= 1"],
    [{ steps: 1, rate: 2 }, "rate is 2, expected a finite number > 0 and <= 1"],
    [{ steps: 1, limit: null }, "limit is null, expected an integer >= 0"],
    [{ steps: 1, way: "up" }, 'way is "up", expected "there" or "back"'],
    [{ steps: 1, fast: 1 }, "fast is 1, expected true or false"],
    [{ steps: 1, onEnd: 1 }, "onEnd is 1, expected a function"],
    [
      { steps: 1, step: 1 },
      'unknown option "step"; the options are rate, steps, limit, way, fast, onEnd, data',
    ],
  ] as const) {
    assert.throws(
      () => completeOptions(options as { steps?: unknown } | undefined, FIELDS),
      (error: unknown) => error instanceof LatentflowError && error.message === message,
    );
  }
});

test.run();

// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { elsewhere } from "../../src/base/check.ts";
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

test("an unknown option names the one that it is near to, or the option that has it", () => {
  const messageOf = (name: string, why?: Readonly<Record<string, string>>) => {
    try {
      return `${completeOptions({ steps: 1, [name]: 1 } as object, FIELDS, why)}`;
    } catch (error) {
      const { message, advice = "" } = error as LatentflowError;
      return [message, advice];
    }
  };
  const names = "rate, steps, limit, way, fast, onEnd, data";
  const near = {
    step: "steps",
    setps: "steps",
    Steps: "steps",
    limits: "limit",
    dat: "data",
    OnEnd: "onEnd",
  };
  for (const [name, option] of Object.entries(near)) {
    const advice = `did you mean ${option}?`;
    assert.equal(messageOf(name), [`unknown option "${name}"; the options are ${names}; ${advice}`, advice]);
  }
  for (const name of ["", "to", "speed", "dataset", "toString", "r".repeat(1e6)]) {
    assert.match(messageOf(name)[0]!, new RegExp(`; the options are ${names}$`));
  }
  const why = elsewhere("solver", "lbfgs", { tolerance: true });
  const advice = "give solver: lbfgs({ tolerance })";
  assert.equal(messageOf("tolerance", why), [`unknown option "tolerance"; ${advice}`, advice]);
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
      'unknown option "step"; the options are rate, steps, limit, way, fast, onEnd, data; did you mean steps?',
    ],
  ] as const) {
    assert.throws(
      () => completeOptions(options as { steps?: unknown } | undefined, FIELDS),
      (error: unknown) => error instanceof LatentflowError && error.message === message,
    );
  }
});

test.run();

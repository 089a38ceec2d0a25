// run: both
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adam, rmsprop, sgd } from "../../src/backend/optimizer.ts";
import { constant, cosine, linear } from "../../src/train/schedule.ts";
import { refused } from "../support/refusal.ts";

const vectors = JSON.parse(readFileSync(new URL("../vectors/optimisers.json", import.meta.url), "utf8"));

test("the defaults are the paper's for RMSprop and PyTorch's for the others", () => {
  const { note, ...paper } = vectors.settings.rmsprop;
  assert.match(note, /outside the root/);
  assert.equal(rmsprop(), { name: "rmsprop", stateVectors: 1, ...paper });
  assert.equal(adam(), {
    name: "adam",
    stateVectors: 2,
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
  });
  assert.equal(sgd(), { name: "sgd", stateVectors: 0, learningRate: 1e-3, momentum: 0 });
});

test("options take the defaults' place, undefined does not", () => {
  assert.equal(rmsprop({ alpha: 0.5 }), { ...rmsprop(), alpha: 0.5 });
  assert.equal(adam({ weightDecay: 0.01, beta1: 0 }), { ...adam(), weightDecay: 0.01, beta1: 0 });
  assert.equal(sgd({ momentum: 0.9 }), { ...sgd(), momentum: 0.9, stateVectors: 1 });
  const given = { learningRate: undefined } as unknown as { learningRate: number };
  assert.equal(rmsprop(given), rmsprop());
});

test("optimizers and schedules are immutable", () => {
  for (const value of [rmsprop(), adam(), sgd(), constant(), linear(), cosine()]) {
    assert.ok(Object.isFrozen(value), value.name);
  }
});

test("optimizers refuse unknown options and values out of range", () => {
  const makers = { rmsprop, adam, sgd } as Record<string, (options: unknown) => unknown>;
  const refusedOption = (name: string, options: unknown, message: RegExp) =>
    refused(() => makers[name]!(options), "invalid_argument", message);
  for (const name of Object.keys(makers)) {
    refusedOption(name, null, new RegExp(`^${name}: options are null`));
    refusedOption(name, { lr: 1 }, new RegExp(`^${name}: unknown option "lr"; the options are learningRate`));
    for (const learningRate of [-1, Number.NaN, Infinity, "1e-3"]) {
      refusedOption(name, { learningRate }, /learningRate is .*, expected a finite number >= 0/);
    }
  }
  for (const [name, option] of [
    ["rmsprop", "alpha"],
    ["adam", "beta1"],
    ["adam", "beta2"],
    ["sgd", "momentum"],
  ] as const) {
    // The last is below 1, but is not once it is rounded to float32.
    for (const value of [-0.1, 1, 2, 1 - 1e-12])
      refusedOption(name, { [option]: value }, RegExp(`${option} is`));
  }
  for (const name of ["rmsprop", "adam"]) {
    // The last is above 0, but is not once it is rounded to float32.
    for (const epsilon of [0, -1e-8, 1e-60]) refusedOption(name, { epsilon }, /epsilon is/);
  }
  refusedOption("adam", { weightDecay: -1 }, /weightDecay is -1, expected a finite number >= 0/);
  refusedOption("sgd", { alpha: 0.9 }, /unknown option "alpha"; the options are learningRate, momentum/);
});

test("schedules begin at 1 and end at `to`, exactly", () => {
  assert.equal([0, 0.3, 1].map(constant().factor), [1, 1, 1]);
  for (const schedule of [linear, cosine]) {
    assert.is(schedule().to, 0);
    for (const to of [0, 0.1, 1 / 3, 1, 2.7]) {
      const { factor } = schedule({ to });
      assert.is(factor(0), 1);
      assert.is(factor(1), to);
    }
  }
});

test("linear goes in a straight line, cosine along half a cosine", () => {
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) < 1e-15, `${found} is not ${expected}`);
  near(linear().factor(0.25), 0.75);
  near(linear({ to: 0.2 }).factor(0.5), 0.6);
  near(cosine().factor(0.5), 0.5);
  near(cosine().factor(1 / 3), 0.75);
  near(cosine({ to: 0.2 }).factor(2 / 3), 0.4);
});

test("schedules refuse unknown options and values out of range", () => {
  for (const [name, schedule] of Object.entries({ linear, cosine })) {
    const make = schedule as (options: unknown) => unknown;
    refused(() => make({ end: 0 }), "invalid_argument", new RegExp(`^${name}: unknown option "end"`));
    for (const to of [-0.1, Number.NaN, Infinity, "0"]) {
      refused(() => make({ to }), "invalid_argument", /to is .*, expected a finite number >= 0/);
    }
  }
});

test.run();

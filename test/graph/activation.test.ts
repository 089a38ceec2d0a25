import { test } from "uvu";
import * as assert from "uvu/assert";
import { activations } from "../../src/graph/activation.ts";
import { normaliseActivation } from "../../src/graph/normalise-activation.ts";
import { refused } from "../support/refusal.ts";

const normalise = (value: unknown) => normaliseActivation("activation", value);

test("a name becomes an activation with its default parameter", () => {
  const parameters: Readonly<Record<string, object>> = {
    elu: { alpha: 1 },
    leakyRelu: { slope: 0.01 },
    sine: { frequency: 1 },
  };
  for (const name of Object.keys(activations)) {
    const expected = { name, ...parameters[name] };
    for (const given of [name, { name }, expected]) assert.equal(normalise(given), expected);
  }
});

test("an object gives the parameter", () => {
  assert.equal(normalise({ name: "elu", alpha: 0.5 }), { name: "elu", alpha: 0.5 });
  assert.equal(normalise({ name: "leakyRelu", slope: 0 }), { name: "leakyRelu", slope: 0 });
  assert.equal(normalise({ name: "leakyRelu", slope: undefined }), { name: "leakyRelu", slope: 0.01 });
});

test("the result is a frozen value of its own", () => {
  const given = { name: "elu", alpha: 2 };
  const activation = normalise(given);
  given.alpha = 3;
  assert.equal(activation, { name: "elu", alpha: 2 });
  assert.ok(Object.isFrozen(activation));
  assert.ok(Object.isFrozen(normalise("relu")));
});

test("an unknown name is refused with the names there are", () => {
  const names = new RegExp(`expected one of ${Object.keys(activations).join(", ")}, or`);
  for (const value of [
    "mish",
    "",
    "ELU",
    "toString",
    "__proto__",
    3,
    null,
    undefined,
    {},
    [],
    { name: "mish" },
  ]) {
    refused(() => normalise(value), "invalid_argument", names);
  }
  refused(() => normalise("mish"), "invalid_argument", /^activation is "mish", expected/);
  refused(() => normalise({ name: "mish" }), "invalid_argument", /an object with the name "mish"/);
});

test("a parameter out of range is refused", () => {
  for (const alpha of [0, -1, Number.NaN, Infinity, 1e39, "1", 1n]) {
    refused(() => normalise({ name: "elu", alpha }), "invalid_argument", /^activation.alpha is .* > 0/);
  }
  for (const slope of [-0.1, Number.NaN, Infinity, 1e39, "1"]) {
    refused(() => normalise({ name: "leakyRelu", slope }), "invalid_argument", /activation.slope is .* >= 0/);
  }
});

test("a parameter that the activation does not have is refused", () => {
  refused(
    () => normalise({ name: "relu", slope: 1 }),
    "invalid_argument",
    /activation relu: unknown .* "slope"/,
  );
  refused(
    () => normalise({ name: "elu", slope: 1 }),
    "invalid_argument",
    /unknown option "slope"; the options are name, alpha/,
  );
});

test.run();

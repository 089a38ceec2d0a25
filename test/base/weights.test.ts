import { test } from "uvu";
import * as assert from "uvu/assert";
import { WEIGHTS } from "../../src/base/weights.ts";
import { refused } from "../support/refusal.ts";

const weightsOf = (value: unknown) => WEIGHTS.check("weights", value);
const refuse = (value: unknown, message: RegExp) =>
  refused(() => weightsOf(value), "invalid_argument", message);

test("bytes and booleans become numbers, and other values stay for the checks with the samples", () => {
  assert.equal(weightsOf(Uint8Array.of(0, 1)), Float32Array.of(0, 1));
  assert.equal(weightsOf([true, false]), Float32Array.of(1, 0));
  for (const value of [Float32Array.of(2), [1, 0], [], null, "a"]) assert.is(weightsOf(value), value);
});

test("bytes beyond 1, and memory that has gone or may go, are refused", () => {
  refuse(Uint8Array.of(0, 255), /weights is 255 at element 1, expected 0 or 1/);
  const gone = new Uint8Array(2);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  refuse(gone, /buffer of weights has been detached; give a copy, by slice/);
  refuse(
    new Uint8Array(Reflect.construct(ArrayBuffer, [2, { maxByteLength: 4 }])),
    /buffer of weights is resizable/,
  );
});

test("booleans with holes or other values between them are refused by place", () => {
  const holes = (length: number) => Object.assign([], { length });
  refuse(holes(5), /weights is undefined at element 0, expected true or false/);
  refuse(holes(2 ** 32 - 1), /undefined at element 0/);
  refuse(Object.assign([true, false], { length: 3 }), /undefined at element 2/);
  refuse([true, 1], /weights is 1 at element 1, expected true or false/);
});

test.run();

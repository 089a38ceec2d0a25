import { test } from "uvu";
import * as assert from "uvu/assert";
import { COEFFICIENTS, COMPONENTS } from "../../examples/typefaces/basis.ts";
import { letterIndex } from "../../examples/typefaces/geometry/cell.ts";
import { COUNTS, letterOrder } from "../../examples/typefaces/letter-orders.ts";
import { completeFromRows, covarianceOf, linearCompletion } from "../../examples/typefaces/linear.ts";
import { createRandom } from "../../src/base/random.ts";

// The linear completion that the decoder is compared with, and the letters that are given.

/** First coefficient of a letter. */
const first = (letter: string) => letterIndex(letter) * COMPONENTS;

test("what follows linearly from the given letters is found", () => {
  const random = createRandom(1);
  const count = 40;
  const rows = new Float32Array(count * COEFFICIENTS);
  // Two coefficients are random, one of b is their difference, and one of c has nothing to do with them.
  const fill = (row: Float32Array) => {
    const [u, v] = [random.uniform() - 0.5, random.uniform() - 0.5];
    row[first("a")] = u;
    row[first("n") + 1] = v;
    row[first("b") + 2] = 3 * u - v;
  };
  for (let i = 0; i < count; i++) fill(rows.subarray(i * COEFFICIENTS, (i + 1) * COEFFICIENTS));
  const covariance = covarianceOf(rows, COEFFICIENTS, COEFFICIENTS);
  const row = new Float32Array(COEFFICIENTS);
  fill(row);
  const [right] = row.slice(first("b") + 2);
  row[first("b") + 2] = 0; // not given
  const completed = linearCompletion(covariance, "an", 1e-9)(row);
  assert.ok(Math.abs(completed[first("b") + 2]! - right!) < 1e-4);
  assert.is(completed[first("c")], 0);
  const half = linearCompletion(covariance, "an", 1e9)(row);
  assert.ok(Math.abs(half[first("b") + 2]!) < 1e-6, "a large ridge gives the mean");
});

test("a row completed from the rows is completed as by their covariance, in float64", () => {
  const random = createRandom(2);
  const rows = Float32Array.from({ length: 50 * COEFFICIENTS }, () => random.uniform() - 0.5);
  const row = Float32Array.from({ length: COEFFICIENTS }, () => random.uniform() - 0.5);
  const expected = linearCompletion(covarianceOf(rows, COEFFICIENTS, COEFFICIENTS), "xa", 0.03)(row);
  const completed = completeFromRows(rows, "xa", 0.03, row);
  const far = completed.findIndex((value, i) => Math.abs(value - expected[i]!) > 1e-5);
  assert.is(far, -1, `${completed[far]}, expected ${expected[far]}`);
  assert.ok(completed.some((value) => Math.abs(value) > 0.1));
});

test("letters that are scored are never given", () => {
  for (const seed of [1, 2, 3, 101, 102]) {
    const { given, others } = letterOrder(seed);
    assert.is(given.length, Math.max(...COUNTS));
    assert.is(new Set(given + others).size, 26);
  }
  assert.is.not(letterOrder(1).given, letterOrder(2).given);
});

test.run();

// Tests examples/typefaces/score.ts, retrieval.ts, nearest.ts, starts.ts and the search of completion.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Basis, COEFFICIENTS, COMPONENTS, projected } from "../../examples/typefaces/basis.ts";
import { findCodes } from "../../examples/typefaces/completion.ts";
import type { Samples } from "../../examples/typefaces/dataset.ts";
import { FIELD_SIZE, LETTERS, RANGE, SAMPLE_SIZE } from "../../examples/typefaces/geometry/cell.ts";
import { nearestRow } from "../../examples/typefaces/nearest.ts";
import { nearestStyles, overlapsWith } from "../../examples/typefaces/retrieval.ts";
import { scoreOf } from "../../examples/typefaces/score.ts";
import { startsOf } from "../../examples/typefaces/starts.ts";

import { graph, mul, type Value } from "../../src/graph/index.ts";
import { createDecoder, gaussian, gaussianMixture } from "../../src/index.ts";

/** Styles of families, each with all fields of one value, and of a letter n with so many rows of full ink. */
function samplesOf(styles: readonly (readonly [family: string, rows: number])[]): Samples {
  const values = new Float32Array(styles.length * SAMPLE_SIZE).fill(-1);
  for (const [i, [, rows]] of styles.entries()) {
    const start = i * SAMPLE_SIZE + LETTERS.indexOf("n") * FIELD_SIZE;
    values.fill(1, start, start + 32 * rows);
  }
  const named = styles.map(([name]) => ({ family: { name }, weight: 400, isItalic: false, file: "" }));
  return { styles: named as unknown as Samples["styles"], values };
}

const inkOfRows = (rows: number) => new Float32Array(FIELD_SIZE).fill(-1).fill(1, 0, 32 * rows);

test("a score is the mean over families, of ink in common, pixels of distance and whole letters", () => {
  const samples = samplesOf([
    ["one", 10],
    ["many", 10],
    ["many", 10],
    ["many", 10],
  ]);
  // Of the first family half the ink is missing, of the second nothing.
  const score = scoreOf(samples, "n", (style) => inkOfRows(style === 0 ? 5 : 10));
  assert.is(score.iou, (0.5 + 1) / 2);
  assert.is(score.whole, 1);
  const rmse = RANGE * Math.sqrt((4 * 5) / 40);
  assert.ok(Math.abs(score.rmse - rmse / 2) < 1e-9, `${score.rmse}`);
  const clipped = scoreOf(samples, "n", () => inkOfRows(10).map((value) => 3 * value));
  assert.is(clipped.rmse, 0, "fields are clipped");
  const broken = inkOfRows(10).fill(-1, 64, 160);
  assert.is(scoreOf(samples, "n", () => broken).whole, 0, "in two parts");
});

test("styles are near by their ink in common as a share of either's", () => {
  // The fourth has all ink of the style, and much more.
  const training = samplesOf([2, 9, 12, 40].map((rows) => ["training", rows] as const));
  const overlaps = overlapsWith(training, samplesOf([["test", 10]]));
  assert.equal(nearestStyles(overlaps, 0, "n", 4), [1, 2, 3, 0]);
  assert.equal(nearestStyles(overlaps, 0, "n", 1), [1]);
});

test("the nearest row is that with most ink in common, among those with the least squared error", () => {
  // The components of n are its first pixels, of which each has a value of its own.
  const components = new Float32Array(LETTERS.length * COMPONENTS * FIELD_SIZE);
  const index = LETTERS.indexOf("n");
  for (let k = 0; k < COMPONENTS; k++) components[(index * COMPONENTS + k) * FIELD_SIZE + k] = 1;
  const basis: Basis = { mean: new Float32Array(LETTERS.length * FIELD_SIZE).fill(-1), components };
  const field = new Float32Array(FIELD_SIZE).fill(-1).fill(1, 0, 10);
  const rowOf = (change: (own: Float32Array) => void) => {
    const row = new Float32Array(COEFFICIENTS).fill(7, 0, index * COMPONENTS);
    const own = projected(field, index, basis);
    change(own);
    row.set(own, index * COMPONENTS);
    return [...row];
  };
  const rows = Float32Array.from([
    // Ink where there is none: a small error of 12, and 0.77 of the ink.
    ...rowOf((own) => own.fill(2, 10, 13)),
    // Ink three times as dark as can be: a large error of 160, and all of the ink.
    ...rowOf((own) => own.fill(6, 0, 10)),
    ...rowOf((own) => own.fill(0)),
  ]);
  assert.equal(nearestRow(rows, basis, "n", field), { row: 1, likeness: 1 });
  const { row, likeness } = nearestRow(rows, basis, "n", field, 1);
  assert.is(row, 0);
  assert.ok(Math.abs(likeness - 10 / 13) < 1e-6, `${likeness}`);
});

test("a search starts at the mean of each of the prior's Gaussians, and keeps the end with the lowest objective", async () => {
  const rows = (starts: readonly Float32Array[]) => starts.map((start) => [...start]);
  assert.equal(rows(startsOf(undefined, 2)), [[0, 0]]);
  assert.equal(rows(startsOf(gaussian({ mean: [1, 2] }), 2)), [[1, 2]]);
  const priorOf = (weights: number[]) => gaussianMixture({ weights, means: [[-2], [2]], stds: 0.5 });
  assert.equal(rows(startsOf(priorOf([0.5, 0.5]), 1)), [[-2], [2]]);
  // Both ±2 have the output 4; the likelier Gaussian decides.
  const squared = graph(({ latent }) => {
    const z: Value = latent(1);
    return mul()(z, z);
  });
  const decoder = createDecoder(squared, { loss: "mse" });
  for (const [weights, expected] of [
    [[0.9, 0.1], -2],
    [[0.1, 0.9], 2],
  ] as const) {
    const options = { weights: Float32Array.of(1), prior: priorOf([...weights]), backend: undefined };
    const codes = await findCodes(decoder, Float32Array.of(4, 4), options);
    assert.is(codes.length, 2);
    for (const code of codes) assert.ok(Math.abs(code - expected) < 1e-2, `${codes}`);
  }
});

test.run();

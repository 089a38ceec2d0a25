// Tests src/cli/fill/*.ts: the engine of latentflow fill.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inTurns } from "../../../src/base/event-loop.ts";
import { createRandom } from "../../../src/base/random.ts";
import { fitCandidate } from "../../../src/cli/fill/candidate.ts";
import { columnErrors, roundAsSeen } from "../../../src/cli/fill/column-errors.ts";
import { FITS, fillValues } from "../../../src/cli/fill/fill-values.ts";
import { holdOut } from "../../../src/cli/fill/hold-out.ts";
import { fillByComponents } from "../../../src/cli/fill/iterative-pca.ts";
import { distanceAt, inOwnUnits, momentsOf, standardise } from "../../../src/cli/fill/values.ts";
import { verdictOf } from "../../../src/cli/fill/verdict.ts";
import type { Table } from "../../../src/cli/input/tables/table.ts";
import { wasm } from "../../../src/index.ts";

const [rows, columns] = [120, 7];
const cells = Array.from({ length: columns }, (_, column) => [column, column + 1] as const);

/** A table of rank 2 with a little noise, columns of very different units. */
function lowRank(seed: number) {
  const random = createRandom(seed);
  const factor = () => Array.from({ length: rows }, () => 2 * random.uniform() - 1);
  const [a, b] = [factor(), factor()];
  const whole = Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const value = Math.sin(column + 1) * a[row]! + Math.cos(3 * column) * b[row]! + 0.02 * random.uniform();
    return 10 ** (column - 3) * (value + column);
  });
  const places = Uint32Array.from(whole.keys()).filter(() => random.uniform() < 0.2);
  const values = whole.slice();
  for (const at of places) values[at] = Number.NaN;
  return { whole, places, values };
}

const settings = { seed: 1, backend: wasm({ threads: 1 }), signal: new AbortController().signal, onFit() {} };

test("moments are those of the seen values, and standardising goes there and back", () => {
  const { values } = lowRank(1);
  const moments = momentsOf({ values, rows, columns });
  for (let column = 0; column < columns; column++) {
    const seen = [...values].filter((value, i) => i % columns === column && !Number.isNaN(value));
    const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
    const deviation = Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length);
    assert.ok(Math.abs(moments.means[column]! / mean - 1) < 1e-9);
    assert.ok(Math.abs(moments.deviations[column]! / deviation - 1) < 1e-9);
  }
  const back = inOwnUnits(standardise({ values, rows, columns }, moments).values, moments);
  for (const [i, value] of values.entries()) {
    assert.ok(
      Number.isNaN(value)
        ? Number.isNaN(back[i])
        : Math.abs(back[i]! - value) <= 1e-5 * Math.abs(value) + 1e-6,
    );
  }
  assert.equal([...momentsOf({ values: Float32Array.of(3, 3), rows: 2, columns: 1 }).deviations], [1]);
});

test("components fill data of low rank, the more exactly the less noise there is", async () => {
  const { whole, places, values } = lowRank(2);
  const moments = momentsOf({ values, rows, columns });
  const truth = standardise({ values: whole, rows, columns }, moments).values;
  const seen = standardise({ values, rows, columns }, moments);
  const errors: number[] = [];
  for (const rank of [1, 2])
    errors.push(distanceAt(await inTurns(fillByComponents(seen, rank)), truth, places));
  assert.ok(errors[1]! < 0.05 && errors[0]! > 0.2, `${errors}`);
});

/** One regularised component of data, to convergence, by power iteration in float64. */
function byOneComponent(values: Float32Array, width: number): Float64Array {
  const count = values.length / width;
  const filled = Float64Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
  let low = filled;
  for (let round = 0; round < 2000; round++) {
    const means = Array.from({ length: width }, (_, j) => {
      return filled.reduce((sum, value, i) => sum + (i % width === j ? value / count : 0), 0);
    });
    const centred = filled.map((value, i) => value - means[i % width]!);
    let axis = new Float64Array(width).fill(1);
    let variance = 0;
    const scoreOf = (row: number) => axis.reduce((sum, v, j) => sum + v * centred[row * width + j]!, 0);
    for (let step = 0; step < 50; step++) {
      const next = new Float64Array(width);
      for (let row = 0; row < count; row++) {
        const score = scoreOf(row);
        for (let j = 0; j < width; j++) next[j]! += (score * centred[row * width + j]!) / count;
      }
      variance = Math.hypot(...next);
      axis = next.map((value) => value / variance);
    }
    const total = centred.reduce((sum, value) => sum + value ** 2 / count, 0);
    const kept = 1 - (total - variance) / (width - 1) / variance;
    const scores = Array.from({ length: count }, (_, row) => kept * scoreOf(row));
    low = filled.map((_, i) => means[i % width]! + scores[Math.floor(i / width)]! * axis[i % width]!);
    for (const [i, value] of values.entries()) if (Number.isNaN(value)) filled[i] = low[i]!;
  }
  return low;
}

test("a component is shrunk by the mean variance of the rest", async () => {
  const random = createRandom(8);
  const scores = Array.from({ length: 17 }, () => 4 * random.uniform() - 2);
  const values = Float32Array.from({ length: 51 }, (_, i) =>
    random.uniform() < 0.2
      ? Number.NaN
      : scores[Math.floor(i / 3)]! * [1, -0.8, 0.6][i % 3]! + random.uniform(),
  );
  const found = await inTurns(fillByComponents({ values, rows: 17, columns: 3 }, 1));
  const expected = byOneComponent(values, 3);
  // Rounds end where missing values change by 1e-4.
  for (const [i, value] of found.entries())
    assert.ok(Math.abs(value - expected[i]!) < 5e-3, `${i}: ${value}, expected ${expected[i]}`);
});

test("what is held out is seen, about a tenth, and leaves each row a cell and each column three", () => {
  const { values } = lowRank(3);
  const numbers = { values, rows, columns };
  const held = holdOut(numbers, cells, 5);
  assert.equal(held, holdOut(numbers, cells, 5));
  assert.not.equal(held, holdOut(numbers, cells, 6));
  const seen = values.filter((value) => !Number.isNaN(value)).length;
  assert.ok(Math.abs(held.length / seen - 0.1) < 0.04);
  assert.ok(held.every((at) => !Number.isNaN(values[at])));
  const few = { values: Float32Array.of(1, NaN, 2, NaN, 3, NaN, 4, 1), rows: 4, columns: 2 };
  for (let seed = 0; seed < 50; seed++)
    assert.equal(
      [...holdOut(few, cells.slice(0, 2), seed)].filter((at) => at < 6),
      [],
    );
  // A column of three seen cells keeps them.
  const three = { values: new Float32Array(60).fill(Number.NaN), rows: 30, columns: 2 };
  for (let row = 0; row < 30; row++) three.values[2 * row] = 1;
  for (const row of [3, 4, 5]) three.values[2 * row + 1] = 1;
  for (let seed = 0; seed < 50; seed++)
    assert.ok(holdOut(three, cells.slice(0, 2), seed).every((at) => at % 2 === 0));
  // A column of five keeps three of them, whatever the draw.
  const five = { ...three, values: three.values.slice() };
  for (const row of [7, 8]) five.values[2 * row + 1] = 1;
  const counted = Array.from(
    { length: 300 },
    (_, seed) => holdOut(five, cells.slice(0, 2), seed).filter((at) => at % 2 === 1).length,
  );
  assert.is(Math.max(...counted), 2);
  // About twenty of a small table, of which a tenth would choose nothing.
  const twenty = { values: new Float32Array(150), rows: 50, columns: 3 };
  const counts = Array.from({ length: 50 }, (_, seed) => holdOut(twenty, cells.slice(0, 3), seed).length);
  assert.ok(Math.abs(counts.reduce((a, b) => a + b) / 50 - 20) < 2, `${counts}`);
  // One at least, where one may be.
  const small = { values: new Float32Array(12), rows: 4, columns: 3 };
  for (let seed = 0; seed < 50; seed++) assert.ok(holdOut(small, cells.slice(0, 3), seed).length >= 1);
  assert.is(holdOut({ ...small, rows: 12, columns: 1 }, cells.slice(0, 1), 0).length, 0);
  // All values of a category together.
  const pairs = holdOut(
    { values: new Float32Array(800), rows: 200, columns: 4 },
    [
      [0, 3],
      [3, 4],
    ],
    1,
  );
  assert.equal(
    [0, 1, 2]
      .map((column) => pairs.filter((at) => at % 4 === column).length)
      .filter((count, _, all) => count !== all[0]),
    [],
  );
});

test("a table of low rank is filled far better than by its columns' means, the same for the same seed", async () => {
  const { whole, places, values } = lowRank(4);
  const fits: number[] = [];
  const onFit = (done: number) => void fits.push(done);
  const filled = await fillValues({ values, rows, columns }, cells, { ...settings, onFit });
  const moments = momentsOf({ values: whole, rows, columns });
  const [found, truth] = [filled.values, whole].map(
    (each) => standardise({ values: each, rows, columns }, moments).values,
  );
  const error = distanceAt(found!, truth!, places);
  assert.ok(error < 0.25, `${error}`);
  assert.ok(filled.errors.fill < 0.3 * filled.errors.mean, JSON.stringify(filled.errors));
  for (const [i, value] of values.entries()) if (!Number.isNaN(value)) assert.is(filled.values[i], value);
  // Each method's error is that of its held-out values.
  const { heldOut, errors } = filled;
  const shown = values.map((value, i) => (heldOut.places.includes(i) ? Number.NaN : value));
  const { deviations } = momentsOf({ values: shown, rows, columns });
  for (const method of ["fill", "mean", "pca"] as const) {
    const squares = Array.from(
      heldOut.places,
      (at) => ((heldOut[method][at]! - values[at]!) / deviations[at % columns]!) ** 2,
    );
    const expected = Math.sqrt(squares.reduce((a, b) => a + b) / squares.length);
    assert.ok(Math.abs(errors[method] / expected - 1) < 1e-4, `${method}: ${errors[method]} for ${expected}`);
  }
  assert.ok(errors.pca < errors.mean);
  // Components have not seen what is held out, either.
  const seen = { values: shown, rows, columns };
  const unseen: number[] = [];
  const ofShown = momentsOf(seen);
  const heldTruth = standardise({ values, rows, columns }, ofShown).values;
  for (const rank of [1, 2, 3, 4, 6]) {
    const byRank = await inTurns(fillByComponents(standardise(seen, ofShown), rank));
    unseen.push(distanceAt(byRank, heldTruth, heldOut.places));
  }
  assert.is(errors.pca, Math.min(...unseen));
  // What is filled is the mean of the chosen decoders' fits to all values.
  const ofAll = momentsOf({ values, rows, columns });
  const all = standardise({ values, rows, columns }, ofAll);
  const approximations: Float32Array[] = [];
  for (const candidate of filled.chosen)
    approximations.push(await fitCandidate(all, candidate, { ...settings, onShare() {} }));
  const mean = approximations[0]!.map(
    (_, i) => approximations.reduce((sum, each) => sum + each[i]!, 0) / approximations.length,
  );
  const again = inOwnUnits(mean, ofAll);
  for (const at of places) assert.is(filled.values[at], again[at]);
  assert.ok(
    fits.every((done, i) => i === 0 || done >= fits[i - 1]!) && fits.at(-1) === FITS,
    `${fits.at(-1)}`,
  );
  assert.equal((await fillValues({ values, rows, columns }, cells, settings)).values, filled.values);
});

test("of columns that say nothing of one another the printed error does not flatter, and the means fill", async () => {
  const sums = { printed: 0, own: 0, ofMeans: 0 };
  for (let seed = 0; seed < 4; seed++) {
    const random = createRandom(seed, 3);
    const whole = {
      values: Float32Array.from(
        { length: 250 },
        () => random.uniform() + random.uniform() - random.uniform() - random.uniform(),
      ),
      rows: 50,
      columns: 5,
    };
    const places = Uint32Array.from(whole.values.keys()).filter(() => random.uniform() < 0.2);
    const table = { ...whole, values: whole.values.slice() };
    for (const at of places) table.values[at] = Number.NaN;
    const filled = await fillValues(table, cells.slice(0, 5), settings);
    if (filled.chosen.length === 0) sums.ofMeans++;
    sums.printed += filled.errors.fill;
    sums.own += distanceAt(filled.values, whole.values, places);
  }
  assert.ok(sums.printed > 0.95 * sums.own, JSON.stringify(sums));
  assert.ok(sums.ofMeans >= 2, JSON.stringify(sums));
});

test("an abort ends it", async () => {
  const { values } = lowRank(5);
  const controller = new AbortController();
  const reason = new Error("enough");
  const onFit = () => controller.abort(reason);
  const call = fillValues({ values, rows, columns }, cells, {
    ...settings,
    signal: controller.signal,
    onFit,
  });
  assert.is(await call.catch((error) => error), reason);
});

test("errors are in a column's units, or the share of wrong categories; values are rounded as the seen ones", () => {
  const column = (name: string, place: number, categories?: readonly string[]) => ({
    name,
    place,
    categories,
  });
  const table = {
    columns: [column("height", 0), column("sex", 1, ["f", "m"]), column("share", 2)],
    values: Float32Array.of(180, 1, 0, 0.25, NaN, 0, 1, NaN, 171, NaN, NaN, 0.5),
    rows: 3,
  } as unknown as Table;
  const truth = table.values;
  const fill = Float32Array.of(183, 0.4, 0.6, 0, 0, 0.1, 0.9, 0, 167, 0, 0, 0);
  const places = Uint32Array.of(0, 1, 2, 5, 6, 8);
  const [height, sex, share] = columnErrors(table, { places, truth, fill, mean: truth, pca: truth });
  assert.equal([height!.cells, height!.unit, height!.fill, height!.mean], [2, "rmse", Math.sqrt(12.5), 0]);
  assert.equal([sex!.cells, sex!.unit, sex!.fill, sex!.pca], [2, "wrong", 0.5, 0]);
  assert.is(share!.cells, 0);
  const values = Float32Array.of(180, 1, 0, 0.25, 176.6, 0, 1, 0.333333, 171, 0.3, 0.7, 0.5);
  roundAsSeen(table, values);
  assert.equal(
    [...values].map((value) => Number(value.toPrecision(6))),
    [180, 1, 0, 0.25, 177, 0, 1, 0.33, 171, 0.3, 0.7, 0.5],
  );
});

test("another method that is as good, or better, is named", () => {
  for (const [errors, said] of [
    [{ fill: 1, mean: 1.5, pca: 1.2 }, undefined],
    [{ fill: 1, mean: 1.01, pca: 1 }, /means are as good.*one another$/],
    [{ fill: 1, mean: 1.01, pca: 0.9 }, /means are as good.*; iterative PCA is better here$/],
    [{ fill: 1, mean: 1.5, pca: 0.9 }, /PCA is better/],
    [{ fill: 1, mean: 1.5, pca: 1.01 }, /PCA is as good/],
  ] as const) {
    if (said) assert.match(verdictOf(errors)!, said);
    else assert.is(verdictOf(errors), undefined);
  }
});

test.run();

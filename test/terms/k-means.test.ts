import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { kMeans } from "../../src/terms/k-means.ts";
import { randomArray } from "../support/random.ts";

const rowsOf = (values: ArrayLike<number>, d: number) =>
  Array.from({ length: values.length / d }, (_, row) =>
    Array.from({ length: d }, (_, i) => values[row * d + i]!),
  );
const distance = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
const nearestTo = (means: readonly (readonly number[])[], code: readonly number[]) => {
  const distances = means.map((mean) => distance(mean, code));
  return distances.indexOf(Math.min(...distances));
};
const meanOf = (rows: readonly (readonly number[])[]) =>
  rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
/** Sum of squared distances of codes from their nearest mean. */
const inertia = (codes: readonly (readonly number[])[], means: readonly (readonly number[])[]) =>
  codes.reduce((sum, code) => sum + distance(code, means[nearestTo(means, code)]!), 0);

/** Lloyd's iterations from given means, in plain float64. */
function lloyd(codes: readonly (readonly number[])[], given: readonly (readonly number[])[]) {
  let means = given;
  for (let iteration = 0; iteration < 200; iteration++) {
    const clusters = means.map((_, k) => codes.filter((code) => nearestTo(means, code) === k));
    means = clusters.filter((cluster) => cluster.length > 0).map(meanOf);
  }
  return means;
}

for (const d of [1, 3, 5, 17]) {
  for (const count of [1, 2, 5, 16]) {
    test(`${d} latents, ${count} clusters: each mean is that of the codes nearest to it, as good as a plain reference's`, () => {
      const codes = randomArray(d, 200 * d, -2, 3);
      const rows = rowsOf(codes, d);
      const means = rowsOf(kMeans(codes, d, count, createRandom(1)), d);
      assert.is(means.length, count);
      for (const [k, mean] of means.entries()) {
        const own = meanOf(rows.filter((row) => nearestTo(means, row) === k));
        // Means are float32.
        assert.ok(distance(own, mean) < 1e-10, `cluster ${k}`);
      }
      const settled = lloyd(rows, means);
      assert.ok(Math.abs(inertia(rows, settled) / inertia(rows, means) - 1) < 1e-5);
      // Of twenty random beginnings the plain reference finds none that is much better.
      const random = createRandom(5);
      for (let attempt = 0; attempt < 5; attempt++) {
        const drawn = Array.from({ length: count }, () => rows[random.below(rows.length)]!);
        assert.ok(inertia(rows, means) < 1.15 * inertia(rows, lloyd(rows, drawn)), `attempt ${attempt}`);
      }
    });
  }
}

test("clusters that lie apart are found, whatever the seed; the same seed gives the same bits", () => {
  const d = 3;
  const centres = rowsOf(randomArray(3, 7 * d, -100, 100), d);
  const noise = randomArray(4, 70 * d, -0.1, 0.1);
  const codes = Float32Array.from(noise, (value, i) => value + centres[Math.floor(i / d) % 7]![i % d]!);
  for (let seed = 0; seed < 20; seed++) {
    const means = rowsOf(kMeans(codes, d, 7, createRandom(seed)), d);
    for (const centre of centres)
      assert.ok(
        means.some((mean) => distance(mean, centre) < 0.1),
        `seed ${seed}`,
      );
    assert.equal(means, rowsOf(kMeans(codes, d, 7, createRandom(seed)), d));
  }
  const blurred = randomArray(6, 300);
  assert.not.equal(kMeans(blurred, 3, 5, createRandom(1)), kMeans(blurred, 3, 5, createRandom(2)));
});

test("fewer distinct codes than clusters, codes that are not finite, and none", () => {
  const codes = Float32Array.of(1, 2, 3, 4, 1, 2, Number.NaN, 0, 3, 4, Infinity, 1);
  const means = rowsOf(kMeans(codes, 2, 16, createRandom(0)), 2).sort((a, b) => a[0]! - b[0]!);
  assert.equal(means, [
    [1, 2],
    [3, 4],
  ]);
  assert.equal(kMeans(Float32Array.of(5, 5, 5), 1, 3, createRandom(0)), Float32Array.of(5));
  assert.is(kMeans(new Float32Array(0), 2, 3, createRandom(0)).length, 0);
  assert.is(kMeans(Float32Array.of(Number.NaN, 1), 2, 3, createRandom(0)).length, 0);
});

test.run();

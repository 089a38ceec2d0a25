import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../../src/base/random.ts";
import { divide, rangesOf } from "../../../src/cli/parts/part-range.ts";

const plan = (samples: number, more = {}) => ({
  ...{ samples, latentSize: 16, sampleShape: [3, 256, 256], hasPrior: false },
  ...{ hasReconstructions: false, codesPerSample: 0, ...more },
});

test("parts have all samples, each once, in order, and as many as the others", () => {
  const random = createRandom(7);
  for (let i = 0; i < 300; i++) {
    const samples = 1 + random.below(i < 200 ? 500 : 2 ** 40);
    const parts = 1 + random.below(Math.min(samples, 60));
    let next = 0;
    for (const [index, range] of rangesOf({ samples, parts }).entries()) {
      assert.equal([range.index, range.first], [index, next]);
      assert.ok([0, 1].includes(range.count - Math.floor(samples / parts)), `${range.count}`);
      next += range.count;
    }
    assert.is(next, samples);
  }
});

test("a part takes some minutes at most, and some megabytes, where nobody says how many there are", () => {
  const cases = [
    // Samples, multiply-adds of each.
    [0, 1e6, 1],
    [100_000, 1e6, 1],
    [100_001, 1e6, 2],
    [1_000_000, 1e7, 100],
    [1000, 1e9, 10],
    [3, 1e12, 3],
  ] as const;
  for (const [samples, operations, parts] of cases)
    assert.is(divide({}, plan(samples), operations).parts, parts, `${samples}, ${operations}`);
  // Of each sample 3 × 256 × 256 numbers.
  assert.is(divide({}, plan(850, { hasReconstructions: true }), 1).parts, 10);
});

test("parts that would be too many, or too large to be read, are refused before the work", () => {
  const large = plan(20_000, { hasReconstructions: true });
  const part = { index: 3, count: 24 };
  assert.throws(
    () => divide({ part, parts: 1 }, plan(23), 1),
    /^--part 3\/24: there are 23 samples, expected at most 23 parts$/,
  );
  assert.is(divide({ part }, plan(24), 1).parts, 24);
  const none = /^--parts 2: there are 0 samples, expected at most 1 part$/;
  assert.throws(() => divide({ parts: 2 }, plan(0), 1), none);
  assert.is(divide({ parts: 1 }, plan(0), 1).parts, 1);
  const message = /^--parts 14: the results of a part would be more than 1 GiB; give 15 parts or more$/;
  assert.throws(() => divide({ parts: 14 }, large, 1), message);
  assert.is(divide({ parts: 15 }, large, 1).parts, 15);
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createRandom } from "../../src/base/random.ts";
import { runWarnings } from "../../src/train/run-warnings.ts";

const warningsOf = (losses: readonly number[], epochs = 1) =>
  runWarnings(
    losses.map((loss, i) => ({ images: i + 1, loss, gradientNorm: 1 })),
    epochs,
  );
const numbers = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));

test("an update of whose samples nothing was seen is left out", () => {
  const blank = { images: 3, loss: Number.NaN, gradientNorm: 0 };
  const seen = [1, 0.999, 1].map((loss, i) => ({ images: i + 1, loss, gradientNorm: 1 }));
  assert.equal(runWarnings([...seen, blank], 1), []);
  assert.match(runWarnings([...seen, { ...blank, gradientNorm: Number.NaN }], 1)[0]!, /has diverged/);
});

test("a loss that is far above its best, or not finite, has diverged", () => {
  for (const losses of [
    [0.7, 20, 300, 7e9],
    numbers(100, (i) => (i === 0 ? 0.1 : 50 + (i % 3))),
    [1, Number.NaN],
    [1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ]) {
    const [warning, ...others] = warningsOf(losses);
    assert.match(
      warning!,
      /^training has diverged: the loss is .* over the last tenth .*smaller learning rate/,
    );
    assert.equal(others, []);
  }
  assert.match(
    warningsOf([0.7, 20, 300, 7e9])[0]!,
    "the loss is 7000000000 over the last tenth of the updates, 0.7 at the start",
  );
  // It fell first.
  const late = numbers(100, (i) => (i < 60 ? 0.7 * 0.96 ** i + 0.07 : 0.27 + (i % 4) / 50));
  assert.match(
    warningsOf(late)[0]!,
    /^training has diverged: the loss is 0\.3\d* .*, 0\.1\d+ over another tenth;/,
  );
});

test("a loss that falls from part to part names what another epoch may do; epochs are compared as wholes", () => {
  // A fifth of the updates has 0.8 of the loss of the one before: 1 - 0.8⁵ of 0.4096 are left to an epoch.
  const single = warningsOf(numbers(50, (i) => 0.8 ** Math.floor(i / 10)));
  assert.equal(single, [
    "the loss still falls fast: 0.4096 in the last fifth of the updates, 0.512 in the one before; one more epoch may lower it " +
      "by 0.28",
  ]);
  // Samples differ by far more than the epochs.
  const epochs = warningsOf(
    numbers(600, (i) => (1 + (i % 100) / 500) * 0.9 ** Math.floor(i / 100)),
    6,
  );
  assert.match(epochs[0]!, /in the last epoch, .* in the one before; one more epoch may lower it by 0\.065$/);
});

test("a loss that has settled, or differs by chance, is no warning; nor are too few updates", () => {
  const random = createRandom(1, 1);
  for (const losses of [
    numbers(100, () => 0.3),
    numbers(100, (i) => 0.3 + 0.4 * Math.exp(-i / 5)),
    numbers(100, () => 0.3 + 0.1 * random.uniform()),
    numbers(100, (i) => (i === 0 ? 0.01 : [0.001, 0.2, 0.9][i % 3]!)),
    numbers(100, (i) => i / 10 - 60),
    // A fall from 1 to 0.9 is within the standard error of losses that differ by ±0.9; from 1 to 0.8 of two by ±0.085.
    numbers(100, (i) => (i < 80 ? 1 : 0.9) + (i % 2 === 0 ? 0.9 : -0.9)),
    numbers(10, (i) => (i < 8 ? 1 : 0.8) + (i % 2 === 0 ? 0.085 : -0.085)),
    [3],
    [3, 2],
    [],
  ]) {
    assert.equal(warningsOf(losses), [], `${losses.slice(0, 3)}`);
  }
});

test.run();

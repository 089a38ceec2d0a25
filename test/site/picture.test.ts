// Tests site/page/picture.ts and random.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  addNoise,
  BLANK,
  coverStroke,
  drawStroke,
  errorOf,
  hiddenWords,
  hideRows,
  hideShare,
  LEVELS,
  PIXELS,
  SIDE,
  shareOf,
  weightsOf,
} from "../../site/page/picture.ts";
import { uniformFrom } from "../../site/page/random.ts";

const at = (x: number, y: number) => y * SIDE + x;
const across = { from: { x: 5, y: 10.5 }, to: { x: 20, y: 10.5 }, radius: 1 };

test("a stroke is ink along its line and none away from it, in levels that an address keeps", () => {
  const drawn = drawStroke(BLANK, across);
  assert.is(drawn[at(12, 10)], 1);
  assert.is(drawn[at(12, 11)], Math.fround(Math.round(0.5 * LEVELS) / LEVELS), "half covered");
  assert.is(drawn[at(12, 13)], 0);
  assert.is(drawn[at(2, 10)], 0);
  assert.ok(drawn.every((level) => Math.abs(level * LEVELS - Math.round(level * LEVELS)) < 1e-5));
  assert.is(BLANK[at(12, 10)], 0, "the picture before is left as it was");
  assert.equal(drawStroke(drawn, { ...across, radius: 0.5 }), drawn, "ink never gets lighter");
  assert.equal(drawStroke(drawn, across), drawn, "nor darker where a stroke is drawn again");
});

test("a stroke of the brush hides, and uncovers again", () => {
  const hidden = coverStroke(new Uint8Array(PIXELS), across, true);
  assert.is(hidden[at(12, 10)], 1);
  assert.is(hidden[at(12, 13)], 0);
  assert.is(weightsOf(hidden)[at(12, 10)], 0);
  assert.is(weightsOf(hidden)[at(12, 13)], 1);
  assert.not.ok(coverStroke(hidden, across, false).includes(1));
});

test("a larger share hides the same pixels and more", () => {
  const [some, more] = [hideShare(0.3, 7), hideShare(0.8, 7)];
  assert.ok(Math.abs(shareOf(some) - 0.3) < 1 / PIXELS && Math.abs(shareOf(more) - 0.8) < 1 / PIXELS);
  assert.equal(
    [0, 0.5, 1].map((share) => shareOf(hideShare(share, 7))),
    [0, 0.5, 1],
  );
  assert.ok(some.every((one, i) => one <= more[i]!));
  assert.not.equal(hideShare(0.3, 8), some);
  assert.is(shareOf(hideRows(14, 28)), 0.5);
  assert.equal(
    [...hideRows(3, 5).entries()].filter(([, one]) => one === 1).map(([i]) => i),
    Array.from({ length: 2 * SIDE }, (_, i) => 3 * SIDE + i),
  );
  assert.is(hideRows(14, 28)[at(3, 14)], 1);
});

test("a share has a word where people would use one", () => {
  assert.equal([0, 0.5, 2 / 3, 0.4].map(hiddenWords), ["Nothing", "Half", "Two thirds", "40 %"]);
  assert.equal([1, 782 / 784, 1 / 784].map(hiddenWords), ["All", "99 %", "1 %"], "nearly all is not all");
});

test("noise has the standard deviation that was asked for, its seed's values, and stays within 0 and 1", () => {
  const grey = new Float32Array(PIXELS).fill(0.5);
  const noisy = addNoise(grey, 0.1, 3);
  const variance = noisy.reduce((sum, level) => sum + (level - 0.5) ** 2, 0) / PIXELS;
  // 0.1² within four standard errors: sqrt(2/784) of it.
  assert.ok(Math.abs(variance / 0.01 - 1) < 4 * Math.sqrt(2 / PIXELS), `${variance}`);
  assert.equal(addNoise(grey, 0.1, 3), noisy);
  assert.not.equal(addNoise(grey, 0.1, 4), noisy);
  assert.ok(addNoise(grey, 5, 1).every((level) => level >= 0 && level <= 1));
  assert.is(addNoise(grey, 0, 1), grey);
});

test("random numbers are mulberry32's", () => {
  const uniform = uniformFrom(1);
  // The first integers of its author's C code, of seed 1.
  assert.equal([uniform(), uniform()], [2693262067 / 2 ** 32, 11749833 / 2 ** 32]);
});

test("an error is of the hidden pixels; where none is hidden, of all", () => {
  const levels = new Float32Array(PIXELS);
  const x = new Float32Array(PIXELS);
  x[at(0, 0)] = 1;
  x[at(0, 20)] = 0.5;
  assert.is(errorOf(x, levels, new Uint8Array(PIXELS)), 1.25 / PIXELS);
  assert.is(errorOf(x, levels, hideRows(14, 28)), 0.25 / (PIXELS / 2));
});

test.run();

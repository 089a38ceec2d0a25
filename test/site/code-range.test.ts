// Tests site/page/engine/code-range.ts.
import { gaussian, gaussianMixture } from "latentflow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeRange } from "../../site/page/engine/code-range.ts";

const rounded = (values: Float32Array) => [...values].map((value) => Math.round(1e4 * value) / 1e4);

/** Prior, with the ranges of both numbers by hand: the mean and three standard deviations to each side. */
const CASES = [
  { prior: gaussian(), least: [-3, -3], most: [3, 3] },
  { prior: gaussian({ mean: [1, -2], std: [0.5, 2] }), least: [-0.5, -8], most: [2.5, 4] },
  {
    prior: gaussian({
      mean: [0, 1],
      covariance: [
        [4, 1],
        [1, 9],
      ],
    }),
    least: [-6, -8],
    most: [6, 10],
  },
  // Means 0 and 4 with shares 3/4 and 1/4: mean 1, variance 1 + 3; of the second number variance 1.
  {
    prior: gaussianMixture({
      weights: [3, 1],
      means: [
        [0, 2],
        [4, 2],
      ],
      stds: 1,
    }),
    least: [-5, -1],
    most: [7, 5],
  },
];

test("the range of a code's numbers is three standard deviations about the prior's mean", () => {
  for (const { prior, least, most } of CASES) {
    const range = codeRange(prior, 2);
    assert.equal([rounded(range.least), rounded(range.most)], [least, most]);
  }
});

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussian, gaussianMixture } from "../../src/index.ts";
import { areSameComponents, componentsOf } from "../../src/terms/prior-components.ts";
import { covariance } from "../support/prior-reference.ts";

const mixture = (weights: readonly number[], weight = 1) =>
  gaussianMixture({
    weights,
    means: [
      [0, 1],
      [2, 3],
    ],
    stds: [1, 2],
    weight,
  });
const of = (prior: Parameters<typeof componentsOf>[0], latentSize = 2) => componentsOf(prior, latentSize);

test("components are made once for a prior and a latent size", () => {
  const prior = gaussian();
  assert.is(of(prior), of(prior));
  assert.is.not(of(prior), of(prior, 3));
  assert.equal([of(prior).latentSize, of(prior, 3).latentSize, of(prior, 3).means.length], [2, 3, 3]);
});

test("two priors are the same by their numbers, every one of them", () => {
  const a = of(mixture([1, 3]));
  assert.ok(areSameComponents(a, of(mixture([1, 3]))));
  // Shares of the components are in the constants alone.
  assert.not(areSameComponents(a, of(mixture([1, 2]))));
  assert.not(areSameComponents(a, of(mixture([1, 3], 2))));
  assert.not(areSameComponents(of(gaussian()), of(gaussian(), 3)));
  assert.not(areSameComponents(of(gaussian()), of(gaussian({ weight: 0.5 }))));
  assert.not(areSameComponents(of(gaussian()), of(gaussian({ mean: [0, 1e-9] }))));
  assert.not(areSameComponents(of(gaussian()), of(gaussian({ std: [1, 1.0001] }))));
  assert.not(areSameComponents(of(gaussian(), 3), of(gaussian({ covariance: covariance(1, 3) }), 3)));
  for (const name of ["means", "precisions", "constants"] as const) {
    for (const i of a[name].keys()) {
      const other = Float64Array.from(a[name], (value, k) => (k === i ? value + 1e-6 : value));
      assert.not(areSameComponents(a, { ...a, [name]: other }), `${name} ${i}`);
    }
  }
  for (const other of [{ weight: 2 }, { isFull: true }, { count: 3 }, { latentSize: 1 }])
    assert.not(areSameComponents(a, { ...a, ...other }));
});

test.run();

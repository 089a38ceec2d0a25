// run: both, revectorize
// Tests assembly/objective/prior-term.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocatePrior } from "../../../src/backend/wasm/prior-block.ts";
import { paddedSize } from "../../../src/kernels/layout.ts";
import { componentsOf } from "../../../src/terms/prior-components.ts";
import { bareKernels, builds } from "../../support/builds.ts";
import { gradientOf } from "../../support/graph-reference.ts";
import { allPriors, priorAt } from "../../support/prior-reference.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";

// Priors as the kernels compute them, over all builds, held against float64 and its differences.

test("the reference's gradients and Hessians are differences of its values", () => {
  for (const d of [1, 3, 5]) {
    for (const { name, prior } of allPriors(d)) {
      const z = [...randomArray(20, d, -2, 2)];
      const { gradient, hessian } = priorAt(prior, z);
      const differences = gradientOf((at) => priorAt(prior, at).value, z);
      assert.ok(relativeDistance(differences, gradient) < 1e-6, name);
      for (let i = 0; i < d; i++) {
        const row = gradientOf((at) => priorAt(prior, at).gradient[i]!, z);
        assert.ok(relativeDistance(row, hessian[i]!) < 1e-5, name);
      }
    }
  }
});

for (const build of builds) {
  for (const d of [1, 3, 5, 17]) {
    test(`${build.name}: priors on ${d} latents`, async () => {
      const { kernels, arena } = await bareKernels(build);
      const size = 4 * paddedSize(d);
      const { layout } = arena.allocate((piece) => ({
        z: piece(size),
        v: piece(size),
        row: piece(size),
        matrix: piece(d * size),
      }));
      for (const { name, prior } of allPriors(d)) {
        const label = `${name}, ${d}`;
        const block = allocatePrior(arena, componentsOf(prior, d));
        for (const seed of [30, 31, 32]) {
          const [z, v] = [randomArray(seed, d, -2, 2), randomArray(seed + 10, d)];
          arena.f32(layout.z, d).set(z);
          arena.f32(layout.v, d).set(v);
          const expected = priorAt(prior, [...z]);
          const value = kernels.priorValue(block.pointer, layout.z);
          assert.ok(Math.abs(value - expected.value) < 1e-11 * (1 + Math.abs(expected.value)), label);

          const row = arena.f32(layout.row, d);
          const times = (matrix: readonly number[][]) =>
            matrix.map((each) => each.reduce((sum, element, j) => sum + element * v[j]!, 0));
          const scale = 0.25;
          row.fill(1);
          kernels.priorGradient(block.pointer, layout.z, scale, layout.row);
          const gradient = expected.gradient.map((element) => 1 + scale * element);
          assert.ok(relativeDistance(row, gradient) < 2e-7, `${label}: gradient`);

          row.fill(-1);
          kernels.priorHessianProduct(block.pointer, layout.z, scale, layout.v, layout.row);
          const product = times(expected.hessian).map((element) => -1 + scale * element);
          assert.ok(relativeDistance(row, product) < 2e-7, `${label}: Hessian`);

          const along = kernels.priorAlong(block.pointer, layout.z, scale, layout.v);
          const curved = times(expected.curvature).reduce((sum, element, i) => sum + element * v[i]!, 0);
          assert.ok(Math.abs(along / (scale * curved) - 1) < 1e-11, `${label}: along`);
          assert.ok(along > 0);

          const matrix = arena.f32(layout.matrix, d * paddedSize(d)).fill(3);
          kernels.priorCurvature(block.pointer, layout.z, scale, layout.matrix, size);
          for (let i = 0; i < d; i++) {
            for (let j = 0; j < paddedSize(d); j++) {
              const there = matrix[i * paddedSize(d) + j]!;
              const added = j <= i ? scale * expected.curvature[i]![j]! : 0;
              assert.ok(Math.abs(there - 3 - added) < 1e-6 * (3 + Math.abs(added)), `${label}: ${i}, ${j}`);
            }
          }
        }
        block.free();
      }
    });
  }
}

test.run();

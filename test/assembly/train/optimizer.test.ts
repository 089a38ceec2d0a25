// run: both, revectorize
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bareKernels, builds } from "../../support/builds.ts";
import { randomArray } from "../../support/random.ts";
import { relativeDistance } from "../../support/reference.ts";

// The optimizers' kernels against an independent program and against their formulae in float64.

interface Vectors {
  p0: number[];
  gradients: number[][];
  rmsprop: number[][];
  adam: number[][];
  settings: {
    rmsprop: { learningRate: number; alpha: number; epsilon: number };
    adam: { learningRate: number; beta1: number; beta2: number; epsilon: number };
  };
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../vectors/optimisers.json", import.meta.url), "utf8"),
);
const size = vectors.p0.length;
const padded = Math.ceil(size / 4) * 4;

for (const build of builds) {
  async function blocks() {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => ({
      parameters: piece(4 * padded),
      gradients: piece(4 * padded),
      first: piece(4 * padded),
      second: piece(4 * padded),
    }));
    for (const pointer of Object.values(layout)) arena.f32(pointer, padded).fill(0);
    arena.f32(layout.parameters, size).set(vectors.p0);
    return { kernels, arena, layout };
  }

  test(`${build.name}: RMSprop takes the vectors' steps`, async () => {
    const { kernels, arena, layout } = await blocks();
    const { learningRate, alpha, epsilon } = vectors.settings.rmsprop;
    for (const [step, gradient] of vectors.gradients.entries()) {
      arena.f32(layout.gradients, size).set(gradient);
      const { parameters, gradients, first } = layout;
      kernels.rmsprop(parameters, gradients, first, padded, learningRate, alpha, 1 - alpha, epsilon);
      const error = relativeDistance(arena.f32(layout.parameters, size), vectors.rmsprop[step]!);
      assert.ok(error < 1e-6, `step ${step} off by ${error}`);
    }
    assert.ok(
      arena
        .f32(layout.parameters, padded)
        .subarray(size)
        .every((value) => value === 0),
    );
  });

  test(`${build.name}: Adam takes the vectors' steps`, async () => {
    const { kernels, arena, layout } = await blocks();
    const { learningRate, beta1, beta2, epsilon } = vectors.settings.adam;
    for (const [i, gradient] of vectors.gradients.entries()) {
      arena.f32(layout.gradients, size).set(gradient);
      const { parameters, gradients, first, second } = layout;
      const stepSize = learningRate / (1 - beta1 ** (i + 1));
      const root = Math.sqrt(1 - beta2 ** (i + 1));
      const betas = [beta1, 1 - beta1, beta2, 1 - beta2] as const;
      kernels.adam(parameters, gradients, first, second, padded, stepSize, root, ...betas, epsilon, 1);
      const error = relativeDistance(arena.f32(layout.parameters, size), vectors.adam[i]!);
      assert.ok(error < 1e-6, `step ${i} off by ${error}`);
    }
  });

  test(`${build.name}: SGD with momentum, and Adam's weight decay, follow their formulae`, async () => {
    const { kernels, arena, layout } = await blocks();
    const expected = Array.from(arena.f32(layout.parameters, size));
    const velocity = expected.map(() => 0);
    for (const gradient of vectors.gradients) {
      arena.f32(layout.gradients, size).set(gradient);
      kernels.sgd(layout.parameters, layout.gradients, layout.first, padded, 0.01, 0.9);
      for (const [k, g] of gradient.entries()) {
        velocity[k] = 0.9 * velocity[k]! + g;
        expected[k]! -= 0.01 * velocity[k]!;
      }
    }
    assert.ok(relativeDistance(arena.f32(layout.parameters, size), expected) < 1e-6);

    arena.f32(layout.gradients, padded).fill(0);
    arena.f32(layout.first, padded).fill(0);
    const before = Array.from(arena.f32(layout.parameters, size));
    const { parameters, gradients, first, second } = layout;
    kernels.adam(parameters, gradients, first, second, padded, 1e-3, 1, 0.9, 0.1, 0.999, 0.001, 1e-8, 0.75);
    const decayed = before.map((value) => 0.75 * value);
    assert.ok(relativeDistance(arena.f32(parameters, size), decayed) < 1e-6);
  });

  test(`${build.name}: sums of squares and scaling, for clipping`, async () => {
    const { kernels, arena } = await bareKernels(build);
    const { layout } = arena.allocate((piece) => piece(4 * 1000));
    const values = randomArray(1, 1000, -3, 3);
    arena.f32(layout, 1000).set(values);
    const expected = values.reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(kernels.sumOfSquares(layout, 1000) / expected - 1) < 1e-12);
    kernels.scale(layout, 1000, 0.5);
    assert.equal(
      arena.f32(layout, 1000),
      values.map((value) => value / 2),
    );
  });
}

test.run();

import { test } from "uvu";
import * as assert from "uvu/assert";
import { LEAST_PANEL_CURVATURE } from "../src/backend/wasm/gauss-newton.ts";
import { activations } from "../src/decoder/activation.ts";
import {
  type ActivationName,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  type Loss,
  squaredError,
} from "../src/index.ts";
import { dot, factorise, solveFactorised } from "../src/solver/cholesky.ts";
import { builds } from "./support/builds.ts";
import { allRows, bindObjective } from "./support/objective.ts";
import { randomArray } from "./support/random.ts";
import { derivative, gaussNewtonOf, norm, relativeDistance } from "./support/reference.ts";
import { loadVectors, VECTOR_NAMES, vectorLoss } from "./support/vectors.ts";

// Gauss-Newton matrices, and the linear algebra that is done with them.

const pseudoHuber = customLoss({
  value: (o, y) => Math.sqrt(1 + (o - y) ** 2) - 1,
  gradient: (o, y) => (o - y) / Math.sqrt(1 + (o - y) ** 2),
  curvature: (o, y) => (1 + (o - y) ** 2) ** -1.5,
});
const LOSSES: readonly Loss[] = [binaryCrossEntropy(), squaredError({ reduction: "sum" }), pseudoHuber];
const SIZES = [
  [1, 1],
  [3, 5],
  [5, 3, 17],
  [2, 9, 8, 75],
  [17, 5, 33],
];

/** JᵀWJ in float64, of the outputs that the kernel takes into account. */
function expectedMatrix(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  weights?: Float32Array,
): number[] {
  const { jacobian, curvatures } = gaussNewtonOf(decoder, loss, z, y, weights);
  const d = decoder.latentSize;
  const output = decoder.layers.at(-1)!.activation;
  // At what comes into the output activation, as the kernel sees it.
  const inner = loss.name === "binaryCrossEntropy" ? curvatures : withSlopes();
  function withSlopes(): number[] {
    const linear = { ...decoder, layers: decoder.layers.map((layer) => ({ ...layer })) };
    linear.layers.at(-1)!.activation = { name: "identity" };
    const { output: sums } = gaussNewtonOf(linear, loss, z, y, weights);
    return curvatures.map((c, i) => c * derivative(output, sums[i]!) ** 2);
  }
  const panels = Array.from({ length: Math.ceil(inner.length / 8) }, (_, p) =>
    inner.slice(8 * p, 8 * p + 8).reduce((sum, c) => sum + c, 0),
  );
  const average = panels.reduce((sum, c) => sum + c, 0) / panels.length;
  const kept = (i: number) => panels[i >> 3]! > LEAST_PANEL_CURVATURE * average;
  return Array.from({ length: d * d }, (_, at) => {
    const [a, b] = [Math.floor(at / d), at % d];
    return jacobian.reduce((sum, row, i) => sum + (kept(i) ? row[a]! * curvatures[i]! * row[b]! : 0), 0);
  });
}

for (const { name: build, backend } of builds) {
  test(`${build}: matrices agree with float64, all activations, losses and weights, sizes with tails`, async () => {
    for (const layers of SIZES) {
      for (const activation of Object.keys(activations) as ActivationName[]) {
        for (const [l, loss] of LOSSES.entries()) {
          const decoder = createDecoder({ layers, activation, outputActivation: "sigmoid", seed: 4 });
          const [d, n] = [decoder.latentSize, decoder.outputSize];
          const samples = 3;
          const z = randomArray(5, samples * d);
          const y = randomArray(6, samples * n, 0, 1);
          // Some elements are left out, whatever is there.
          const weights =
            l === 1 ? undefined : randomArray(7, samples * n, -0.5, 1).map((w) => Math.max(w, 0));
          for (let i = 0; weights && i < samples; i++) weights[i * n] = 0.5;
          for (let i = 0; weights && i < y.length; i++) if (weights[i] === 0) y[i] = Number.NaN;
          const objective = await bindObjective(backend, decoder, loss, y, weights);
          await objective.value(allRows(samples), Float64Array.from(z));
          const matrices = await objective.gaussNewton!(allRows(samples));
          const label = `${layers.join("-")} ${activation} ${loss.name}`;
          for (let i = 0; i < samples; i++) {
            const row = (values: Float32Array, size: number) => values.subarray(i * size, (i + 1) * size);
            const matrix = matrices.subarray(i * d * d, (i + 1) * d * d);
            const w = weights && row(weights, n);
            const expected = expectedMatrix(decoder, loss, row(z, d), row(y, n), w);
            const error = norm(expected.map((value, k) => value - matrix[k]!)) / (norm(expected) + 1e-12);
            // A sum of n float32 products of numbers that came through the layers; a sine's phase costs most.
            assert.ok(error < 2e-5, `${label}, sample ${i}: off by ${error}`);
            for (let a = 0; a < d; a++) {
              for (let b = 0; b < a; b++)
                assert.is(matrix[a * d + b], matrix[b * d + a], `${label}: symmetric`);
            }
          }
          // A row alone has the same bits, and other matrices in between change nothing.
          const alone = await objective.gaussNewton!(Int32Array.of(1));
          assert.equal(alone, matrices.slice(d * d, 2 * d * d), label);
          objective.dispose();
        }
      }
    }
  });

  test(`${build}: of a linear decoder it is the Hessian`, async () => {
    const decoder = createDecoder({
      layers: [5, 9, 13],
      activation: "identity",
      outputActivation: "identity",
    });
    const loss = squaredError();
    const objective = await bindObjective(backend, decoder, loss, randomArray(1, 13));
    const rows = allRows(1);
    await objective.value(rows, Float64Array.from(randomArray(2, 5)));
    await objective.gradient(rows);
    const matrix = await objective.gaussNewton!(rows);
    const v = Float64Array.from(randomArray(3, 5));
    const products = Array.from(v, (_, i) => dot(matrix.subarray(5 * i, 5 * i + 5), v, 5));
    assert.ok(relativeDistance(products, await objective.tangent(rows, v)) < 1e-6);
    objective.dispose();
  });

  for (const name of VECTOR_NAMES) {
    test(`${build}: ${name}: the float64 matrix, and J by finite differences`, async () => {
      const { vectors, decoder, y } = await loadVectors(name);
      const { z } = vectors.value_and_gradient;
      const [d, n] = [decoder.latentSize, decoder.outputSize];
      const loss = vectorLoss(vectors);
      const objective = await bindObjective(backend, decoder, loss, y);
      await objective.value(allRows(z.length), Float64Array.from(z.flat()));
      const matrices = await objective.gaussNewton!(allRows(z.length));
      objective.dispose();
      // The full-size reference takes a while: one sample of it.
      for (const i of name === "mlp20" ? [0] : allRows(z.length)) {
        const target = y.subarray(i * n, (i + 1) * n);
        const expected = expectedMatrix(decoder, loss, z[i]!, target);
        const error = relativeDistance(matrices.subarray(i * d * d, (i + 1) * d * d), expected);
        assert.ok(error < 2e-5, `sample ${i} off by ${error}`);
        const { jacobian } = gaussNewtonOf(decoder, loss, z[i]!, target);
        const h = 1e-6;
        const shifted = (k: number, by: number) => z[i]!.map((value, j) => (j === k ? value + by : value));
        const k = i % d;
        const plus = gaussNewtonOf(decoder, loss, shifted(k, h), target).output;
        const minus = gaussNewtonOf(decoder, loss, shifted(k, -h), target).output;
        const column = jacobian.map((row) => row[k]!);
        const differences = plus.map((value, o) => (value - minus[o]!) / (2 * h));
        assert.ok(relativeDistance(differences, column) < 1e-6, `the reference's own J, sample ${i}`);
      }
    });
  }
}

test("a loss without curvature anywhere has the matrix 0", async () => {
  const flat = customLoss({ value: (o) => o, gradient: () => 1, curvature: () => 0 });
  const decoder = createDecoder({ layers: [3, 9] });
  const objective = await bindObjective(builds[1]!.backend, decoder, flat, new Float32Array(9));
  await objective.value(allRows(1), new Float64Array(3));
  assert.equal(await objective.gaussNewton!(allRows(1)), new Float64Array(9));
  objective.dispose();
});

test("Cholesky factors multiply to their matrix, solve its equations, and refuse what is not positive", () => {
  for (const d of [1, 2, 3, 5, 17]) {
    const root = randomArray(d, d * d);
    const matrix = Float64Array.from({ length: d * d }, (_, at) => {
      const [a, b] = [Math.floor(at / d), at % d];
      const product = Array.from({ length: d }, (_, k) => root[a * d + k]! * root[b * d + k]!);
      return product.reduce((sum, value) => sum + value, a === b ? 0.1 : 0);
    });
    const factor = matrix.slice();
    assert.ok(factorise(factor, d));
    const b = Float64Array.from(randomArray(2, d));
    const x = b.slice();
    solveFactorised(factor, d, x);
    const back = Array.from(b, (_, i) => dot(matrix.subarray(i * d, (i + 1) * d), x, d));
    assert.ok(relativeDistance(back, b) < 1e-12, `size ${d}`);
    for (const bad of [-1, Number.NaN]) {
      const broken = matrix.slice();
      broken[d * d - 1] = bad;
      assert.not.ok(factorise(broken, d));
    }
  }
});

test.run();

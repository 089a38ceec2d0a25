// run: both, slow
// Tests src/backend/wasm/curvature.ts, too.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { activations } from "../../../src/graph/activation.ts";
import {
  type ActivationName,
  createDecoder,
  customLoss,
  type Decoder,
  type Loss,
  squaredError,
} from "../../../src/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { takesLogits } from "../../../src/terms/losses.ts";
import { builds, plain } from "../../support/builds.ts";
import { standardLosses } from "../../support/losses.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";
import { derivative, gaussNewtonOf, logitsOf, norm, relativeDistance } from "../../support/reference.ts";
import { loadVectors, VECTOR_NAMES, vectorLoss } from "../../support/reference-vectors.ts";

// Gauss-Newton matrices, at a row's own z and with the decoder's Jacobian at its start, and curvatures along gradients.

/** Bends down where an output is far from its target. */
const cauchy = customLoss({
  value: (o, y) => Math.log1p((o - y) ** 2),
  gradient: (o, y) => (2 * (o - y)) / (1 + (o - y) ** 2),
  curvature: (o, y) => (2 * (1 - (o - y) ** 2)) / (1 + (o - y) ** 2) ** 2,
});
const LOSSES: readonly Loss[] = [...standardLosses(), squaredError({ reduction: "sum" }), cauchy];
const SIZES = [
  [1, 1],
  [3, 5],
  [5, 3, 17],
  [2, 9, 8, 75],
  [17, 5, 33],
];
/** More tangents than make a call: two calls, three, and a third one of a single tangent. */
const WIDE_SIZES = [
  [53, 20, 30],
  [97, 7, 21],
];
/** More outputs than are summed at a time: one more, two parts, two and some; numbers of latents with tails and without. */
const MANY_OUTPUTS = [
  [3, 4, 513],
  [13, 5, 1024],
  [8, 6, 1500],
];
const SAMPLES = 3;

interface Expected {
  readonly own: number[];
  readonly shared: number[];
}

/** JᵀWJ in float64 with J at z, and with J at the decoder's start; W at z, what is negative of it taken for 0. */
function expectedMatrices(
  decoder: Decoder,
  loss: Loss,
  z: ArrayLike<number>,
  y: Float32Array,
  weights?: Float32Array,
): Expected {
  const d = decoder.latentSize;
  const activation = decoder.outputActivation;
  const beforeActivation = logitsOf(decoder);
  const { curvatures } = gaussNewtonOf(decoder, loss, z, y, weights);
  const { jacobian, output } = gaussNewtonOf(beforeActivation, squaredError(), z, y);
  const start = decoder.start ?? new Float64Array(d);
  const { jacobian: atStart } = gaussNewtonOf(beforeActivation, squaredError(), start, y);
  const isBefore = takesLogits(loss);
  const inner = curvatures.map(
    (c, i) => Math.max(c, 0) * (isBefore ? 1 : derivative(activation, output[i]!) ** 2),
  );
  const product = (rows: number[][]) =>
    Array.from({ length: d * d }, (_, at) =>
      rows.reduce((sum, row, i) => sum + row[Math.floor(at / d)]! * inner[i]! * row[at % d]!, 0),
    );
  return { own: product(jacobian), shared: product(atStart) };
}

/** The error of a matrix of which the lower triangle and the diagonal are given, as a share of the whole. */
function errorOf(matrix: Float32Array, expected: readonly number[]): number {
  const d = Math.sqrt(expected.length);
  const lower = expected.map((value, at) => (at % d <= Math.floor(at / d) ? matrix[at]! - value : 0));
  return norm(lower) / (norm(expected) + 1e-12);
}

async function checkMatrices(
  build: (typeof builds)[number],
  layers: readonly number[],
  loss: Loss,
  names: { activation: ActivationName; outputActivation: ActivationName },
): Promise<void> {
  // Of an even number of latents it starts at 0.
  const start = layers[0]! % 2 === 1 ? randomArray(8, layers[0]!) : undefined;
  const decoder = createDecoder({ layers: [...layers], ...names, seed: 4, start });
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const z = randomArray(5, SAMPLES * d);
  const y = randomArray(6, SAMPLES * n, 0, loss === cauchy ? 3 : 1);
  // Some elements are left out, whatever is there.
  const isWeighted = loss.name !== "squaredError";
  const weights = isWeighted ? randomArray(7, SAMPLES * n, -0.5, 1).map((w) => Math.max(w, 0)) : undefined;
  for (let i = 0; weights && i < SAMPLES; i++) weights[i * n] = 0.5;
  for (let i = 0; weights && i < y.length; i++) if (weights[i] === 0) y[i] = Number.NaN;
  const objective = await bindObjective(build.backend, decoder, loss, y, weights);
  const { curvature } = objective;
  const rows = allRows(SAMPLES);
  assert.ok(await curvature!.shared());
  await objective.value(rows, Float64Array.from(z));
  const gradients = await objective.gradient(rows);
  const along = await curvature!.alongGradient(rows);
  const matrices = {
    own: await curvature!.matrices(rows, "own"),
    shared: await curvature!.matrices(rows, "shared"),
  };
  const label = `${layers.join("-")} ${names.activation} ${names.outputActivation} ${loss.name}`;
  for (const i of rows) {
    const part = (values: Float32Array, size: number) => values.subarray(i * size, (i + 1) * size);
    const expected = expectedMatrices(decoder, loss, part(z, d), part(y, n), weights && part(weights, n));
    for (const kind of ["own", "shared"] as const) {
      const error = errorOf(part(matrices[kind], d * d), expected[kind]);
      // A sum of n float32 products of numbers that came through the layers; a sine's phase costs most.
      assert.ok(error < 2e-5, `${label}, ${kind}, sample ${i}: off by ${error}`);
    }
    const g = gradients.subarray(i * d, (i + 1) * d);
    const gMg = expected.own.reduce((sum, m, at) => sum + m * g[Math.floor(at / d)]! * g[at % d]!, 0);
    const expectedAlong = gMg / norm(g) ** 2;
    const scale = norm(expected.own) + 1e-12;
    assert.ok(
      Math.abs(along[i]! - expectedAlong) < 2e-5 * scale,
      `${label}: ${along[i]}, not ${expectedAlong}`,
    );
  }
  // A row alone has the same bits, whatever was computed in between.
  for (const kind of ["shared", "own"] as const) {
    const alone = await curvature!.matrices(Int32Array.of(1), kind);
    assert.equal(alone, matrices[kind].slice(d * d, 2 * d * d), label);
  }
  objective.dispose();
}

for (const build of builds) {
  test(`${build.name}: matrices agree with float64, all activations, losses and weights, sizes with tails`, async () => {
    for (const layers of SIZES) {
      for (const activation of Object.keys(activations) as ActivationName[]) {
        for (const loss of LOSSES) {
          await checkMatrices(build, layers, loss, { activation, outputActivation: "sigmoid" });
        }
      }
      for (const loss of LOSSES.slice(1)) {
        await checkMatrices(build, layers, loss, { activation: "tanh", outputActivation: "identity" });
      }
    }
  });

  test(`${build.name}: matrices of more tangents than are taken at once`, async () => {
    for (const layers of WIDE_SIZES) {
      for (const loss of LOSSES) {
        await checkMatrices(build, layers, loss, { activation: "elu", outputActivation: "sigmoid" });
      }
    }
  });

  test(`${build.name}: matrices of more outputs than are summed at once`, async () => {
    for (const layers of MANY_OUTPUTS) {
      for (const loss of LOSSES) {
        await checkMatrices(build, layers, loss, { activation: "tanh", outputActivation: "sigmoid" });
      }
    }
  });

  test(`${build.name}: of a linear decoder both are the Hessian`, async () => {
    const decoder = createDecoder({
      layers: [5, 9, 13],
      activation: "identity",
      outputActivation: "identity",
    });
    const objective = await bindObjective(build.backend, decoder, squaredError(), randomArray(1, 13));
    const rows = allRows(1);
    await objective.curvature!.shared();
    await objective.value(rows, Float64Array.from(randomArray(2, 5)));
    await objective.gradient(rows);
    const columns = Array.from({ length: 5 }, (_, k) =>
      Float64Array.from({ length: 5 }, (_, j) => (j === k ? 1 : 0)),
    );
    const hessian: number[] = [];
    for (const column of columns) hessian.push(...(await objective.tangent(rows, column)));
    for (const kind of ["own", "shared"] as const) {
      assert.ok(errorOf(await objective.curvature!.matrices(rows, kind), hessian) < 1e-6, kind);
    }
    objective.dispose();
  });

  for (const name of VECTOR_NAMES) {
    test(`${build.name}: ${name}: the float64 matrices, and J by finite differences`, async () => {
      const { vectors, decoder, y } = await loadVectors(name);
      const { z } = vectors.value_and_gradient;
      const [d, n] = [decoder.latentSize, decoder.outputSize];
      const loss = vectorLoss(vectors);
      const objective = await bindObjective(build.backend, decoder, loss, y);
      await objective.curvature!.shared();
      await objective.value(allRows(z.length), Float64Array.from(z.flat()));
      const own = await objective.curvature!.matrices(allRows(z.length), "own");
      const shared = await objective.curvature!.matrices(allRows(z.length), "shared");
      objective.dispose();
      // The full-size reference takes a while: one sample of it.
      for (const i of name === "mlp20" ? [0] : allRows(z.length)) {
        const target = y.subarray(i * n, (i + 1) * n);
        const expected = expectedMatrices(decoder, loss, z[i]!, target);
        for (const [matrices, kind] of [
          [own, "own"],
          [shared, "shared"],
        ] as const) {
          const error = errorOf(matrices.subarray(i * d * d, (i + 1) * d * d), expected[kind]);
          assert.ok(error < 2e-5, `${kind}, sample ${i}: off by ${error}`);
        }
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

test("a loss without curvature anywhere, or bent down everywhere, has the matrix 0", async () => {
  for (const bend of [0, -1, -1e30]) {
    const loss = customLoss({ value: (o) => o, gradient: () => 1, curvature: () => bend });
    const decoder = createDecoder({ layers: [3, 9] });
    const objective = await bindObjective(plain.backend, decoder, loss, new Float32Array(9));
    await objective.curvature!.shared();
    await objective.value(allRows(1), new Float64Array(3));
    await objective.gradient(allRows(1));
    for (const kind of ["own", "shared"] as const) {
      assert.ok(
        (await objective.curvature!.matrices(allRows(1), kind)).every((value) => value === 0),
        kind,
      );
    }
    assert.equal(await objective.curvature!.alongGradient(allRows(1)), new Float64Array(1));
    objective.dispose();
  }
});

test("the curvature along a gradient that float32 could not square is as it is", async () => {
  for (const factor of [1e-25, 1e25]) {
    const loss = customLoss({
      value: (o) => factor * o,
      gradient: () => factor,
      curvature: () => 3,
    });
    const decoder = createDecoder({ layers: [4, 6], outputActivation: "identity" });
    const objective = await bindObjective(plain.backend, decoder, loss, new Float32Array(6));
    const rows = allRows(1);
    await objective.value(rows, new Float64Array(4));
    const g = await objective.gradient(rows);
    const { own } = expectedMatrices(decoder, loss, new Float64Array(4), new Float32Array(6));
    const unit = Array.from(g, (value) => value / norm(g));
    const expected = own.reduce((sum, m, at) => sum + m * unit[Math.floor(at / 4)]! * unit[at % 4]!, 0);
    const [along] = await objective.curvature!.alongGradient(rows);
    assert.ok(Math.abs(along! / expected - 1) < 1e-5, `${along}, not ${expected}`);
    objective.dispose();
  }
});

test.run();

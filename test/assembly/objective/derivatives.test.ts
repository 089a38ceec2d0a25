// run: both, revectorize
import { test } from "uvu";
import * as assert from "uvu/assert";
import { activations } from "../../../src/graph/activation.ts";
import {
  type ActivationName,
  amd,
  createDecoder,
  customLoss,
  type Decoder,
  encode,
  type Loss,
  squaredError,
} from "../../../src/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { builds, plain } from "../../support/builds.ts";
import { standardLosses } from "../../support/losses.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";
import { norm, objectiveOf, relativeDistance } from "../../support/reference.ts";
import { checkTensors, loadVectors, VECTOR_NAMES, vectorLoss } from "../../support/reference-vectors.ts";
import { refused, rejected } from "../../support/refusal.ts";
import { decoderOf } from "../../support/safetensors-file.ts";

// Parameter gradients, Hessian-vector products and mixed terms, and losses of the caller's own.

const huber = customLoss({
  value: (o, y) => (Math.abs(o - y) < 0.1 ? (o - y) ** 2 / 2 : 0.1 * (Math.abs(o - y) - 0.05)),
  gradient: (o, y) => Math.max(-0.1, Math.min(0.1, o - y)),
  curvature: (o, y) => (Math.abs(o - y) < 0.1 ? 1 : 0),
});
/** The decoder's output is the log of a rate. */
const poisson = customLoss({
  value: (o, y) => Math.exp(o) - y * o,
  gradient: (o, y) => Math.exp(o) - y,
  curvature: (o) => Math.exp(o),
  reduction: "sum",
});

for (const { name: build, backend } of builds) {
  for (const name of VECTOR_NAMES) {
    test(`${build}: ${name}: second derivatives and parameter gradients of the vectors`, async () => {
      const { vectors, decoder, y } = await loadVectors(name);
      const { z, v, hessian_v } = vectors.value_and_gradient;
      const objective = await bindObjective(backend, decoder, vectorLoss(vectors), y);
      const rows = allRows(z.length);
      await objective.value(rows, Float64Array.from(z.flat()));
      await objective.gradient(rows);
      await objective.addParameterGradient(rows);
      checkTensors(decoder, await objective.takeParameterSums(), vectors.partial_theta_at_z, "partial");
      const products = await objective.tangent(rows, Float64Array.from(v.flat()));
      for (const [i, expected] of hessian_v.entries()) {
        const d = decoder.latentSize;
        const error = relativeDistance(products.subarray(i * d, (i + 1) * d), expected);
        assert.ok(error < 1e-5, `hessian_v of sample ${i} off by ${error}`);
      }
      await objective.addMixedGradient(rows);
      checkTensors(decoder, await objective.takeParameterSums(), vectors.mixed_theta_v, "mixed");
      // A second direction at the same point, and the first again: nothing was used up.
      await objective.tangent(
        rows,
        Float64Array.from(v.flat(), (value) => -2 * value),
      );
      assert.equal(await objective.tangent(rows, Float64Array.from(v.flat())), products);
      objective.dispose();
    });
  }

  test(`${build}: all activations and losses, over sizes with tails, against finite differences`, async () => {
    for (const layers of [
      [1, 1],
      [3, 5],
      [2, 9, 3],
      [3, 17, 8, 5],
    ]) {
      for (const activation of Object.keys(activations) as ActivationName[]) {
        for (const loss of [...standardLosses("sum"), huber]) {
          const decoder = createDecoder({ layers, activation, outputActivation: "sigmoid", seed: 4 });
          await checkAgainstDifferences(decoder, loss, `${layers.join("-")} ${activation} ${loss.name}`);
        }
      }
    }
  });

  async function checkAgainstDifferences(decoder: Decoder, loss: Loss, label: string): Promise<void> {
    const [d, n] = [decoder.latentSize, decoder.outputSize];
    const samples = 3;
    const z = randomArray(5, samples * d);
    const v = randomArray(6, samples * d);
    const y = randomArray(7, samples * n, 0, 1);
    const weights = randomArray(8, samples * n, 0.1, 1);
    const objective = await bindObjective(backend, decoder, loss, y, weights);
    const rows = allRows(samples);
    const values = await objective.value(rows, Float64Array.from(z));
    await objective.gradient(rows);
    await objective.addParameterGradient(rows);
    const gradient = await objective.takeParameterSums();
    const products = await objective.tangent(rows, Float64Array.from(v));
    await objective.addMixedGradient(rows);
    const mixed = await objective.takeParameterSums();
    objective.dispose();

    const row = (values: Float32Array, i: number, size: number) => values.subarray(i * size, (i + 1) * size);
    const reference = (i: number, at: ArrayLike<number>, of = decoder) =>
      objectiveOf(of, loss, at, row(y, i, n), row(weights, i, n));
    for (let i = 0; i < samples; i++) {
      const value = reference(i, row(z, i, d)).value;
      assert.ok(Math.abs(values[i]! / value - 1) < 2e-6, `${label}: value ${values[i]}, not ${value}`);
      if (loss === huber) continue; // Its second derivative jumps: differences across the jump tell nothing.
      const h = 1e-5;
      const shifted = (by: number) => Array.from(row(z, i, d), (value, k) => value + by * row(v, i, d)[k]!);
      const [plus, minus] = [reference(i, shifted(h)).gradient, reference(i, shifted(-h)).gradient];
      const differences = plus.map((value, k) => (value - minus[k]!) / (2 * h));
      const size = Math.max(norm(differences), 1e-4);
      const error = norm(differences.map((value, k) => value - products[i * d + k]!)) / size;
      assert.ok(error < 1e-3, `${label}: Hessian-vector product off by ${error}`);
    }
    // Directional derivatives in θ, in a direction that touches every parameter.
    const direction = randomArray(9, decoder.parameterCount);
    const h = 1e-3;
    const moved = (by: number) => {
      const copy = decoderOf(decoder.toSafetensors());
      for (const [k, value] of direction.entries()) copy.parameters[k]! += by * value;
      return copy;
    };
    const [plus, minus] = [moved(h), moved(-h)];
    let expectedGradient = 0;
    let expectedMixed = 0;
    for (let i = 0; i < samples; i++) {
      const [a, b] = [reference(i, row(z, i, d), plus), reference(i, row(z, i, d), minus)];
      expectedGradient += (a.value - b.value) / (2 * h);
      for (let k = 0; k < d; k++) {
        expectedMixed += (row(v, i, d)[k]! * (a.gradient[k]! - b.gradient[k]!)) / (2 * h);
      }
    }
    const along = (values: Float32Array) => values.reduce((sum, value, k) => sum + value * direction[k]!, 0);
    const close = (got: number, expected: number, scale: number, what: string) => {
      assert.ok(Math.abs(got - expected) < 2e-3 * scale, `${label}: ${what} ${got}, not ${expected}`);
    };
    close(along(gradient), expectedGradient, norm(gradient), "parameter gradient");
    if (loss !== huber) close(along(mixed), expectedMixed, norm(mixed) + 1e-2, "mixed term");
  }

  test(`${build}: an output of weight 0 may overflow, and so may its tangent`, async () => {
    // The outputs are 2z and 3e38·z.
    const steep = createDecoder({ layers: [1, 2], outputActivation: "identity", seed: 1 });
    steep.parameters.set([2, 3e38, 0, 0]);
    const [y, weights] = [Float32Array.of(1, 0), Float32Array.of(1, 0)];
    const objective = await bindObjective(backend, steep, squaredError(), y, weights);
    const rows = allRows(1);
    // (2z - 1)² at 10, and its derivatives: 4(2z - 1), and 8 times the direction.
    assert.equal(Array.from(await objective.value(rows, Float64Array.of(10))), [361]);
    assert.equal(Array.from(await objective.gradient(rows)), [76]);
    assert.equal(Array.from(await objective.tangent(rows, Float64Array.of(10))), [80]);
    assert.equal(Array.from(await objective.curvature!.matrices(rows, "own"), Math.round), [8]);
    assert.equal(Array.from(await objective.curvature!.alongGradient(rows), Math.round), [8]);
    objective.dispose();
  });

  test(`${build}: a custom squared error equals the built-in one`, async () => {
    const own = customLoss({
      value: (o, y) => (o - y) ** 2,
      gradient: (o, y) => 2 * (o - y),
      curvature: () => 2,
    });
    const decoder = createDecoder({ layers: [3, 9, 7], outputActivation: "sigmoid", seed: 5 });
    const y = randomArray(1, 21, 0, 1);
    const weights = Float32Array.from({ length: 21 }, (_, i) => i % 3);
    for (const w of [undefined, weights]) {
      const options = { backend, ...(w && { weights: w }), solver: amd({ maxSteps: 20 }) };
      const builtIn = await encode(decoder, y, { ...options, loss: squaredError() });
      const custom = await encode(decoder, y, { ...options, loss: own });
      assert.ok(relativeDistance(custom.z, builtIn.z) < 1e-4);
      assert.ok(relativeDistance(custom.loss, builtIn.loss) < 1e-5);
      assert.equal(custom.status, builtIn.status);
      // So are its second derivatives, in two directions.
      const products = async (loss: Loss, direction: Float32Array) => {
        const objective = await bindObjective(backend, decoder, loss, y, w);
        const rows = allRows(3);
        await objective.value(rows, Float64Array.from(builtIn.z));
        await objective.gradient(rows);
        const tangents = await objective.tangent(rows, Float64Array.from(direction));
        objective.dispose();
        return tangents;
      };
      for (const direction of [randomArray(2, 9), randomArray(3, 9)]) {
        const expected = await products(squaredError(), direction);
        assert.ok(relativeDistance(await products(own, direction), expected) < 1e-5);
      }
    }
  });

  test(`${build}: Huber and Poisson losses are encoded with`, async () => {
    const decoder = createDecoder({ layers: [3, 12, 9], seed: 2 });
    const y = randomArray(3, 45, 0, 2);
    for (const loss of [huber, poisson]) {
      const { loss: after, initialLoss, status } = await encode(decoder, y, { loss, backend, batchSize: 2 });
      for (const [i, value] of after.entries()) assert.ok(value < initialLoss[i]!, `${loss.reduction} ${i}`);
      assert.ok(
        status.every((value) => value === "converged" || value === "reached_t1" || value === "stalled"),
      );
    }
  });
}

test("a custom loss that lacks a function, or throws, says so", async () => {
  refused(
    () => customLoss({ value: () => 0 } as never),
    "invalid_argument",
    /gradient is undefined, expected a function/,
  );
  refused(
    () => customLoss({ value: () => 0, gradient: () => 0, hessian: 1 } as never),
    "invalid_argument",
    /unknown option "hessian"/,
  );
  const decoder = createDecoder({ layers: [1, 2] });
  const flat = customLoss({ value: (o) => o * o, gradient: (o) => 2 * o });
  const objective = await bindObjective(plain.backend, decoder, flat, new Float32Array(2));
  const rows = allRows(1);
  await objective.value(rows, new Float64Array(1));
  await objective.gradient(rows);
  await rejected(
    objective.tangent(rows, new Float64Array(1)),
    "invalid_argument",
    /give the loss a curvature/,
  );
  const infinite = customLoss({ value: () => Number.NaN, gradient: () => 0 });
  const { status } = await encode(decoder, new Float32Array(2), { loss: infinite });
  assert.equal(status, ["nonfinite"]);
});

test.run();

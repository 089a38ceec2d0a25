import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AmdOptions,
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  type Decoder,
  encode,
  type Loss,
  squaredError,
} from "../../src/index.ts";
import { type Point, referenceAmd } from "../support/amd-reference.ts";
import { builds } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { gaussNewtonOf, norm, objectiveOf, relativeDistance } from "../support/reference.ts";

// AMD against a float64 reference of it: every number of its results.

const SAMPLES = 9;

interface Case {
  readonly name: string;
  readonly decoder: Decoder;
  readonly loss: Loss;
  readonly hasWeights?: boolean;
}

const ownSquares = (curvature?: () => number) =>
  customLoss({
    value: (o, y) => (o - y) ** 2,
    gradient: (o, y) => 2 * (o - y),
    ...(curvature && { curvature }),
  });

const cases: readonly Case[] = [
  {
    name: "cross entropy, ELU",
    decoder: createDecoder({ layers: [3, 11, 9], activation: "elu", outputActivation: "sigmoid", seed: 1 }),
    loss: binaryCrossEntropy(),
  },
  {
    name: "a weighted sum of squares, tanh",
    decoder: createDecoder({ layers: [2, 7, 5], activation: "tanh", outputActivation: "sigmoid", seed: 2 }),
    loss: squaredError({ reduction: "sum" }),
    hasWeights: true,
  },
  {
    name: "a custom loss, SiLU",
    decoder: createDecoder({ layers: [5, 9, 13], activation: "silu", outputActivation: "identity", seed: 3 }),
    loss: ownSquares(() => 2),
  },
  {
    name: "a custom loss without curvature",
    decoder: createDecoder({ layers: [2, 8, 6], activation: "softplus", outputActivation: "tanh", seed: 4 }),
    loss: ownSquares(),
  },
];

const variants: readonly AmdOptions[] = [
  { tolerance: 1e-3, settle: 0.001 },
  { maxSteps: 0 },
  { maxSteps: 7 },
  { t1: 30, stepMax: 40, tolerance: 0 },
  { t1: 61.7, stepInit: 3, stepMax: 25, growFrom: "trial", decreaseFactor: 0.5 },
  { t1: 61.7, stepInit: 3, stepMax: 25, growFrom: "accepted", decreaseFactor: 0.5 },
  { t1: 90, stepInit: 8, stepMax: 30, slope: 0.5, increaseFactor: 1.7 },
  { t1: 90, stepInit: 8, stepMax: 30, slope: 0.9, increaseFactor: 1.7, tolerance: 1e-4 },
  { t1: 50, settle: 0.8, tolerance: 0.02 },
  { t1: 50, settle: 0, tolerance: 0.01, window: 2 },
  { t1: 50, settle: 0, tolerance: 0.003, window: 9 },
  // No step that may be tried lowers the loss: at z0, and later.
  { t1: 600, stepInit: 60, stepMax: 60, maxBacktracks: 1, tolerance: 0 },
  { t1: 600, stepInit: 0.5, stepMax: 300, increaseFactor: 4, maxBacktracks: 0, tolerance: 0 },
];

/** What the reference needs of a sample. */
function pointsOf(decoder: Decoder, loss: Loss, y: Float32Array, weights?: Float32Array) {
  const hasCurvature = loss.name !== "custom" || loss.curvature !== undefined;
  return (z: readonly number[]): Point => {
    const { value, gradient } = objectiveOf(decoder, loss, z, y, weights);
    const curvatureAlong = () => {
      const { jacobian, curvatures } = gaussNewtonOf(decoder, loss, z, y, weights);
      const along = jacobian.map((row) => row.reduce((sum, value, k) => sum + value * gradient[k]!, 0));
      return along.reduce((sum, value, i) => sum + curvatures[i]! * value * value, 0) / norm(gradient) ** 2;
    };
    return { value, gradient, ...(hasCurvature && { curvatureAlong }) };
  };
}

const seen = new Set<string>();

for (const { name: build, backend } of builds) {
  for (const { name, decoder, loss, hasWeights } of cases) {
    test(`${build}: ${name}: the reference's steps`, async () => {
      const [d, n] = [decoder.latentSize, decoder.outputSize];
      const y = randomArray(11, SAMPLES * n, 0, 1);
      const z0 = randomArray(12, SAMPLES * d, -2, 2);
      const weights = hasWeights ? randomArray(13, SAMPLES * n, 0.1, 2) : undefined;
      for (const options of variants) {
        const solver = amd(options);
        const problem = { loss, solver, z0, backend, ...(weights && { weights }) };
        const result = await encode(decoder, y, problem);
        const general = await encode(decoder, y, { ...problem, saveAt: "steps" });
        for (let i = 0; i < SAMPLES; i++) {
          const row = (values: Float32Array, size: number) => values.subarray(i * size, (i + 1) * size);
          const at = pointsOf(decoder, loss, row(y, n), weights && row(weights, n));
          const expected = referenceAmd(at, row(z0, d), solver);
          seen.add(expected.status);
          const label = `${JSON.stringify(options)}, sample ${i}`;
          const { stats } = result;
          assert.equal(
            {
              status: result.status[i],
              acceptedSteps: stats.acceptedSteps[i],
              backtracks: stats.backtracks[i],
              valueEvaluations: stats.valueEvaluations[i],
              gradientEvaluations: stats.gradientEvaluations[i],
            },
            {
              status: expected.status,
              acceptedSteps: expected.acceptedSteps,
              backtracks: expected.backtracks,
              valueEvaluations: expected.valueEvaluations,
              gradientEvaluations: expected.gradientEvaluations,
            },
            label,
          );
          const near = (got: number, to: number, tolerance: number, what: string) =>
            assert.ok(Math.abs(got - to) <= tolerance * Math.abs(to), `${label}: ${what} ${got}, not ${to}`);
          near(stats.t[i]!, expected.t, 1e-12, "t");
          near(result.loss[i]!, expected.loss, 2e-5, "loss");
          near(result.initialLoss[i]!, at(Array.from(row(z0, d))).value, 2e-6, "initialLoss");
          near(result.gradientNorm[i]!, expected.gradientNorm, 1e-3, "gradientNorm");
          const error = relativeDistance(row(result.z, d), expected.z);
          assert.ok(error < 1e-4, `${label}: z off by ${error}`);
        }
        // The general path's are the same to the last bit.
        const { trajectory: _, backend: __, seconds: ___, ...rest } = general;
        const { trajectory: ____, backend: _____, seconds: ______, ...fused } = result;
        assert.equal(rest, fused);
      }
    });
  }
}

test("the cases come to every status that there is without an abort", () => {
  assert.equal([...seen].sort(), ["converged", "max_steps", "reached_t1", "stalled"]);
});

test.run();

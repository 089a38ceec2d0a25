// run: slow
// Tests src/backend/wasm/prior-values.ts.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  closeWorkers,
  createDecoder,
  customLoss,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  gaussian,
  lbfgs,
  linearGrid,
  nesterovFlow,
  type Prior,
  rk4,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import { allRows } from "../../src/solver/objective.ts";
import { approximate, direct, evaluate, full, sgd, train } from "../../src/train/index.ts";
import { builds } from "../support/builds.ts";
import { decoderCases } from "../support/decoders.ts";
import { gradientOf, graphLoss } from "../support/graph-reference.ts";
import { bindObjective } from "../support/objective.ts";
import { allPriors, priorAt } from "../support/prior-reference.ts";
import { randomArray } from "../support/random.ts";
import { norm, relativeDistance } from "../support/reference.ts";
import { workerUrl } from "../support/threads.ts";

// Every prior with every solver, adjoint and build, on every sort of decoder.

test.after(closeWorkers);

const solvers: Record<string, EncodeOptions> = {
  lbfgs: { solver: lbfgs() },
  amd: { solver: amd({ t1: 400, stepMax: 100, maxSteps: 200 }) },
  euler: { solver: euler({ grid: linearGrid({ t1: 5, slices: 30 }) }) },
  dormandPrince: { solver: dormandPrince({ t1: 5 }) },
  "rk4, Nesterov's flow": { flow: nesterovFlow(), solver: rk4({ grid: linearGrid({ t1: 2, slices: 8 }) }) },
};

const D = 3;

for (const decoderCase of decoderCases) {
  const { name, make, y, size, sampleCount, given } = decoderCase;
  const n = size;
  const d = make().latentSize;
  for (const { name: priorName, prior } of allPriors(d)) {
    // Norm of each sample's gradient at the start, which is the same for all solvers.
    const startNorms = new Map<number, number>();
    for (const [solverName, options] of Object.entries(solvers)) {
      test(`${priorName}, ${name}, ${solverName}: the objective is float64's, and falls`, async () => {
        const decoder = make();
        const result = await encode(decoder, y, { ...given, ...options, prior });
        for (const sample of [0, sampleCount - 1]) {
          const target = y.subarray(sample * size, (sample + 1) * size);
          const fixed = decoderCase.givenFor([sample]).fixed ?? {};
          const at = [...result.z.subarray(sample * d, (sample + 1) * d)];
          const lossAt = (z: readonly number[]) =>
            graphLoss(decoder, decoder.loss!, z, target, decoder.parameters, fixed);
          const objectiveAt = (z: readonly number[]) => lossAt(z) + priorAt(prior, [...z]).value / n;
          const start = at.map(() => 0);
          assert.ok(Math.abs(result.loss[sample]! / lossAt(at) - 1) < 2e-5);
          assert.ok(Math.abs(result.initialLoss[sample]! / lossAt(start) - 1) < 1e-5);
          assert.ok(Math.abs(result.prior![sample]! - priorAt(prior, at).value) < 1e-5);
          assert.ok(Math.abs(result.objective[sample]! / objectiveAt(at) - 1) < 1e-5);
          assert.ok(result.objective[sample]! < objectiveAt(start) * (1 + 1e-6));
          const startNorm = startNorms.get(sample) ?? norm(gradientOf(objectiveAt, start, 1e-6));
          startNorms.set(sample, startNorm);
          const off = Math.abs(result.gradientNorm[sample]! - norm(gradientOf(objectiveAt, at, 1e-6)));
          assert.ok(off < 1e-3 * startNorm, `${off} of ${startNorm}`);
        }
      });
    }

    test(`${priorName}, ${name}: the same bits alone, on three threads, and around objectives`, async () => {
      const decoder = make();
      for (const options of [{}, { solver: amd({ maxSteps: 20 }) }]) {
        const all = await encode(decoder, y, { ...given, ...options, prior });
        const backend = wasm({ threads: 3, worker: workerUrl });
        const shared = await encode(decoder, y, { ...given, ...options, prior, backend });
        const watched = await encode(decoder, y, { ...given, ...options, prior, saveAt: "steps" });
        for (const other of [shared, watched]) {
          assert.equal(other.z, all.z);
          assert.equal(other.loss, all.loss);
          assert.equal(other.prior, all.prior);
          assert.equal(other.objective, all.objective);
        }
        watched.trajectory!.forEach(({ loss }, sample) => {
          assert.is(loss.at(-1), watched.loss[sample]);
          assert.is(loss[0], watched.initialLoss[sample]);
        });
        const one = await encode(decoder, y.subarray(2 * size, 3 * size), {
          ...decoderCase.givenFor([2]),
          ...options,
          prior,
        });
        assert.equal(one.z, all.z.subarray(2 * d, 3 * d));
        const report = await evaluate(decoder, y, { ...given, ...options, prior });
        for (const name of ["loss", "prior", "objective", "initialLoss"] as const) {
          assert.equal(report[name], all[name], name);
        }
      }
    });
  }
}

for (const { name: priorName, prior } of allPriors(D)) {
  for (const { name: build, backend } of builds) {
    test(`${priorName}, ${build}: curvature and second derivatives, with weights and without`, async () => {
      const n = 9;
      const decoder = createDecoder({ layers: [D, 8, n], activation: "tanh", loss: "mse", seed: 6 });
      const y = randomArray(7, 2 * n, 0, 1);
      const weights = randomArray(8, 2 * n, 0.1, 3e3);
      for (const reduction of ["mean", "sum"] as const) {
        for (const given of [undefined, weights]) {
          const loss = squaredError({ reduction });
          const objective = await bindObjective(backend, decoder, loss, y, given, 1, [], prior);
          const bare = await bindObjective(backend, decoder, loss, y, given);
          const rows = allRows(2);
          const z = Float64Array.from(randomArray(9, 2 * D));
          const v = Float64Array.from(randomArray(10, 2 * D));
          const [values, bareValues] = [await objective.value(rows, z), await bare.value(rows, z)];
          const [gradients, bareGradients] = [await objective.gradient(rows), await bare.gradient(rows)];
          const [products, bareProducts] = [await objective.tangent(rows, v), await bare.tangent(rows, v)];
          await objective.addMixedGradient(rows);
          await bare.addMixedGradient(rows);
          assert.equal(await objective.takeParameterSums(), await bare.takeParameterSums());
          const [matrices, bareMatrices] = [
            await objective.curvature!.matrices(rows, "own"),
            await bare.curvature!.matrices(rows, "own"),
          ];
          const along = await objective.curvature!.alongGradient(rows);
          for (const row of rows) {
            const at = [...z.subarray(row * D, (row + 1) * D)].map(Math.fround);
            const own = weights.subarray(row * n, (row + 1) * n).reduce((sum, weight) => sum + weight, 0);
            const share = reduction === "sum" ? 1 : 1 / (given ? own : n);
            const expected = priorAt(prior, at);
            const rowOf = (all: Float64Array) => all.subarray(row * D, (row + 1) * D);
            const check = (name: string, got: ArrayLike<number>, wanted: number[]) =>
              assert.ok(relativeDistance(got, wanted) < 2e-6, `${name} ${reduction} ${given !== undefined}`);
            check("value", [values[row]!], [bareValues[row]! + share * expected.value]);
            const added = (bareRow: Float64Array, extra: number[]) =>
              [...bareRow].map((value, i) => value + share * extra[i]!);
            check("gradient", rowOf(gradients), added(rowOf(bareGradients), expected.gradient));
            const vRow = [...rowOf(v)].map(Math.fround);
            const product = expected.hessian.map((each) => each.reduce((sum, h, j) => sum + h * vRow[j]!, 0));
            check("product", rowOf(products), added(rowOf(bareProducts), product));
            const matrix = (all: Float32Array, i: number, j: number) =>
              all[row * D * D + Math.max(i, j) * D + Math.min(i, j)]!;
            const whole: number[] = [];
            for (let i = 0; i < D; i++) {
              for (let j = 0; j < D; j++) {
                whole.push(matrix(bareMatrices, i, j) + share * expected.curvature[i]![j]!);
              }
            }
            check(
              "matrix",
              whole.map((_, k) => matrix(matrices, Math.floor(k / D), k % D)),
              whole,
            );
            const g = [...rowOf(gradients)];
            let curved = 0;
            for (let i = 0; i < D; i++)
              for (let j = 0; j < D; j++) curved += g[i]! * whole[i * D + j]! * g[j]!;
            // The sum over the outputs is float32's.
            const relative = along[row]! / (curved / norm(g) ** 2) - 1;
            assert.ok(Math.abs(relative) < 3e-5, `along: ${relative}`);
          }
          objective.dispose();
          bare.dispose();
        }
      }
    });
  }

  for (const adjoint of [approximate(), full(), direct()]) {
    test(`${priorName}: by ${adjoint.name}() an update lowers the objective as the whole flow says`, async () => {
      const n = 9;
      const slices = 400;
      const t1 = 80;
      const make = () => createDecoder({ layers: [D, 6, n], activation: "tanh", loss: "mse", seed: 6 });
      const y = randomArray(17, n, 0, 1);
      const before = make();
      const { decoder: after } = await train(before, y, {
        adjoint,
        prior,
        optimizer: sgd({ learningRate: 1 }),
        solver: rk4({ grid: linearGrid({ t1, slices }) }),
      });
      assert.equal(after.prior, prior);
      const step = after.parameters.map((value, i) => value - before.parameters[i]!);
      const length = norm(step);
      // Where the flow ends its objective has as gradient what the step is against: the flow has come to rest.
      const ended = async (by: number) => {
        const moved = make();
        moved.parameters.set(before.parameters.map((value, i) => value + (by * step[i]!) / length));
        const { z } = await encode(moved, y, { prior, solver: lbfgs({ tolerance: 1e-12 }) });
        return graphLoss(moved, moved.loss!, [...z], y) + priorAt(prior, [...z]).value / n;
      };
      const h = 2e-3;
      const slope = ((await ended(h)) - (await ended(-h))) / (2 * h);
      assert.ok(Math.abs(-slope / length - 1) < 2e-2, `${slope} along ${length}`);
    });
  }
}

test("on a linear decoder it is ridge regression", async () => {
  const n = 17;
  const decoder = createDecoder({ layers: [D, n], loss: "mse", seed: 2 });
  const { weight, bias } = decoder.operations[0] as unknown as { weight: Float32Array; bias: Float32Array };
  const y = randomArray(3, n);
  const weights = randomArray(4, n, 0, 20);
  const [std, lambda] = [0.7, 1.5];
  const options = { prior: gaussian({ std, weight: lambda }), weights, solver: lbfgs({ tolerance: 1e-12 }) };
  const { z } = await encode(decoder, y, options);
  // (2 WᵀAW + λ/σ² I) z = 2 WᵀA(y - b), which the mean and the sum have alike.
  const residual = (k: number) => {
    let sum = (lambda / std ** 2) * z[k]!;
    let size = Math.abs(sum);
    for (let i = 0; i < n; i++) {
      let output = bias[i]!;
      for (let j = 0; j < D; j++) output += weight[i * D + j]! * z[j]!;
      const term = 2 * weights[i]! * weight[i * D + k]! * (output - y[i]!);
      sum += term;
      size += Math.abs(term);
    }
    return sum / size;
  };
  for (let k = 0; k < D; k++) assert.ok(Math.abs(residual(k)) < 1e-4, `${residual(k)}`);
  const summed = await encode(decoder, y, { ...options, loss: squaredError({ reduction: "sum" }) });
  assert.ok(relativeDistance(summed.z, z) < 1e-5);
});

interface PyTorchCase {
  readonly decoder: string;
  readonly loss: "bce" | "mse";
  readonly prior: Prior;
  readonly weights?: readonly number[];
  readonly y: readonly (readonly number[])[];
  readonly objective: readonly number[];
}

const fixtures = new URL("../fixtures/", import.meta.url);
const fromPyTorch: PyTorchCase[] = JSON.parse(readFileSync(new URL("priors/priors.json", fixtures), "utf8"));

for (const { decoder: name, loss, prior, weights, y, objective: best } of fromPyTorch) {
  test(`${name}: the objective is PyTorch's L-BFGS's, or lower`, async () => {
    const decoder = await loadOnnx(new URL(`decoders/${name}.onnx`, fixtures), { loss, prior });
    const { objective, status } = await encode(decoder, Float32Array.from(y.flat()), {
      ...(weights && { weights: Float32Array.from(weights) }),
      solver: lbfgs({ tolerance: 1e-9 }),
    });
    assert.ok(status.every((each) => each === "converged"));
    best.forEach((least, sample) => {
      const above = objective[sample]! - least;
      assert.ok(above < 1e-6 * (1 + Math.abs(least)), `sample ${sample}: ${objective[sample]} of ${least}`);
    });
  });
}

test("a loss of one's own has a prior beside it", async () => {
  const decoder = createDecoder({ layers: [D, 9], loss: "mse", seed: 2 });
  const y = randomArray(3, 18);
  const own = customLoss({
    value: (o, t) => (o - t) ** 2,
    gradient: (o, t) => 2 * (o - t),
    curvature: () => 2,
  });
  const prior = gaussian({ std: 0.5 });
  const [given, ours] = [await encode(decoder, y, { prior, loss: own }), await encode(decoder, y, { prior })];
  assert.ok(relativeDistance(given.z, ours.z) < 1e-4);
  assert.ok(relativeDistance(given.objective, ours.objective) < 1e-6);
  assert.ok(relativeDistance(given.prior!, ours.prior!) < 1e-4);
});

test("a loss is computed, however large the prior beside it is, and never by a difference", async () => {
  const bounded = createDecoder({ layers: [D, 9], loss: "mse", outputActivation: "sigmoid", seed: 2 });
  const y = randomArray(3, 9 * 3);
  // At rest, far out and beyond float32.
  const z0 = Float32Array.of(0, 0, 0, 1e9, 0, 0, 1e30, 0, 0);
  const options = { z0, prior: gaussian(), saveAt: "steps", solver: amd({ maxSteps: 3 }) } as const;
  const { initialLoss, loss, prior, status, trajectory } = await encode(bounded, y, options);
  const { initialLoss: alone } = await encode(bounded, y, { z0 });
  assert.equal(initialLoss, alone);
  assert.is(trajectory![1]!.loss[0], alone[1]);
  assert.is(status[2], "nonfinite");
  assert.equal([loss[2], prior![2]], [alone[2], Number.POSITIVE_INFINITY]);
});

test("kept codes are trained against the prior too, and a validation has the loss alone", async () => {
  const decoder = createDecoder({ layers: [D, 6, 9], activation: "tanh", loss: "mse", seed: 6 });
  const y = randomArray(17, 9 * 6, 0, 1);
  const prior: Prior = gaussian({ std: 0.01 });
  const options = { epochs: 60, codes: "kept", validation: { data: y } } as const;
  const [held, free] = [await train(decoder, y, { ...options, prior }), await train(decoder, y, options)];
  assert.ok(norm(held.codes!) < 0.3 * norm(free.codes!), `${norm(held.codes!)} of ${norm(free.codes!)}`);
  const { meanLoss } = await evaluate(held.decoder, y);
  const last = held.validation.at(-1)!.loss;
  assert.ok(Math.abs(last / meanLoss - 1) < 1e-6, `${last}, ${meanLoss}`);
});

test.run();

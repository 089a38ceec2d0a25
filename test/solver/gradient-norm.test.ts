// run: slow
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  dormandPrince,
  type EncodeOptions,
  type EncodeResult,
  encode,
  euler,
  type Flow,
  gradientFlow,
  type Loss,
  lbfgs,
  linearGrid,
  rk4,
  type Solver,
  squaredError,
  wasm,
} from "../../src/index.ts";
import { evaluateOnly } from "../../src/solver/evaluate-only.ts";
import { Solution } from "../../src/solver/solution.ts";
import { solveObjective } from "../../src/solver/solve-objective.ts";
import { type AnalyticLoss, quadratic, solveAnalytic } from "../support/analytic.ts";
import { builds } from "../support/builds.ts";
import { uninterrupted } from "../support/control.ts";
import { bindObjective } from "../support/objective.ts";
import { randomArray } from "../support/random.ts";
import { norm, objectiveOf } from "../support/reference.ts";
import { solverCases } from "../support/solvers.ts";
import { watchThreads, workerUrl } from "../support/threads.ts";

// result.gradientNorm is the norm of the loss's gradient where the sample has ended, whatever the solver, and what
// it takes changes nothing else.

watchThreads();
const SAMPLES = 11;
const [D, N] = [3, 9];
const decoder = createDecoder({
  layers: [D, 17, N],
  seed: 3,
  outputActivation: "sigmoid",
  loss: binaryCrossEntropy({ reduction: "sum" }),
});
const y = randomArray(1, SAMPLES * N, 0, 1);
const z0 = randomArray(2, SAMPLES * D, -3, 3);
const weights = randomArray(3, SAMPLES * N, 0.1, 2);

const row = (values: Float32Array, i: number, size: number) => values.subarray(i * size, (i + 1) * size);

const ownSquares = customLoss({
  value: (o, target) => (o - target) ** 2,
  gradient: (o, target) => 2 * (o - target),
});

/** Holds every sample's norm against float64, by what float32 can know where the gradient's parts cancel. */
function checkNorms(
  { z, gradientNorm }: Pick<EncodeResult, "z" | "gradientNorm">,
  loss: Loss,
  starts: Float32Array,
  sampleWeights?: Float32Array,
): void {
  assert.is(gradientNorm.length, SAMPLES);
  for (let i = 0; i < SAMPLES; i++) {
    const at = (latents: Float32Array) =>
      norm(
        objectiveOf(
          decoder,
          loss,
          row(latents, i, D),
          row(y, i, N),
          sampleWeights && row(sampleWeights, i, N),
        ).gradient,
      );
    const expected = at(z);
    const tolerance = 1e-5 * expected + 2e-6 * at(starts);
    assert.ok(Math.abs(gradientNorm[i]! - expected) < tolerance, `${i}: ${gradientNorm[i]}, not ${expected}`);
  }
}

const solvers: readonly { readonly name: string; readonly options: EncodeOptions }[] = [
  ...solverCases,
  { name: "lbfgs", options: {} },
  { name: "lbfgs, 3 steps", options: { solver: lbfgs({ maxSteps: 3 }) } },
  { name: "lbfgs, no step", options: { solver: lbfgs({ maxSteps: 0 }) } },
  { name: "amd, the paper's end", options: { solver: amd() } },
  { name: "amd, 3 steps", options: { solver: amd({ maxSteps: 3 }) } },
  { name: "amd, no step", options: { solver: amd({ maxSteps: 0 }) } },
  { name: "dormandPrince, 5 steps", options: { solver: dormandPrince({ maxSteps: 5 }) } },
  { name: "dormandPrince, no step", options: { solver: dormandPrince({ maxSteps: 0 }) } },
];

for (const { name: build, backend } of builds) {
  for (const { name, options } of solvers) {
    test(`${build}: ${name}: the norm of float64's gradient at the z returned`, async () => {
      for (const saveAt of [undefined, "steps", [0, 1.3, 4]] as const) {
        for (const [loss, own] of [
          [binaryCrossEntropy({ reduction: "sum" }), undefined],
          [squaredError(), weights],
          [ownSquares, undefined],
        ] as const) {
          const result = await encode(decoder, y, {
            ...options,
            loss,
            z0,
            backend,
            ...(own && { weights: own }),
            ...(saveAt && { saveAt }),
          } as EncodeOptions);
          assert.ok(result.status.every((status) => status !== "nonfinite"));
          checkNorms(result, loss, z0, own);
        }
      }
    });
  }

  test(`${build}: NaN where the loss at z0 overflows`, async () => {
    const steep = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1 });
    steep.parameters.set([1e30, 1e25]);
    for (const solver of [amd(), lbfgs()]) {
      const options = { loss: squaredError(), solver, z0: Float32Array.of(-1e-5, 1), backend };
      const { status, gradientNorm, stats } = await encode(steep, new Float32Array(2), options);
      assert.equal([status[1], stats.gradientEvaluations[1]], ["nonfinite", 0]);
      assert.ok(Number.isNaN(gradientNorm[1]), `${gradientNorm}`);
    }
  });

  test(`${build}: codes that an encoder has found: one pass forward and one back`, async () => {
    const loss = binaryCrossEntropy();
    const objective = await bindObjective(backend, decoder, loss, y);
    const solution = new Solution(SAMPLES, D, z0, { order: 1 });
    const problem = { objective, flow: gradientFlow(), solution, first: 0, control: uninterrupted };
    await solveObjective(evaluateOnly, problem);
    objective.dispose();
    const { z, gradientNorm, stats } = solution.toResult();
    assert.equal(z, z0);
    checkNorms({ z, gradientNorm }, loss, z0);
    assert.equal(stats.valueEvaluations, new Uint32Array(SAMPLES).fill(1));
    assert.equal(stats.gradientEvaluations, new Uint32Array(SAMPLES).fill(1));
  });
}

for (const { name, options } of solvers) {
  test(`${name}: the same on threads`, async () => {
    const common = { ...options, z0 } as EncodeOptions;
    const alone = await encode(decoder, y, { ...common, backend: wasm({ threads: 1 }) } as EncodeOptions);
    const backend = wasm({ threads: 2, worker: workerUrl });
    const result = await encode(decoder, y, { ...common, backend } as EncodeOptions);
    assert.is(result.backend.threads, 2);
    assert.equal(result.gradientNorm, alone.gradientNorm);
  });
}

test("NaN for what an abort never started; of what it cut off, that of the z there is", async () => {
  for (const solver of [
    amd({ t1: 1e9, tolerance: 0, maxSteps: 5000 }),
    lbfgs({ tolerance: 0 }),
    rk4({ grid: linearGrid({ t1: 100, slices: 1000 }) }),
  ] as readonly NonNullable<EncodeOptions["solver"]>[]) {
    const controller = new AbortController();
    const result = await encode(decoder, y, {
      solver,
      z0,
      batchSize: 2,
      signal: controller.signal,
      onAbort: "return",
      onProgress: () => controller.abort(),
    } as EncodeOptions);
    const started = result.status.map((_, i) => !Number.isNaN(result.initialLoss[i]!));
    assert.ok(started.includes(true) && started.includes(false), `${solver.name}: ${started}`);
    assert.equal(
      Array.from(result.gradientNorm, (value) => !Number.isNaN(value)),
      started,
      solver.name,
    );
    const norms = result.gradientNorm.map((value, i) => {
      if (started[i]) return value;
      return norm(objectiveOf(decoder, decoder.loss!, row(result.z, i, D), row(y, i, N)).gradient);
    });
    checkNorms({ z: result.z, gradientNorm: norms }, decoder.loss!, z0);
  }
  const { gradientNorm } = await encode(decoder, y, { signal: AbortSignal.abort(), onAbort: "return" });
  assert.ok(gradientNorm.length === SAMPLES && gradientNorm.every(Number.isNaN));
});

/** From 1 along -z, in steps of 1/4 up to t1. */
function stepsOf(t1: number): readonly Solver<Flow>[] {
  const grid = linearGrid({ t1, slices: 4 * t1 });
  const step = { stepInit: 0.25, stepMax: 0.25, t1 };
  return [euler({ grid }), rk4({ grid }), amd({ ...step, tolerance: 0 }) as never];
}

test("where a sample ends anyway, a gradient that is not finite there changes neither z nor status", async () => {
  const bound = 0.8;
  const steep: AnalyticLoss = {
    value: (z) => z[0]! ** 2 / 2,
    gradient: ([z]) => [z! < bound ? Number.POSITIVE_INFINITY : z!],
  };
  // Of RK4 the stages within the step go below the bound, where it is not just the end that counts.
  for (const solver of [euler({ grid: linearGrid({ t1: 0.25, slices: 1 }) }), stepsOf(0.25)[2]!]) {
    const plain = await solveAnalytic([quadratic(1)], gradientFlow(), solver, [1], "steps");
    const ended = await solveAnalytic([steep], gradientFlow(), solver, [1], "steps");
    assert.equal(ended.statuses(), ["reached_t1"], solver.name);
    assert.equal([...ended.z, ...ended.objective, ...ended.t], [...plain.z, ...plain.objective, ...plain.t]);
    assert.equal(ended.recording!.samples, plain.recording!.samples);
    assert.is(ended.gradientEvaluations[0], plain.gradientEvaluations[0]);
    assert.is(plain.gradientNorm[0], 0.75);
    assert.is(ended.gradientNorm[0], Number.POSITIVE_INFINITY);
  }
  const cut = await solveAnalytic([steep], gradientFlow(), amd({ maxSteps: 1, stepInit: 0.25, t1: 9 }), [1]);
  assert.equal([cut.statuses()[0], cut.z[0], cut.gradientNorm[0]], ["max_steps", 0.75, Infinity]);
  // Where it would go on, it cannot.
  for (const solver of stepsOf(2)) {
    const ended = await solveAnalytic([steep], gradientFlow(), solver, [1]);
    assert.equal(ended.statuses(), ["nonfinite"], solver.name);
  }
});

test("NaN where the loss at z0 is not finite", async () => {
  const nowhere: AnalyticLoss = { value: () => Number.NaN, gradient: () => [1] };
  for (const solver of [...stepsOf(1), lbfgs() as never, dormandPrince({ t1: 1 }), evaluateOnly]) {
    const ended = await solveAnalytic([nowhere], gradientFlow(), solver as Solver<Flow>, [1]);
    assert.equal(ended.statuses(), ["nonfinite"]);
    assert.ok(Number.isNaN(ended.gradientNorm[0]));
    assert.is(ended.gradientEvaluations[0], solver === evaluateOnly ? 1 : 0);
  }
});

test("a rejected last step leaves the norm of the z before it", async () => {
  // Dormand-Prince, whose second step ends beyond a wall, and may take no third.
  const wall: AnalyticLoss = {
    value: ([z]) => (z! > 0.7 ? z! ** 2 / 2 : Number.POSITIVE_INFINITY),
    gradient: ([z]) => [z!],
  };
  const solver = dormandPrince({ t1: 10, stepInit: 0.2, maxSteps: 2 });
  const { z, gradientNorm, backtracks, acceptedSteps } = await solveAnalytic(
    [wall],
    gradientFlow(),
    solver,
    [1],
  );
  assert.equal([acceptedSteps[0], backtracks[0]], [1, 1]);
  assert.is(gradientNorm[0], z[0]);
});

test.run();

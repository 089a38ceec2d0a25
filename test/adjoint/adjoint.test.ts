// run: slow
// Tests src/adjoint/stages.ts, src/solver/recording.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { approximate } from "../../src/adjoint/approximate.ts";
import { type Adjoint, checkAdjoint } from "../../src/adjoint/base.ts";
import { direct } from "../../src/adjoint/direct.ts";
import { full } from "../../src/adjoint/full.ts";
import { packDecoder } from "../../src/backend/wasm/packed.ts";
import {
  amd,
  binaryCrossEntropy,
  createDecoder,
  customLoss,
  decode,
  dormandPrince,
  euler,
  expDecay,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  squaredError,
} from "../../src/index.ts";
import { compileKernels } from "../../src/kernels/load.ts";
import { evaluateOnly } from "../../src/solver/evaluate-only.ts";
import { gridSteps } from "../../src/solver/integrate.ts";
import { errorByDifferences, gradientOf, type Way } from "../support/adjoint.ts";
import { builds, plain } from "../support/builds.ts";
import { randomArray } from "../support/random.ts";
import { relativeDistance } from "../support/reference.ts";
import {
  checkTensors,
  loadVectors,
  type TensorEntries,
  type ValueVectors,
  VECTOR_NAMES,
  vectorLoss,
} from "../support/reference-vectors.ts";
import { refused } from "../support/refusal.ts";

// The gradients for the decoder: against outside numbers, against differences of whole solves, each other.

interface Vectors extends ValueVectors {
  fixed_grid: { tau: number; slices: number; base: number };
  total_derivative: { loss_sum: number; direct: TensorEntries; approximate: TensorEntries };
}

const { backend } = plain;
const decaying = gradientFlow({ alpha: expDecay({ rate: 2 }) });

for (const { name: build, backend } of builds) {
  // The debug build would take seconds for the large decoder, and its kernels are tested by themselves.
  for (const name of VECTOR_NAMES.filter((name) => build !== "debug" || name !== "mlp20")) {
    test(`${build}: ${name}: the total derivative of the vectors`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      const { fixed_grid, total_derivative: expected } = vectors;
      const { tau: t1, slices, base } = fixed_grid;
      const way = { flow: decaying, solver: rk4({ grid: logGrid({ t1, slices, base }) }) };
      const gradient = async (adjoint: Adjoint) => {
        const result = await gradientOf(backend, decoder, vectorLoss(vectors), y, way, adjoint);
        const sum = result.losses.reduce((total, value) => total + value, 0);
        assert.ok(Math.abs(sum / expected.loss_sum - 1) < 1e-6, `${adjoint.name}: loss ${sum}`);
        return result.gradient;
      };
      checkTensors(decoder, await gradient(approximate()), expected.approximate, "approximate", 2e-5);
      const backwards = await gradient(direct());
      checkTensors(decoder, backwards, expected.direct, "direct", 2e-5);
      // 4e-5 and 1e-3 on the tiny decoders, 2e-4 on the other.
      assert.ok(relativeDistance(await gradient(full()), backwards) < 2e-3);
    });
  }
}

/** Dormand-Prince's method on a grid: its steps do not follow the parameters, as differences ask for. */
function dormandPrinceOnGrid(slices: number): Pick<Way, "solver" | "steps"> {
  return { solver: dormandPrince({ t1: T1 }), steps: gridSteps(linearGrid({ t1: T1, slices })) };
}

const T1 = 6;
const grid = (slices: number) => linearGrid({ t1: T1, slices });
const flows = [gradientFlow(), decaying, nesterovFlow(), nesterovFlow({ alpha: expDecay(), epsilon: 0.1 })];
const solvers: [name: string, make: (slices: number) => Pick<Way, "solver" | "steps">][] = [
  ["Euler", (slices) => ({ solver: euler({ grid: grid(slices) }) })],
  ["RK4", (slices) => ({ solver: rk4({ grid: grid(slices) }) })],
  [
    "RK4, 3/8 rule, logarithmic grid",
    (slices) => ({ solver: rk4({ grid: logGrid({ t1: T1, slices }), rule: "3/8" }) }),
  ],
  ["Dormand-Prince", dormandPrinceOnGrid],
];
const ways: [name: string, make: (slices: number) => Way][] = [
  ...solvers.flatMap(([name, make]) =>
    flows.map((flow): [string, (slices: number) => Way] => [
      `${name}, ${flow.name} ${typeof flow.alpha === "number" ? "" : "decaying"}`,
      (slices) => ({ flow, ...make(slices) }),
    ]),
  ),
  [
    "AMD",
    (slices) => ({
      flow: gradientFlow(),
      solver: amd({
        t1: T1,
        stepInit: T1 / slices,
        stepMax: (2 * T1) / slices,
        tolerance: 0,
      }),
    }),
  ],
];

/** Nine samples on decoders of sizes with tails, with weights and z0. */
function samplesFor(layers: number[]) {
  const decoder = createDecoder({ layers, activation: "tanh", outputActivation: "sigmoid", seed: 4 });
  const samples = 9;
  const y = randomArray(7, samples * decoder.outputSize, 0, 1);
  const weights = randomArray(8, y.length, 0.1, 1);
  return { decoder, y, weights, z0: randomArray(5, samples * decoder.latentSize) };
}

for (const [name, make] of ways) {
  test(`${name}: direct is the derivative of the whole solve`, async () => {
    for (const layers of [
      [1, 1],
      [3, 5],
      [2, 17, 3],
    ]) {
      const { decoder, y, ...data } = samplesFor(layers);
      const loss = binaryCrossEntropy({ reduction: "sum" });
      const way = { ...make(6), ...data };
      const { gradient } = await gradientOf(backend, decoder, loss, y, way, direct());
      const error = await errorByDifferences(gradient, decoder, loss, y, way);
      // What float32 makes of it; 4e-5 at most.
      assert.ok(error < 2e-4, `${layers}: off by ${error}`);
    }
  });

  test(`${name}: full approaches direct as the slices double`, async () => {
    const { decoder, y, ...data } = samplesFor([3, 9, 5]);
    const errors: number[] = [];
    for (const slices of [20, 40, 80]) {
      const way = { ...make(slices), ...data };
      const gradient = async (adjoint: Adjoint) =>
        (await gradientOf(backend, decoder, squaredError({ reduction: "sum" }), y, way, adjoint)).gradient;
      errors.push(relativeDistance(await gradient(full()), await gradient(direct())));
    }
    assert.ok(errors[0]! < 2e-2, `${errors}`);
    for (const [i, error] of errors.slice(1).entries()) {
      // Euler and AMD are of first order; below 3e-6 is what float32 leaves.
      assert.ok(error < Math.max(0.6 * errors[i]!, 3e-6), `${errors}`);
    }
  });
}

test("the solver's own steps are constants: Dormand-Prince's and AMD's, some hundred of them", async () => {
  const { decoder, y, ...data } = samplesFor([3, 9, 5]);
  const loss = binaryCrossEntropy();
  for (const way of [
    { flow: decaying, solver: dormandPrince({ t1: 100, rtol: 1e-7, atol: 1e-9 }) },
    { flow: nesterovFlow(), solver: dormandPrince({ t1: 10, rtol: 1e-7, atol: 1e-9, stepInit: 1e-4 }) },
    { flow: gradientFlow(), solver: amd({ t1: 400, stepMax: 4, tolerance: 0 }) },
  ]) {
    const all = { ...way, ...data };
    const { gradient, solution } = await gradientOf(backend, decoder, loss, y, all, direct());
    assert.ok(new Set(solution.acceptedSteps).size > 1 || way.solver.name === "amd", "samples differ");
    const error = await errorByDifferences(gradient, decoder, loss, y, all);
    assert.ok(error < 1e-3, `${way.solver.name}, ${way.flow.name}: off by ${error}`);
    const continuous = await gradientOf(backend, decoder, loss, y, all, full());
    assert.ok(relativeDistance(continuous.gradient, gradient) < 1e-2, `${way.solver.name}: full`);
  }
});

test("what the approximate gradient leaves out vanishes as the flow comes to rest", async () => {
  const { decoder, y } = samplesFor([2, 5]);
  const distances = async (t1: number) => {
    const way = { flow: gradientFlow(), solver: amd({ t1, tolerance: 0 }) };
    const gradient = async (adjoint: Adjoint) =>
      (await gradientOf(backend, decoder, binaryCrossEntropy(), y, way, adjoint)).gradient;
    const end = await gradient(approximate());
    return Promise.all([direct(), full()].map(async (other) => relativeDistance(end, await gradient(other))));
  };
  for (const early of await distances(10)) assert.ok(early > 0.1, `${early}`);
  for (const late of await distances(1e4)) assert.ok(late < 5e-3, `${late}`);
});

test("a sample's share depends on no other sample, bit for bit", async () => {
  const { decoder, y } = samplesFor([3, 17, 5]);
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const loss = squaredError({ reduction: "sum" });
  const z0 = randomArray(1, 9 * d);
  const one = { y: y.subarray(0, n), z0: z0.subarray(0, d) };
  // The mates start where their loss is 0: their own share is 0.
  const mates = await decode(decoder, z0.subarray(d), { backend });
  for (const flow of [gradientFlow(), nesterovFlow()]) {
    const solver = dormandPrince({ t1: 20 });
    for (const adjoint of [approximate(), full(), direct()]) {
      const alone = await gradientOf(backend, decoder, loss, one.y, { flow, solver, z0: one.z0 }, adjoint);
      for (const before of [0, 1, 5, 8]) {
        const place = (own: Float32Array, others: Float32Array, size: number) =>
          Float32Array.from([
            ...others.subarray(0, before * size),
            ...own,
            ...others.subarray(before * size),
          ]);
        const all = { flow, solver, z0: place(one.z0, z0.subarray(d), d) };
        const batch = await gradientOf(backend, decoder, loss, place(one.y, mates, n), all, adjoint);
        assert.is(batch.losses[before], alone.losses[0]);
        assert.equal(batch.gradient, alone.gradient, `${adjoint.name}, ${flow.name}, ${before} before`);
      }
    }
  }
});

test("the gradient of a mini-batch is the sum of its samples'", async () => {
  const { decoder, y, z0, weights } = samplesFor([3, 17, 5]);
  const [d, n] = [decoder.latentSize, decoder.outputSize];
  const way = { flow: decaying, solver: dormandPrince({ t1: 30 }) };
  for (const adjoint of [approximate(), full(), direct()]) {
    const all = await gradientOf(backend, decoder, binaryCrossEntropy(), y, { ...way, z0, weights }, adjoint);
    const sum = new Float64Array(all.gradient.length);
    for (let i = 0; i < 9; i++) {
      const part = (values: Float32Array, size: number) => values.subarray(i * size, (i + 1) * size);
      const own = { ...way, z0: part(z0, d), weights: part(weights, n) };
      const { gradient, losses } = await gradientOf(
        backend,
        decoder,
        binaryCrossEntropy(),
        part(y, n),
        own,
        adjoint,
      );
      assert.is(losses[0], all.losses[i]);
      for (const [k, value] of gradient.entries()) sum[k]! += value;
    }
    assert.ok(relativeDistance(all.gradient, sum) < 2e-6);
    const again = await gradientOf(
      backend,
      decoder,
      binaryCrossEntropy(),
      y,
      { ...way, z0, weights },
      adjoint,
    );
    assert.equal(again.gradient, all.gradient);
  }
});

test("without a step they are the gradient at z0; what is not finite is seen in the sums", async () => {
  const { decoder, y, z0 } = samplesFor([3, 5]);
  const way = { flow: gradientFlow(), solver: dormandPrince({ maxSteps: 0 }), z0 };
  const gradient = async (adjoint: Adjoint, at = z0) =>
    (await gradientOf(backend, decoder, squaredError(), y, { ...way, z0: at }, adjoint)).gradient;
  const end = await gradient(approximate());
  assert.ok(end.some((value) => value !== 0));
  for (const adjoint of [full(), direct()]) assert.equal(await gradient(adjoint), end);
  const broken = z0.map((value, i) => (i === 4 ? Number.NaN : value));
  for (const adjoint of [approximate(), full(), direct()]) {
    assert.ok((await gradient(adjoint, broken)).some(Number.isNaN));
  }
});

test("one mini-batch after the other takes the memory of the first, however long the ways", async () => {
  const { decoder, y } = samplesFor([3, 17, 5]);
  const { arena } = await packDecoder(decoder, await compileKernels(false));
  const sizes: number[] = [];
  for (const slices of [2, 3, 50, 2]) {
    const way = { flow: nesterovFlow(), solver: rk4({ grid: grid(slices) }) };
    for (const adjoint of [direct(), full(), approximate()]) {
      await gradientOf(backend, decoder, binaryCrossEntropy(), y, way, adjoint);
    }
    sizes.push(arena.byteLength);
  }
  assert.is(new Set(sizes).size, 1, sizes.join());
});

test("losses of the caller's own, with curvature", async () => {
  const poisson = customLoss({
    value: (o, y) => Math.exp(o) - y * o,
    gradient: (o, y) => Math.exp(o) - y,
    curvature: (o) => Math.exp(o),
  });
  const { decoder, y, ...data } = samplesFor([3, 9, 5]);
  const way = { flow: gradientFlow(), solver: rk4({ grid: grid(20) }), ...data };
  const { gradient } = await gradientOf(backend, decoder, poisson, y, way, direct());
  assert.ok((await errorByDifferences(gradient, decoder, poisson, y, way)) < 2e-4);
  const continuous = await gradientOf(backend, decoder, poisson, y, way, full());
  assert.ok(relativeDistance(continuous.gradient, gradient) < 1e-5);
});

test("what cannot be used is refused before any work", () => {
  const solver = rk4({ grid: grid(2) });
  const flat = customLoss({ value: (o) => o * o, gradient: (o) => 2 * o });
  const check = (
    adjoint: unknown,
    loss: Parameters<typeof checkAdjoint>[2] = binaryCrossEntropy(),
    by = solver,
  ) => checkAdjoint(adjoint as Adjoint, by, loss);
  for (const adjoint of [approximate(), full(), direct()]) assert.is(check(adjoint), adjoint);
  assert.is(check(approximate(), flat).name, "approximate");
  for (const adjoint of [undefined, "full", {}, full, { ...full(), copies: null }]) {
    refused(() => check(adjoint), "invalid_argument", /adjoint is .*, expected approximate\(\), full\(\) or/);
  }
  for (const adjoint of [full(), direct()]) {
    refused(
      () => check(adjoint, flat),
      "invalid_argument",
      /no second derivatives; or give customLoss a curv/,
    );
  }
  assert.is(check(approximate(), binaryCrossEntropy(), lbfgs() as never).name, "approximate");
  for (const adjoint of [full(), direct()]) {
    refused(
      () => check(adjoint, binaryCrossEntropy(), lbfgs() as never),
      "invalid_argument",
      /adjoint is (full|direct), expected approximate\(\), since solver lbfgs/,
    );
  }
  // lbfgs has no end and is refused for that; a method with an end and no tableau is none that users choose.
  refused(
    () => check(direct(), binaryCrossEntropy(), evaluateOnly as never),
    "invalid_argument",
    /adjoint is direct, expected full\(\), .*or use solver amd, euler, rk4 or dormandPrince/,
  );
});

test("adjoints are immutable", () => {
  for (const adjoint of [approximate(), full(), direct()]) assert.ok(Object.isFrozen(adjoint));
});

test.run();

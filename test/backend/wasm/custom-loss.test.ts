// run: both
import { test } from "uvu";
import * as assert from "uvu/assert";
import { direct } from "../../../src/adjoint/direct.ts";
import { full } from "../../../src/adjoint/full.ts";
import {
  amd,
  type Backend,
  createDecoder,
  customLoss,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  lbfgs,
  linearGrid,
  nesterovFlow,
  rk4,
  summary,
} from "../../../src/index.ts";
import { allRows } from "../../../src/solver/objective.ts";
import { train } from "../../../src/train/train.ts";
import { builds } from "../../support/builds.ts";
import { bindObjective } from "../../support/objective.ts";
import { randomArray } from "../../support/random.ts";
import { rejected } from "../../support/refusal.ts";

// What the functions of a loss of one's own are asked, and what becomes of whatever they answer.

const OUTPUTS = 6;
const SAMPLES = 4;
const decoder = createDecoder({ layers: [2, 7, OUTPUTS], seed: 3 });
const y = randomArray(1, SAMPLES * OUTPUTS, -2, 2);
const z0 = randomArray(2, SAMPLES * 2, -1, 1);

const SOLVERS: readonly Pick<EncodeOptions, "flow" | "solver">[] = [
  { solver: amd({ maxSteps: 60 }) },
  { solver: lbfgs({ maxSteps: 60 }) },
  { solver: euler({ grid: linearGrid({ t1: 20, slices: 40 }) }) },
  { solver: rk4({ grid: linearGrid({ t1: 20, slices: 20 }) }), flow: nesterovFlow() },
  { solver: dormandPrince({ t1: 20, maxSteps: 200 }) },
];
const nameOf = ({ solver }: Pick<EncodeOptions, "solver">) => solver!.name;

test("elements of weight 0 are never shown to value, gradient and curvature", async () => {
  const asked = { value: 0, gradient: 0, curvature: 0 };
  const show = (name: keyof typeof asked, output: number, target: number) => {
    // Targets are NaN where the weight is 0, and only there.
    if (Number.isNaN(target)) throw new Error(`${name} is asked of an element of weight 0`);
    asked[name]++;
    return output - target;
  };
  for (const reduction of ["mean", "sum"] as const) {
    const loss = customLoss({
      reduction,
      value: (output, target) => show("value", output, target) ** 2,
      gradient: (output, target) => 2 * show("gradient", output, target),
      curvature: (output, target) => 2 + 0 * show("curvature", output, target),
    });
    const shared = Float32Array.of(0, 1, 0.5, 0, 2, 1);
    const own = Float32Array.from(y, (_, i) => (i % 5 === 0 ? 0 : 1 + (i % 3)));
    for (const weights of [shared, own]) {
      const targets = y.map((target, i) => (weights[i % weights.length] === 0 ? Number.NaN : target));
      for (const options of SOLVERS) {
        const { loss: reached } = await encode(decoder, targets, {
          ...options,
          z0,
          loss,
          weights,
        } as EncodeOptions);
        assert.ok(reached.every(Number.isFinite), nameOf(options));
      }
      for (const adjoint of [full(), direct()]) {
        const { history } = await train(decoder, targets, {
          loss,
          weights,
          adjoint,
          solver: euler({ grid: linearGrid({ t1: 2, slices: 4 }) }),
        });
        assert.ok(Number.isFinite(history[0]!.gradientNorm));
      }
    }
  }
  for (const [name, count] of Object.entries(asked)) assert.ok(count > 100, `${name}: ${count}`);
});

const NOT_FINITE = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN];

/** (o - y)², with something else in the place of one of its functions where the output is above the wall. */
function walled(part: "value" | "gradient" | "curvature", wall: number, beyond: number) {
  const functions = {
    value: (o: number, target: number) => (o - target) ** 2,
    gradient: (o: number, target: number) => 2 * (o - target),
    curvature: () => 2,
  };
  const own: (o: number, target: number) => number = functions[part];
  return customLoss({
    ...functions,
    [part]: (o: number, target: number) => (o > wall ? beyond : own(o, target)),
  });
}

for (const options of SOLVERS) {
  const solve = (loss: ReturnType<typeof walled>) =>
    encode(decoder, y, { ...options, z0, loss } as EncodeOptions);

  test(`${nameOf(options)}: a value that is not finite, -∞ too, is never the best one`, async () => {
    const free = await solve(walled("value", Number.POSITIVE_INFINITY, 0));
    assert.ok(free.status.every((status) => status !== "nonfinite"));
    // Everywhere: there is nothing to start from.
    for (const beyond of NOT_FINITE) {
      const { status, loss, z, stats } = await solve(walled("value", Number.NEGATIVE_INFINITY, beyond));
      assert.ok(status.every((value) => value === "nonfinite"));
      assert.equal(z, z0);
      assert.equal(Array.from(loss), Array(SAMPLES).fill(beyond));
      assert.ok(stats.acceptedSteps.every((steps) => steps === 0));
    }
    // Across the way: the samples stay on this side of it, and whatever is there they take the same steps.
    const results = [];
    for (const beyond of NOT_FINITE) results.push(await solve(walled("value", 0.8, beyond)));
    for (const { z, loss, initialLoss, status, stats } of results) {
      assert.ok(loss.every((value, i) => Number.isFinite(value) && value <= initialLoss[i]!));
      assert.not.equal(z, free.z, "the wall stands in the way");
      assert.equal(z, results[0]!.z);
      assert.equal(loss, results[0]!.loss);
      assert.equal(status, results[0]!.status);
      assert.equal(stats, results[0]!.stats);
    }
    assert.ok(Number.isFinite(summary(results[0]!).meanLoss));
  });

  test(`${nameOf(options)}: a gradient that is not finite ends the sample, at the last z that is sound`, async () => {
    for (const beyond of NOT_FINITE) {
      const everywhere = await solve(walled("gradient", Number.NEGATIVE_INFINITY, beyond));
      assert.ok(everywhere.status.every((status) => status === "nonfinite"));
      assert.equal(everywhere.z, z0);
      assert.ok(everywhere.loss.every(Number.isFinite));
      const { status, loss, initialLoss, z } = await solve(walled("gradient", 0.8, beyond));
      // Dormand-Prince tries shorter steps first.
      const ends = ["nonfinite", ...(nameOf(options) === "dormandPrince" ? ["max_steps"] : [])];
      assert.ok(
        status.some((value) => ends.includes(value)),
        `${status}`,
      );
      assert.ok(z.every(Number.isFinite));
      assert.ok(loss.every((value, i) => Number.isFinite(value) && value <= initialLoss[i]!));
    }
  });
}

test("lbfgs: a curvature that is not finite, or negative, is a status, and the loss is no higher", async () => {
  const solver = lbfgs({ maxSteps: 30 });
  for (const beyond of [...NOT_FINITE, -1, -1e300, 1e300]) {
    for (const wall of [Number.NEGATIVE_INFINITY, 0.3]) {
      const loss = walled("curvature", wall, beyond);
      const result = await encode(decoder, y, { solver, z0, loss });
      result.loss.forEach((value, i) => {
        assert.ok(
          Number.isFinite(value) && value <= result.initialLoss[i]!,
          `${beyond}: ${result.status[i]}`,
        );
      });
      assert.ok(result.z.every(Number.isFinite));
    }
  }
});

test("a curvature below 0 counts as 0 in the Gauss-Newton matrix", async () => {
  const matrixOf = async (backend: Backend, below: number) => {
    const objective = await bindObjective(backend, decoder, walled("curvature", 0.2, below), y);
    const rows = allRows(SAMPLES);
    await objective.value(rows, Float64Array.from(z0));
    const matrices = await objective.curvature!.matrices(rows, "own");
    objective.dispose();
    return matrices;
  };
  for (const { backend } of builds) {
    const expected = await matrixOf(backend, 0);
    assert.ok(expected.some((value) => value > 0));
    for (const below of [-1e-30, -1, -1e30]) assert.equal(await matrixOf(backend, below), expected);
    assert.not.equal(await matrixOf(backend, 1), expected);
  }
});

test("a function that gives no number rejects the call, and says what it gave", async () => {
  const square = {
    value: (output: number, target: number) => (output - target) ** 2,
    gradient: (output: number, target: number) => 2 * (output - target),
    curvature: () => 2,
  };
  for (const [answer, shown] of [
    [
      async () => Promise.reject(new Error("later")),
      /a Promise, expected a number \(it must not be async\)$/,
    ],
    [async () => 1, /a Promise, expected a number \(it must not be async\)$/],
    [() => undefined, /undefined, expected a number$/],
    [() => "1", /"1", expected a number$/],
    [() => 1n, /a BigInt, expected/],
    [() => Symbol("1"), /a symbol, expected/],
  ] as const) {
    for (const name of ["value", "gradient", "curvature"] as const) {
      const loss = customLoss({ ...square, [name]: answer as () => never });
      const options = { loss, solver: lbfgs({ maxSteps: 60 }) };
      await rejected(encode(decoder, y, options), "invalid_argument", shown);
      await rejected(
        encode(decoder, y, options),
        "invalid_argument",
        new RegExp(`^customLoss: ${name} returned`),
      );
    }
  }
});

test("training: parameters stay finite, and as they were where the gradient is not", async () => {
  for (const part of ["value", "gradient"] as const) {
    for (const beyond of NOT_FINITE) {
      const loss = walled(part, Number.NEGATIVE_INFINITY, beyond);
      const { decoder: trained, history } = await train(decoder, y, { loss, solver: amd({ maxSteps: 5 }) });
      assert.is(history.length, 1);
      assert.ok(trained.parameters.every(Number.isFinite));
      if (part === "gradient") assert.equal(trained.parameters, decoder.parameters);
    }
  }
});

test.run();

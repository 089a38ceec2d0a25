// run: slow
// Tests src/solver/rk4.ts, src/solver/runge-kutta.ts, src/solver/integrate.ts, src/solver/tableaus.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  amd,
  createDecoder,
  dormandPrince,
  type EncodeOptions,
  encode,
  euler,
  expDecay,
  type Flow,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  type Solver,
  squaredError,
} from "../../src/index.ts";
import { timeOf } from "../../src/solver/grid.ts";
import { gridSteps } from "../../src/solver/integrate.ts";
import { DORMAND_PRINCE } from "../../src/solver/tableaus.ts";
import {
  type AnalyticLoss,
  type Integration,
  quadratic,
  quartic,
  solveAnalytic,
} from "../support/analytic.ts";
import { builds } from "../support/builds.ts";
import { relativeDistance } from "../support/reference.ts";
import { loadVectors, type ValueVectors, VECTOR_NAMES, vectorLoss } from "../support/reference-vectors.ts";
import { refused, rejected } from "../support/refusal.ts";

// The flows and the solvers that follow them, held against outside numbers and exact solutions.

interface Vectors extends ValueVectors {
  fixed_grid: {
    tau: number;
    slices: number;
    base: number;
    times: number[];
    rk4_z: number[][];
    euler_z: number[][];
  };
  nesterov: {
    tau: number;
    slices: number;
    base: number;
    epsilon: number;
    rk4_z: number[][];
    rk4_v: number[][];
    loss: number[];
  };
}

for (const { name: build, backend } of builds) {
  for (const name of VECTOR_NAMES) {
    test(`${build}: ${name}: Euler and RK4 with a decaying α`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      const { tau: t1, slices, base, times, rk4_z, euler_z } = vectors.fixed_grid;
      const grid = logGrid({ t1, slices, base });
      for (const [i, time] of times.entries()) assert.ok(Math.abs(timeOf(grid, i) - time) <= 1e-12 * t1);
      const options = {
        loss: vectorLoss(vectors),
        flow: gradientFlow({ alpha: expDecay({ rate: 2 }) }),
        backend,
      };
      for (const [solver, expected] of [
        [rk4({ grid }), rk4_z],
        [euler({ grid }), euler_z],
      ] as const) {
        const { z } = await encode(decoder, y, { ...options, solver });
        const error = relativeDistance(z, expected.flat());
        assert.ok(error < 1e-5, `${solver.name} off by ${error}`);
      }
    });

    test(`${build}: ${name}: the Nesterov flow`, async () => {
      const { vectors, decoder, y } = await loadVectors<Vectors>(name);
      const { tau: t1, slices, base, epsilon, rk4_z, rk4_v, loss: expectedLoss } = vectors.nesterov;
      const { z, v, loss } = await encode(decoder, y, {
        loss: vectorLoss(vectors),
        flow: nesterovFlow({ epsilon }),
        solver: rk4({ grid: logGrid({ t1, slices, base }) }),
        backend,
      });
      assert.ok(relativeDistance(z, rk4_z.flat()) < 1e-5);
      assert.ok(relativeDistance(v!, rk4_v.flat()) < 1e-5);
      assert.ok(relativeDistance(loss, expectedLoss) < 1e-5);
    });
  }
}

const T1 = 2;

/** A flow, a loss and where they lead from z0 until T1, exactly. */
interface Exact {
  readonly name: string;
  readonly flow: Flow;
  readonly loss: AnalyticLoss;
  readonly z0: number[];
  at(t: number): number[];
}

const problems: Exact[] = [
  {
    name: "linear",
    flow: gradientFlow(),
    loss: quadratic(1, 0.3),
    z0: [2, -1],
    at: (t) => [2 * Math.exp(-t), -Math.exp(-0.3 * t)],
  },
  {
    name: "linear with a decaying α",
    flow: gradientFlow({ alpha: expDecay({ rate: 3 }) }),
    loss: quadratic(2, 0.5),
    z0: [2, -1],
    at: (t) => {
      const integral = (T1 / 3) * (1 - Math.exp((-3 * t) / T1));
      return [2 * Math.exp(-2 * integral), -Math.exp(-0.5 * integral)];
    },
  },
  {
    name: "non-linear with a constant α",
    flow: gradientFlow({ alpha: 0.7 }),
    loss: quartic(),
    z0: [0.9, -0.5],
    at: (t) => [0.9, -0.5].map((z) => z / Math.sqrt(1 + 2 * 0.7 * z * z * t)),
  },
  {
    // v' = -3/(t+ε) v - g for a constant gradient g.
    name: "second order",
    flow: nesterovFlow({ epsilon: 1 }),
    loss: { value: (z) => 2 * z[0]! - z[1]!, gradient: () => [2, -1] },
    z0: [0, 1],
    at: (t) => {
      const s = t + 1;
      const path = (s ** 2 - 1) / 8 + (s ** -2 - 1) / 8;
      return [-2 * path, 1 + path];
    },
  },
];

/** Dormand-Prince's method on a grid, as the order of a method shows in steps of known length. */
function dormandPrinceOnGrid(slices: number): Integration {
  return { tableau: DORMAND_PRINCE, steps: gridSteps(linearGrid({ t1: T1, slices })) };
}

for (const [name, order, solver] of [
  ["Euler", 1, (slices: number) => euler({ grid: linearGrid({ t1: T1, slices }) })],
  ["RK4", 4, (slices: number) => rk4({ grid: linearGrid({ t1: T1, slices }) })],
  ["RK4, 3/8 rule", 4, (slices: number) => rk4({ grid: linearGrid({ t1: T1, slices }), rule: "3/8" })],
  ["RK4, logarithmic grid", 4, (slices: number) => rk4({ grid: logGrid({ t1: T1, slices }) })],
  ["Dormand-Prince", 5, dormandPrinceOnGrid],
] as const) {
  for (const { name: problem, flow, loss, z0, at } of problems) {
    test(`${name} converges with order ${order}: ${problem}`, async () => {
      // Also at a time within a step, to which a shorter one branches off.
      const within = 0.77;
      const errorsWith = async (slices: number): Promise<[number, number]> => {
        const { z, recording } = await solveAnalytic([loss], flow, solver(slices), z0, [within]);
        const kept = recording!.samples[0]!.states.slice(0, 2);
        return [relativeDistance(z, at(T1)), relativeDistance(kept, at(within))];
      };
      const coarse = await errorsWith(80);
      const fine = await errorsWith(160);
      for (const i of [0, 1] as const) {
        const observed = Math.log2(coarse[i] / fine[i]);
        // Above the order where the next term of the error has the other sign.
        assert.ok(
          observed > order - 0.4 && observed < order + 0.6,
          `order ${observed} (${coarse[i]}, ${fine[i]})`,
        );
      }
    });
  }
}

test("Dormand-Prince takes the steps of SciPy's RK45", async () => {
  // scipy 1.17.1: RK45(lambda t, y: -y**3, 0, [2, -1], 20, first_step=1)
  const solver = dormandPrince({ t1: 20 });
  const solution = await solveAnalytic([quartic()], gradientFlow(), solver, [2, -1], "steps");
  const expected = [
    0, 0.14150285486720549, 0.2691183971037291, 0.5359643431704122, 0.9477667664622327, 1.6431747421461864,
    2.779065078674668, 4.642510302393915, 7.6751355821975, 12.600436513404984, 20,
  ];
  const { t } = solution.recording!.samples[0]!;
  assert.is(t.length, expected.length);
  assert.ok(relativeDistance(t, expected) < 1e-10);
  assert.ok(relativeDistance(solution.z, [0.1579204282846624, -0.1563131036890693]) < 1e-10);
  assert.is(solution.backtracks[0], 2);
  assert.is(solution.valueEvaluations[0], 73);
  assert.is(solution.gradientEvaluations[0], 73);

  // The same for y' = -[1, 50] y from [1, -3] to 3 with rtol 1e-4 and atol 1e-7: 63 steps, 457 evaluations.
  const stiff = await solveAnalytic(
    [quadratic(1, 50)],
    gradientFlow(),
    dormandPrince({ t1: 3, rtol: 1e-4, atol: 1e-7 }),
    [1, -3],
  );
  assert.is(stiff.acceptedSteps[0], 63);
  assert.is(stiff.valueEvaluations[0], 457);
  assert.ok(Math.abs(stiff.z[0]! / 0.0497870684300215 - 1) < 1e-10);
});

/** Σ weights_i k_i, k the stages' derivatives along y' = rate · y from 1 with a step of h. */
function weighStages(weights: readonly number[], rate: number, h: number): number {
  const derivatives = [rate];
  const along = (row: readonly number[]) => row.reduce((sum, a, j) => sum + a * derivatives[j]!, 0);
  for (const stage of DORMAND_PRINCE.stages) derivatives.push(rate * (1 + h * along(stage.weights)));
  // The last one is the derivative at the step's end.
  derivatives.push(rate * (1 + h * along(DORMAND_PRINCE.weights)));
  return weights.reduce((sum, weight, i) => sum + weight * derivatives[i]!, 0);
}

test("Dormand-Prince's error is the root mean square of each number's own, by atol + rtol · the larger end", async () => {
  // Numbers that grow and that fall, of different sizes; each makes another part of the scale count.
  const h = 0.6;
  for (const [rates, z0, rtol, atol] of [
    [[1.1, -0.9], [1, 2], 1e-4, 1e-9],
    [[1.1, -1.3], [0.5, 40], 2e-4, 1e-9],
    [[-1.6, 0.2], [0.3, 7], 1e-4, 3e-3],
    [[1.3, 1.2, -1.4], [2, -0.01, 1e-4], 1e-5, 1e-4],
  ] as const) {
    const solver = dormandPrince({ t1: 100, rtol, atol, stepInit: h, maxSteps: 3 });
    const losses = [quadratic(...rates.map((rate) => -rate))];
    const { recording, backtracks } = await solveAnalytic(losses, gradientFlow(), solver, z0, "steps");
    let sum = 0;
    rates.forEach((rate, k) => {
      const next = z0[k]! * (1 + h * weighStages(DORMAND_PRINCE.weights, rate, h));
      const error = z0[k]! * h * weighStages(DORMAND_PRINCE.errorWeights!, rate, h);
      sum += (error / (atol + rtol * Math.max(Math.abs(z0[k]!), Math.abs(next)))) ** 2;
    });
    const norm = Math.sqrt(sum / rates.length);
    const factor = 0.9 * norm ** -0.2;
    assert.ok(factor > 0.2 && factor < 10, `${factor}`);
    const { t } = recording!.samples[0]!;
    // The second step is tried with this length: after the first one, or in its place.
    const start = norm <= 1 ? h : 0;
    if (norm <= 1) assert.is(t[1], h);
    const second = t[norm <= 1 ? 2 : 1]! - start;
    assert.is(backtracks[0], norm <= 1 ? 0 : 1);
    assert.ok(Math.abs(second / (h * factor) - 1) < 1e-9, `${second}, not ${h * factor}`);
  }
});

test("Dormand-Prince does not grow right after a step that was shortened, and then by ten at most", async () => {
  // On a straight way there is no error at all; beyond the wall there is nothing but.
  const wall: AnalyticLoss = { value: ([z]) => (z! < 1 ? -z! : Infinity), gradient: () => [-1] };
  const solver = dormandPrince({ t1: 100, stepInit: 0.5, maxSteps: 12 });
  const solution = await solveAnalytic([wall], gradientFlow(), solver, [0.55], "steps");
  const { recording, acceptedSteps, backtracks } = solution;
  const { t } = recording!.samples[0]!;
  const lengths = t.slice(1).map((end, i) => end - t[i]!);
  const near = (got: number, expected: number) =>
    assert.ok(Math.abs(got - expected) < 1e-12, `${got}, not ${expected}: ${lengths}`);
  // 0.5 is too long, 0.1 is not, and 0.1 again; 1 is, 0.2 is not, 0.2 again is, 0.04 is not.
  [0.1, 0.1, 0.2, 0.04].forEach((length, i) => {
    near(lengths[i]!, length);
  });
  assert.is(acceptedSteps[0]! + backtracks[0]!, 12, "maxSteps counts both");
  // Without a wall: ten times as long each time, to t1.
  const free: AnalyticLoss = { value: ([z]) => -z!, gradient: () => [-1] };
  const straight = await solveAnalytic([free], gradientFlow(), solver, [0], "steps");
  assert.ok(relativeDistance(straight.recording!.samples[0]!.t, [0, 0.5, 5.5, 55.5, 100]) < 1e-12);
});

test("Dormand-Prince's error follows its tolerances", async () => {
  for (const { name, flow, loss, z0, at } of problems) {
    for (const rtol of [1e-4, 1e-7, 1e-10]) {
      const solver = dormandPrince({ t1: T1, rtol, atol: rtol });
      const { z } = await solveAnalytic([loss], flow, solver, z0);
      const error = relativeDistance(z, at(T1));
      assert.ok(error < 20 * rtol, `${name}: off by ${error} at rtol ${rtol}`);
    }
  }
});

test("each sample has its own steps: a stiff mate changes nothing", async () => {
  const solver = dormandPrince({ t1: T1 });
  const alone = await solveAnalytic([quartic()], gradientFlow(), solver, [2]);
  const both = await solveAnalytic([quadratic(1e4), quartic()], gradientFlow(), solver, [1, 2]);
  assert.is(both.z[1], alone.z[0]);
  assert.is(both.acceptedSteps[1], alone.acceptedSteps[0]);
  assert.ok(both.acceptedSteps[0]! > 100 * both.acceptedSteps[1]!);
});

test("AMD's points between steps lie on its straight way", async () => {
  // One step of length 1/4 down z²/2, from 1 to 3/4.
  const solver = amd({ t1: 0.25, tolerance: 0 });
  const { recording } = await solveAnalytic([quadratic(1)], gradientFlow(), solver, [1], [0.125, 0.25]);
  const { t, states, losses } = recording!.samples[0]!;
  assert.equal(t, [0.125, 0.25]);
  assert.equal(states, [0.875, 0.75]);
  assert.equal(losses, [0.875 ** 2 / 2, 0.75 ** 2 / 2]);
});

test("a step that is too short for t to show it is kept as any other", async () => {
  // From 1 to 0 at 2⁵⁷, whose next number is 32 more; and then to -1, in a step of 1.
  const valley: AnalyticLoss = {
    value: ([z]) => Math.abs(z! + 1),
    gradient: ([z]) => [z! >= 1 ? 2 ** -57 : 1],
  };
  const solver = amd({ t1: 2 ** 60, stepInit: 2 ** 57, decreaseFactor: 0.5, maxSteps: 2 });
  const solution = await solveAnalytic([valley], gradientFlow(), solver, [1], "steps");
  const { t, states } = solution.recording!.samples[0]!;
  assert.is(solution.acceptedSteps[0], 2);
  assert.equal(t, [0, 2 ** 57, 2 ** 57]);
  assert.equal(states, [1, 0, -1]);
});

test("a way that explodes ends as nonfinite, at its last sound z", async () => {
  // dz/dt = z³ from 1 is infinite at t = 1/2.
  const grid = linearGrid({ t1: 10, slices: 100 });
  for (const solver of [euler({ grid }), rk4({ grid }), dormandPrince({ t1: 10 })]) {
    const losses = [quartic(-1), quadratic(1)];
    const solution = await solveAnalytic(losses, gradientFlow(), solver, [1, 1], "steps");
    const [status, other] = solution.statuses();
    assert.is(other, "reached_t1", "its mate goes on");
    // Dormand-Prince sees it coming and runs out of shorter steps.
    assert.ok(solver.name === "dormandPrince" ? status !== "reached_t1" : status === "nonfinite", status);
    assert.ok(solution.t[0]! < (solver.name === "euler" ? 2 : 1));
    assert.ok(Number.isFinite(solution.z[0]!) && Number.isFinite(solution.objective[0]!));
    assert.is(solution.objective[0], quartic(-1).value(solution.z.slice(0, 1)));
    assert.is(solution.recording!.samples[0]!.t.length, solution.acceptedSteps[0]! + 1);
  }
});

test("a state that overflows ends the sample, be its loss as finite as its derivative", async () => {
  const steep: AnalyticLoss = { value: () => 1, gradient: () => [1e308] };
  const grid = linearGrid({ t1: 20, slices: 2 });
  for (const solver of [
    euler({ grid }),
    rk4({ grid }),
    dormandPrince({ t1: 20, stepInit: 10, maxSteps: 1 }),
  ]) {
    const { status, solution } = await statusOf(solver, steep, 0.5);
    assert.is(status, solver.name === "dormandPrince" ? "max_steps" : "nonfinite");
    assert.is(solution.z[0], 0.5);
  }
});

test("a wall of infinite loss ends Dormand-Prince as nonfinite, in front of it", async () => {
  const wall: AnalyticLoss = {
    value: ([z]) => (z! < 1 ? -z! : Infinity),
    gradient: () => [-1],
  };
  const { status, solution } = await statusOf(dormandPrince({ t1: 10, stepInit: 0.3 }), wall, 0);
  assert.is(status, "nonfinite");
  assert.ok(solution.z[0]! < 1 && solution.z[0]! > 1 - 1e-9);
});

async function statusOf(solver: Solver<Flow>, loss: AnalyticLoss, z0: number) {
  const solution = await solveAnalytic([loss], gradientFlow(), solver, [z0]);
  return { status: solution.statuses()[0], solution };
}

test("the other statuses can be had", async () => {
  const grid = linearGrid({ t1: 1, slices: 3 });
  for (const solver of [euler({ grid }), rk4({ grid }), dormandPrince({ t1: 1 })]) {
    const nowhere = { value: () => Number.NaN, gradient: () => [1] };
    const sheer = { value: () => 1, gradient: () => [Infinity] };
    for (const loss of [nowhere, sheer]) {
      const { status, solution } = await statusOf(solver, loss, 0.5);
      assert.is(status, "nonfinite");
      assert.is(solution.z[0], 0.5);
      assert.is(solution.acceptedSteps[0], 0);
    }
  }
  const cut = await statusOf(dormandPrince({ t1: 1, stepInit: 1e-3, maxSteps: 2 }), quadratic(1), 1);
  assert.is(cut.status, "max_steps");
  assert.is(cut.solution.acceptedSteps[0], 2);
  const none = await statusOf(dormandPrince({ maxSteps: 0 }), quadratic(1), 1);
  assert.is(none.status, "max_steps");
  assert.is(none.solution.objective[0], 0.5);
  assert.is(none.solution.gradientEvaluations[0], 1);
  assert.is(none.solution.gradientNorm[0], 1);
  // A derivative that jumps to and fro with ever smaller steps has no error within a tolerance of 1e-300.
  const rough = { value: () => 1, gradient: ([z]: Float64Array) => [Math.sin(1e20 * z!) + 2] };
  const stalled = await statusOf(dormandPrince({ t1: 1, rtol: 0, atol: 1e-300 }), rough, 1e-3);
  assert.is(stalled.status, "stalled");
  assert.is(stalled.solution.z[0], 1e-3);
});

const decoder = createDecoder({ layers: [2, 3], outputActivation: "identity", loss: squaredError() });
const y = new Float32Array(3);

function untyped<T>(value: unknown): T {
  return value as T;
}

test("a flow and a solver that do not go together are refused, by the types and by encode", async () => {
  const grid = linearGrid({ t1: 1, slices: 3 });
  const message = (name: string) =>
    new RegExp(
      `encode: solver is ${name}, expected euler, rk4 .* other than gradientFlow\\(\\) with alpha 1`,
    );
  // @ts-expect-error amd follows the gradient flow only
  const second: EncodeOptions = { flow: nesterovFlow(), solver: amd() };
  // @ts-expect-error and only at α = 1
  const decaying: EncodeOptions = { flow: gradientFlow({ alpha: expDecay() }), solver: amd() };
  // @ts-expect-error lbfgs goes where that flow comes to rest
  const rest: EncodeOptions = { flow: nesterovFlow(), solver: lbfgs() };
  // @ts-expect-error lbfgs is the default
  const byDefault: EncodeOptions = { flow: gradientFlow({ alpha: 0.5 }) };
  for (const [options, name] of [
    [second, "amd"],
    [decaying, "amd"],
    [rest, "lbfgs"],
    [byDefault, "lbfgs"],
  ] as const) {
    await rejected(encode(decoder, y, options), "invalid_argument", message(name));
  }
  const right: EncodeOptions[] = [
    {},
    { flow: gradientFlow() },
    { flow: gradientFlow({ alpha: 1 }), solver: amd() },
    { flow: gradientFlow({ alpha: 1 }), solver: lbfgs() },
    { solver: rk4({ grid }) },
    { flow: nesterovFlow(), solver: euler({ grid }) },
  ];
  for (const options of right) assert.is((await encode(decoder, y, options)).status.length, 1);
});

test("encode refuses flows and times that are none", async () => {
  const gone = Float32Array.of(0, 1);
  structuredClone(gone, { transfer: [gone.buffer] });
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ flow: "gradientFlow" }, /flow is "gradientFlow", expected gradientFlow\(\) or nesterovFlow\(\)/],
    [{ saveAt: "all" }, /saveAt is "all", expected "steps" or an array of times/],
    [{ saveAt: 3 }, /saveAt is 3/],
    [{ saveAt: null }, /saveAt is null/],
    [{ saveAt: [0, 1, 1] }, /saveAt\[2\] is 1 after 1, expected ascending times/],
    // L-BFGS has no end t1.
    [{ saveAt: [-1] }, /saveAt\[0\] is -1, expected a finite number >= 0$/],
    [{ saveAt: [0, Infinity] }, /saveAt\[1\] is Infinity/],
    [{ saveAt: [-1], solver: amd() }, /saveAt\[0\] is -1, expected a finite number >= 0 and <= 10000/],
    [{ saveAt: [0, 10001], solver: amd() }, /saveAt\[1\] is 10001/],
    [{ saveAt: [0, "1"] }, /saveAt\[1\] is "1"/],
    [{ saveAt: new DataView(new ArrayBuffer(8)) }, /saveAt is a DataView/],
    [{ saveAt: gone }, /the buffer of saveAt has been detached/],
  ];
  for (const [options, message] of cases) {
    await rejected(encode(decoder, y, untyped<EncodeOptions>(options)), "invalid_argument", message);
  }
});

test("flows, grids and solvers refuse unknown options and values out of range", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => gradientFlow(untyped({ beta: 1 })), /gradientFlow: unknown option "beta"/],
    [() => gradientFlow({ alpha: 0 }), /alpha is 0, expected a finite number > 0/],
    [() => gradientFlow(untyped({ alpha: "1" })), /alpha is "1", expected a number > 0 or expDecay\(\)/],
    [() => nesterovFlow({ epsilon: 0 }), /nesterovFlow: epsilon is 0/],
    [() => nesterovFlow({ alpha: -1 }), /nesterovFlow: alpha is -1/],
    [() => expDecay({ rate: -1 }), /expDecay: rate is -1/],
    [() => expDecay(untyped({ t1: 1 })), /unknown option "t1"/],
    [() => logGrid({ t1: 0, slices: 1 }), /logGrid: t1 is 0/],
    [() => logGrid({ t1: 1, slices: 0 }), /slices is 0, expected an integer >= 1/],
    [() => logGrid({ t1: 1, slices: 3, base: 1 }), /base is 1, expected a finite number > 1/],
    [() => linearGrid(untyped({ t1: 1 })), /linearGrid: slices is undefined/],
    [() => linearGrid(untyped(undefined)), /linearGrid: t1 is undefined/],
    [() => linearGrid(untyped({ t1: 1, slices: 1, base: 4 })), /unknown option "base"/],
    [() => euler(untyped(undefined)), /euler: grid is undefined, expected linearGrid\(\) or logGrid\(\)/],
    [() => rk4(untyped({ grid: 4 })), /rk4: grid is 4/],
    [
      () => rk4(untyped({ grid: linearGrid({ t1: 1, slices: 1 }), rule: "5/8" })),
      /rule is "5\/8", expected "classic" or "3\/8"/,
    ],
    [() => dormandPrince(untyped({ tol: 1 })), /dormandPrince: unknown option "tol"/],
    [() => dormandPrince({ t1: -1 }), /t1 is -1/],
    [() => dormandPrince({ rtol: -1 }), /rtol is -1/],
    [() => dormandPrince({ atol: 0 }), /atol is 0/],
    [() => dormandPrince({ stepInit: 0 }), /stepInit is 0/],
    [() => dormandPrince({ maxSteps: 1.5 }), /maxSteps is 1.5/],
  ];
  for (const [call, message] of cases) refused(call, "invalid_argument", message);
  assert.is(dormandPrince(untyped({ rtol: undefined })).rtol, 1e-3, "undefined means the default");
});

test("flows, grids and solvers are immutable", () => {
  const grid = linearGrid({ t1: 1, slices: 1 });
  for (const value of [gradientFlow(), nesterovFlow(), expDecay(), grid, euler({ grid }), rk4({ grid })]) {
    assert.ok(Object.isFrozen(value));
  }
  assert.ok(Object.isFrozen(dormandPrince()));
  for (const slices of [1, 3, 49, 100]) {
    for (const t1 of [0.1, 7, 1e4 / 3]) {
      assert.is(timeOf(logGrid({ t1, slices, base: 2.7 }), slices), t1);
      assert.is(timeOf(linearGrid({ t1, slices }), slices), t1);
      assert.is(timeOf(logGrid({ t1, slices }), 0), 0);
    }
  }
});

test.run();

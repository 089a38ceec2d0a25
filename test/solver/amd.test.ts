import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AmdOptions,
  amd,
  createDecoder,
  encode,
  gradientFlow,
  lbfgs,
  squaredError,
} from "../../src/index.ts";
import { quadratic, solveAnalytic } from "../support/analytic.ts";
import { builds } from "../support/builds.ts";

// AMD's rules one by one, on the general path and fused in every build, for z² from 1: a step of s leads to (1 - 2s)·z,
// exactly where s is a short binary fraction, and lowers the loss where s < 1.

/** What a run comes to. */
interface Run {
  readonly z: number;
  readonly status: string;
  readonly t: number;
  readonly accepted: number;
  readonly backtracks: number;
}

type Solve = (options: AmdOptions) => Promise<Run>;

const ways: { readonly name: string; readonly solve: Solve }[] = [
  {
    name: "general",
    async solve(options) {
      const solution = await solveAnalytic([quadratic(2)], gradientFlow(), amd(options), [1]);
      return {
        z: solution.z[0]!,
        status: solution.statuses()[0]!,
        t: solution.t[0]!,
        accepted: solution.acceptedSteps[0]!,
        backtracks: solution.backtracks[0]!,
      };
    },
  },
  ...builds.map(({ name, backend }) => ({
    name: `fused, ${name}`,
    async solve(options: AmdOptions) {
      const decoder = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1 });
      decoder.parameters.set([1, 0]);
      const { z, status, stats } = await encode(decoder, Float32Array.of(0), {
        loss: squaredError(),
        solver: amd(options),
        z0: Float32Array.of(1),
        backend,
      });
      return {
        z: z[0]!,
        status: status[0]!,
        t: stats.t[0]!,
        accepted: stats.acceptedSteps[0]!,
        backtracks: stats.backtracks[0]!,
      };
    },
  })),
];

const STEP = 1 / 128;
const fixed = { stepInit: STEP, stepMax: STEP, increaseFactor: 1, t1: 1 };

for (const { name, solve } of ways) {
  test(`${name}: it may converge at the very time settle · t1, and not before`, async () => {
    for (const [settle, steps] of [
      [0.25, 32],
      [0.25 - 1e-9, 32],
      [0.25 + 1e-9, 33],
    ] as const) {
      const run = await solve({ ...fixed, tolerance: 1e6, window: 2, settle });
      assert.equal([run.status, run.accepted, run.t], ["converged", steps, steps * STEP], `settle ${settle}`);
    }
  });

  test(`${name}: it may converge once the window is full, and not before`, async () => {
    for (const window of [2, 3, 7]) {
      const run = await solve({ ...fixed, tolerance: 1e6, window, settle: 0 });
      assert.equal([run.status, run.accepted], ["converged", window]);
    }
  });

  test(`${name}: it converges when the window's mean slope is below the tolerance, and not before`, async () => {
    const loss = (n: number) => (1 - 2 * STEP) ** (2 * n);
    // Of the five losses up to the n-th, the mean of their differences: one-sided at the ends, else central.
    const slope = (n: number) => {
      const ends = loss(n - 4) - loss(n - 3) + (loss(n - 1) - loss(n));
      const central = [3, 2, 1].map((back) => (loss(n - back - 1) - loss(n - back + 1)) / 2);
      return (ends + central.reduce((sum, difference) => sum + difference, 0)) / 5;
    };
    for (const n of [5, 6, 20, 60]) {
      // Between this step's slope and that before it.
      const tolerance = (slope(n) + slope(n - 1)) / 2;
      const run = await solve({ ...fixed, tolerance, window: 5, settle: 0 });
      assert.equal([run.status, run.accepted], ["converged", n]);
    }
  });

  test(`${name}: the last step ends at t1 exactly, and every step is δt·g`, async () => {
    const run = await solve({ ...fixed, t1: 10.5 * STEP, tolerance: 0 });
    assert.equal([run.status, run.accepted, run.t], ["reached_t1", 11, 10.5 * STEP]);
    const expected = (1 - 2 * STEP) ** 10 * (1 - STEP);
    assert.ok(Math.abs(run.z / expected - 1) < 1e-6, `${run.z}, not ${expected}`);
  });

  test(`${name}: steps grow by the factor from stepInit to stepMax, also after shorter ones`, async () => {
    const times: number[] = [];
    for (let maxSteps = 1; maxSteps <= 5; maxSteps++) {
      const { t } = await solve({ t1: 100, stepInit: 1 / 16, stepMax: 0.25, increaseFactor: 2, maxSteps });
      times.push(t);
    }
    assert.equal(times, [0.0625, 0.1875, 0.4375, 0.6875, 0.9375]);
    // Those of 1 and more overshoot, and are halved: 1.25, which is then what growth begins at, or not.
    const overshooting = {
      t1: 100,
      stepInit: 1.25,
      stepMax: 4,
      increaseFactor: 1.25,
      decreaseFactor: 0.5,
    };
    const after = async (growFrom: "accepted" | "trial", maxSteps: number) =>
      (await solve({ ...overshooting, growFrom, maxSteps })).t;
    assert.equal([await after("accepted", 1), await after("trial", 1)], [0.625, 0.625]);
    // From the step taken 0.78, under stepInit; from the one tried 1.5625.
    assert.equal([await after("accepted", 2), await after("trial", 2)], [1.25, 0.625 + 0.78125]);
  });

  test(`${name}: slope asks for a share of δt·‖g‖², and as many backtracks as there may be are tried`, async () => {
    // A step of s lowers z² by 4s(1 - s)·z², a share of 1 - s of s·‖g‖².
    const once = { t1: 100, stepInit: 0.75, stepMax: 0.75, decreaseFactor: 0.5, maxSteps: 1, tolerance: 0 };
    assert.equal((await solve({ ...once, slope: 0.2 })).t, 0.75);
    assert.equal((await solve({ ...once, slope: 0.3 })).t, 0.375);
    assert.equal((await solve({ ...once, slope: 0.7 })).t, 0.1875);
    for (const [maxBacktracks, status] of [
      [1, "stalled"],
      [2, "max_steps"],
    ] as const) {
      const run = await solve({ ...once, slope: 0.7, maxBacktracks });
      assert.equal([run.status, run.backtracks], [status, maxBacktracks]);
    }
  });

  test(`${name}: a step that leaves the loss as it is, is not taken`, async () => {
    // From 1 to -1, and then half of it, to the minimum.
    const steps = { t1: 100, stepInit: 1, stepMax: 1, decreaseFactor: 0.5, maxSteps: 1, tolerance: 0 };
    const run = await solve(steps);
    assert.equal([run.t, run.backtracks], [0.5, 1]);
  });
}

for (const { name, backend } of builds) {
  test(`${name}: an infinite gradient of a finite loss ends the sample where it is`, async () => {
    // (1e30·z + 1e19)², whose derivative at 0 is 2e49.
    const decoder = createDecoder({ layers: [1, 1], outputActivation: "identity", seed: 1 });
    decoder.parameters.set([1e30, 1e19]);
    for (const solver of [amd(), lbfgs()]) {
      // With points on the way it goes the general path.
      for (const saveAt of [undefined, "steps"] as const) {
        const options = { loss: squaredError(), solver, backend, ...(saveAt && { saveAt }) };
        const { status, z, loss, stats } = await encode(decoder, Float32Array.of(0), options);
        assert.equal([status[0], z[0], stats.valueEvaluations[0]], ["nonfinite", 0, 1], solver.name);
        assert.ok(Math.abs(loss[0]! / 1e38 - 1) < 1e-6);
      }
    }
  });
}

test("a point within a step is as far along it as its time is, however long the step", async () => {
  const loss = { value: ([z]: Float64Array) => -z!, gradient: () => [-1] };
  const solver = amd({ t1: 100, stepInit: 10, stepMax: 10, tolerance: 0 });
  const { recording, acceptedSteps } = await solveAnalytic([loss], gradientFlow(), solver, [0], [0, 5, 100]);
  assert.equal([recording!.samples[0]!.states, acceptedSteps[0]], [[0, 5, 100], 10]);
});

test.run();

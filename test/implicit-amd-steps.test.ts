import { test } from "uvu";
import * as assert from "uvu/assert";
import { gradientFlow, type ImplicitAmdOptions, implicitAmd } from "../src/index.ts";
import { Solution } from "../src/solver/base.ts";
import { LEAST_DAMPING } from "../src/solver/implicit-amd.ts";
import type { SaveAt } from "../src/solver/recording.ts";
import { analyticObjective, quadratic } from "./support/analytic.ts";

// Implicit AMD's steps in numbers: λz²/2 from 1, whose Gauss-Newton matrix claims another curvature, M. That the fused
// solver takes the same steps, bit for bit, is held in implicit-amd.test.ts.

async function solve(lambda: number, matrix: number, options: ImplicitAmdOptions, saveAt?: SaveAt) {
  let made = 0;
  const objective = {
    ...analyticObjective(1, [quadratic(lambda)]),
    gaussNewton: async () => {
      made++;
      return Float64Array.of(matrix);
    },
  };
  const solution = new Solution(1, 1, undefined, { saveAt });
  solution.z.set([1]);
  const control = { aborted: () => false, pause: async () => {} };
  await implicitAmd({ tolerance: 0, ...options }).solve(objective, gradientFlow(), solution, 0, control);
  return { z: solution.z[0]!, t: solution.t[0]!, made, recording: solution.recording, solution };
}

/** z after a step of length dt with a matrix. */
const stepFrom = (z: number, lambda: number, matrix: number, dt: number) =>
  z - (lambda * z) / (matrix + 1 / dt);

function near(got: number, expected: number): void {
  assert.ok(Math.abs(got / expected - 1) < 1e-12, `${got}, not ${expected}`);
}

const [INIT, GROWTH] = [0.5, 1.5];
const steps = { stepInit: INIT, increaseFactor: GROWTH };

test("the first steps are explicit, as many as asked for, and grow", async () => {
  for (const explicitSteps of [1, 2, 3]) {
    const { z, t, made } = await solve(0.2, 7, { ...steps, explicitSteps, maxSteps: explicitSteps });
    let expected = 1;
    let time = 0;
    for (let i = 0; i < explicitSteps; i++) {
      expected *= 1 - 0.2 * INIT * GROWTH ** i;
      time += INIT * GROWTH ** i;
    }
    near(z, expected);
    near(t, time);
    assert.is(made, 0);
  }
});

test("a step across which the loss bends by a hundredth of what the matrix said corrects it, by less does not", async () => {
  const given = 10;
  const matrix = given * (1 + LEAST_DAMPING);
  for (const [share, isCorrected] of [
    [0.9, true],
    [0.2, true],
    [0.0101, true],
    [0.0099, false],
  ] as const) {
    const lambda = share * matrix;
    const { z, made } = await solve(lambda, given, {
      ...steps,
      explicitSteps: 0,
      matrixSteps: 9,
      maxSteps: 2,
    });
    const first = stepFrom(1, lambda, matrix, INIT);
    near(z, stepFrom(first, lambda, isCorrected ? lambda : matrix, INIT * GROWTH));
    assert.is(made, 1);
  }
});

test("a matrix makes as many steps as asked for, then there is a new one", async () => {
  for (const matrixSteps of [1, 2, 3]) {
    const { made } = await solve(0.2, 1, { ...steps, explicitSteps: 2, matrixSteps, maxSteps: 2 + 6 });
    assert.is(made, 6 / matrixSteps);
  }
});

test("steps are no longer than the matrix's rounding allows", async () => {
  // One step of 1e12 if it could be; 1/δt is at least a share of M.
  const options = { stepInit: 1, increaseFactor: 1e12, explicitSteps: 1, maxSteps: 4, matrixSteps: 9 };
  const { t } = await solve(1e-3, 1e-3, options);
  // After the explicit step 1e12, then with a matrix the longest there is.
  const longest = 1 / (LEAST_DAMPING * 1e-3);
  assert.ok(t > longest && t < 1 + 1e12 + 2.1 * longest, `${t}`);
});

test("points within a step are the ends of shorter steps, explicit and implicit", async () => {
  const [lambda, given] = [0.8, 3];
  const matrix = given * (1 + LEAST_DAMPING);
  const options = { ...steps, explicitSteps: 1, matrixSteps: 9, maxSteps: 2 };
  const times = [0.2, INIT + 0.3];
  const { z, recording } = await solve(lambda, given, options, times);
  const { t, states, loss } = recording!.samples[0]!;
  const middle = 1 - lambda * INIT;
  near(z, stepFrom(middle, lambda, matrix, INIT * GROWTH));
  assert.equal(t.slice(0, 2), times);
  near(states[0]!, 1 - lambda * 0.2);
  near(states[1]!, stepFrom(middle, lambda, matrix, 0.3));
  near(loss[1]!, (lambda * states[1]! ** 2) / 2);
});

test.run();

import type { OwnMethod } from "../bench/own-method.ts";
import { mean } from "../bench/timing.ts";
import { allRows } from "../src/solver/objective.ts";
import { STATUSES } from "../src/solver/status.ts";

const T1 = 1e4;
const [STEP_INIT, STEP_MAX, GROWTH] = [1, 10, 1.1];
/** A step below this has failed: it is taken all the same, as short as it is, and t goes on by FAILED_STEP. */
const [SHORTEST, FAILED_STEP] = [0.5 ** 20, 10];
/** Of Armijo's condition, which has the step beside the longest step and the gradient where the step ends. */
const SLOPE = 1e-5 * STEP_MAX;
const [TOLERANCE, WINDOW, SETTLED] = [1e-5, 5, 0.02 * T1];

/**
 * AMD as the authors' code has it in its MNIST configuration, where it differs from the paper: one step size for all
 * samples of a mini-batch, halved until each of them falls by 1e-4 δt ‖∇l‖², ∇l at the end of the step; a step that has
 * become shorter than 2^-20 is taken all the same, t goes on by 10, and the next step is 10; the five losses of the stop are
 * of t ≥ 0.02 τ. Their ten time points between 0 and τ, at which steps are cut, are not here. Samples are coupled: this is
 * for comparison, and no part of the package.
 */
export const coupledAmd: OwnMethod = async (objective, solution, first, control) => {
  const { sampleCount, latentSize: d } = objective;
  const rows = allRows(sampleCount);
  const z = solution.z.subarray(first * d, (first + sampleCount) * d);
  const next = z.slice();
  let losses: Float64Array = (await objective.value(rows, z)).slice();
  let gradients: Float64Array = (await objective.gradient(rows)).slice();
  let evaluations = 1;
  let accepted = 0;
  let t = 0;
  let step = STEP_INIT;
  const means: number[] = [];
  solution.initialObjective.set(losses, first);
  solution.initialLoss.set(losses, first);
  while (t < T1 && !control.aborted()) {
    let dt = Math.min(step, T1 - t);
    let tried: Float64Array;
    let triedGradients: Float64Array;
    for (;;) {
      for (let i = 0; i < z.length; i++) next[i] = z[i]! - dt * gradients[i]!;
      tried = (await objective.value(rows, next)).slice();
      triedGradients = (await objective.gradient(rows)).slice();
      evaluations++;
      const falls = rows.every(
        (row) => losses[row]! - tried[row]! >= SLOPE * dt * squareOf(triedGradients, row, d),
      );
      if (falls || dt < SHORTEST) break;
      dt /= 2;
    }
    if (dt < SHORTEST) dt = Math.min(FAILED_STEP, T1 - t);
    t += dt;
    step = Math.min(Math.max(GROWTH * dt, STEP_INIT), STEP_MAX);
    z.set(next);
    losses = tried;
    gradients = triedGradients;
    accepted++;
    if (t >= SETTLED) means.push(mean(losses));
    const [l0, l1, , l3, l4] = means.slice(-WINDOW);
    if (means.length >= WINDOW && Math.abs((3 * (l4! - l0!) + l1! - l3!) / 10) < TOLERANCE) break;
    await control.pause();
  }
  for (const row of rows) {
    const gradient = gradients.subarray(row * d, (row + 1) * d);
    solution.objective[first + row] = losses[row]!;
    solution.loss[first + row] = losses[row]!;
    solution.gradientNorm[first + row] = Math.hypot(...gradient);
    solution.acceptedSteps[first + row] = accepted;
    solution.valueEvaluations[first + row] = evaluations;
    solution.gradientEvaluations[first + row] = evaluations;
    solution.t[first + row] = t;
    solution.end(first + row, STATUSES.indexOf(t < T1 ? "converged" : "reached_t1"));
  }
};

/** Of row `row` of [·, d]. */
function squareOf(values: Float64Array, row: number, d: number): number {
  let sum = 0;
  for (let i = row * d; i < (row + 1) * d; i++) sum += values[i]! ** 2;
  return sum;
}

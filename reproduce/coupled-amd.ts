import type { GradientFlow, Solver } from "../src/index.ts";
import { STATUSES } from "../src/result.ts";

const T1 = 1e4;
const [STEP_INIT, STEP_MAX, GROWTH] = [1, 10, 1.1];
/** Halvings, after which a step is taken all the same. */
const HALVINGS = 20;
const [TOLERANCE, WINDOW, SETTLED] = [1e-5, 5, 0.02 * T1];

/**
 * AMD as the authors' code has it in its MNIST configuration, where it differs from the paper: one step size for all
 * samples of a mini-batch, all of which have to improve; after 20 halvings the step is taken all the same, and t goes on
 * by 10. Samples are coupled: this is for comparison, and no part of the package.
 */
export function coupledAmd(): Solver<GradientFlow<1>> {
  return {
    name: "coupledAmd",
    t1: T1,
    flows: "unitGradient",
    async solve(objective, _flow, solution, first, control) {
      const { sampleCount, latentSize: d } = objective;
      const rows = Int32Array.from({ length: sampleCount }, (_, row) => row);
      const z = solution.z.subarray(first * d, (first + sampleCount) * d);
      const next = z.slice();
      let losses = (await objective.value(rows, z)).slice();
      let gradients = (await objective.gradient(rows)).slice();
      let evaluations = 1;
      let accepted = 0;
      let t = 0;
      let step = STEP_INIT;
      const means: number[] = [];
      solution.initialObjective.set(losses, first);
      while (t < T1 && !control.aborted()) {
        let dt = Math.min(step, T1 - t);
        let halvings = 0;
        let tried: Float64Array;
        for (;;) {
          for (let i = 0; i < z.length; i++) next[i] = z[i]! - dt * gradients[i]!;
          tried = await objective.value(rows, next);
          evaluations++;
          if (tried.every((loss, row) => loss < losses[row]!) || halvings === HALVINGS) break;
          halvings++;
          dt /= 2;
        }
        t += halvings === HALVINGS ? STEP_MAX : dt;
        step = Math.min(Math.max(GROWTH * dt, STEP_INIT), STEP_MAX);
        z.set(next);
        losses = tried.slice();
        gradients = (await objective.gradient(rows)).slice();
        accepted++;
        means.push(losses.reduce((sum, loss) => sum + loss, 0) / sampleCount);
        const [l0, l1, , l3, l4] = means.slice(-WINDOW);
        const isFlat = accepted >= WINDOW && Math.abs((3 * (l4! - l0!) + l1! - l3!) / 10) < TOLERANCE;
        if (isFlat && t >= SETTLED) break;
        await control.pause();
      }
      for (const row of rows) {
        const gradient = gradients.subarray(row * d, (row + 1) * d);
        solution.objective[first + row] = losses[row]!;
        solution.gradientNorm[first + row] = Math.hypot(...gradient);
        solution.acceptedSteps[first + row] = accepted;
        solution.valueEvaluations[first + row] = evaluations;
        solution.gradientEvaluations[first + row] = accepted + 1;
        solution.t[first + row] = t;
        solution.end(first + row, STATUSES.indexOf(t < T1 ? "converged" : "reached_t1"));
      }
    },
  };
}

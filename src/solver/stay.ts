import type { Flow } from "../flow.ts";
import { allRows } from "../objective.ts";
import { STATUSES } from "../result.ts";
import { isLoss, type Solver } from "./base.ts";

const REACHED_T1 = STATUSES.indexOf("reached_t1");
const NONFINITE = STATUSES.indexOf("nonfinite");

/**
 * Follows a flow up to t = 0: each sample stays at its z0, whose loss is found by one forward pass, and the norm of
 * its gradient by one back. For latents that an encoder has found.
 */
export const stay: Solver<Flow> = Object.freeze<Solver<Flow>>({
  name: "stay",
  t1: 0,
  flows: "any",
  async solve(objective, _flow, solution, first, control) {
    const { sampleCount, latentSize } = objective;
    const rows = allRows(sampleCount);
    const z = solution.z.subarray(first * latentSize, (first + sampleCount) * latentSize);
    const losses = await objective.value(rows, z);
    const gradients = await objective.gradient(rows);
    for (const [row, loss] of losses.entries()) {
      const gradient = gradients.subarray(row * latentSize, (row + 1) * latentSize);
      const sample = first + row;
      solution.initialObjective[sample] = loss;
      solution.objective[sample] = loss;
      const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
      solution.gradientNorm[sample] = isLoss(loss) ? norm : Number.NaN;
      solution.valueEvaluations[sample] = 1;
      solution.gradientEvaluations[sample] = 1;
      solution.end(sample, isLoss(loss) ? REACHED_T1 : NONFINITE);
    }
    await control.pause();
  },
});

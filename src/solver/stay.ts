import type { Flow } from "../flow.ts";
import { STATUSES } from "../result.ts";
import type { Solver } from "./base.ts";

const REACHED_T1 = STATUSES.indexOf("reached_t1");
const NONFINITE = STATUSES.indexOf("nonfinite");

/**
 * Follows a flow up to t = 0: each sample stays at its z0, whose loss is found by one forward pass. For latents that
 * an encoder has found.
 */
export const stay: Solver<Flow> = Object.freeze<Solver<Flow>>({
  name: "stay",
  t1: 0,
  flows: "any",
  async solve(objective, _flow, solution, first, control) {
    const { batchSize, latentSize } = objective;
    const rows = Int32Array.from({ length: batchSize }, (_, row) => row);
    const z = solution.z.subarray(first * latentSize, (first + batchSize) * latentSize);
    const losses = await objective.value(rows, z);
    for (const [row, loss] of losses.entries()) {
      const sample = first + row;
      solution.initialLoss[sample] = loss;
      solution.loss[sample] = loss;
      solution.valueEvaluations[sample] = 1;
      solution.end(sample, Number.isFinite(loss) ? REACHED_T1 : NONFINITE);
    }
    await control.pause();
  },
});

import { isLoss } from "./base.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { allRows, valuesAt } from "./objective.ts";
import { STATUSES } from "./status.ts";

const REACHED_T1 = STATUSES.indexOf("reached_t1");
const NONFINITE = STATUSES.indexOf("nonfinite");

/** Solver that takes no step: it only evaluates the loss and its gradient at z0, t = 0. */
export interface EvaluateOnly {
  readonly name: "evaluateOnly";
}

/**
 * Solver used on latents that an encoder has found: evaluates the loss and its gradient at z0 and takes no step. Internal;
 * no option selects it.
 */
export const evaluateOnly: EvaluateOnly = Object.freeze({ name: "evaluateOnly" });

/**
 * Computes each sample's loss and objective at z0 by a forward pass, and the norm of the objective's gradient by a backward
 * pass. Ends each sample as "reached_t1", or as "nonfinite" if its objective is not finite in float32.
 */
export async function evaluateStarts(
  _solver: EvaluateOnly,
  { objective, solution, first, control }: FlowProblem,
): Promise<void> {
  const { sampleCount, latentSize } = objective;
  const rows = allRows(sampleCount);
  const z = solution.z.subarray(first * latentSize, (first + sampleCount) * latentSize);
  const values = await valuesAt(objective, rows, z);
  const gradients = await objective.gradient(rows);
  for (const [row, value] of values.objectives.entries()) {
    const gradient = gradients.subarray(row * latentSize, (row + 1) * latentSize);
    const sample = first + row;
    solution.begin(sample, values, row);
    const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
    solution.gradientNorm[sample] = isLoss(value) ? norm : Number.NaN;
    solution.valueEvaluations[sample] = 1;
    solution.gradientEvaluations[sample] = 1;
    solution.end(sample, isLoss(value) ? REACHED_T1 : NONFINITE);
  }
  await control.pause();
}

import { adaptiveSteps } from "./adaptive-steps.ts";
import { evaluateStarts } from "./evaluate-only.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { gridSteps, integrate } from "./integrate.ts";
import { minimise } from "./minimise.ts";
import type { Method, MethodKinds } from "./solver.ts";
import { DORMAND_PRINCE, EULER, RULES } from "./tableaus.ts";

type Solve<M> = (solver: M, problem: FlowProblem) => Promise<void>;

const SOLVE: { readonly [Name in keyof MethodKinds]: Solve<MethodKinds[Name]> } = {
  amd: minimise,
  lbfgs: minimise,
  euler: ({ grid }, problem) => integrate(EULER, gridSteps(grid), problem),
  rk4: ({ grid, rule }, problem) => integrate(RULES[rule], gridSteps(grid), problem),
  dormandPrince: (solver, problem) =>
    integrate(DORMAND_PRINCE, adaptiveSteps(solver, problem.objective.sampleCount), problem),
  evaluateOnly: evaluateStarts,
};

/** Follows the flow of every sample of a problem with the given solver, and writes the results to the problem's solution. */
export function solveObjective(solver: Method, problem: FlowProblem): Promise<void> {
  return (SOLVE[solver.name] as Solve<Method>)(solver, problem);
}

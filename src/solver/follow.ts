import { descend } from "./descend.ts";
import { adaptiveSteps, DORMAND_PRINCE } from "./dormand-prince.ts";
import { evaluateStarts } from "./evaluate-only.ts";
import { gridSteps } from "./fixed-grid.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { integrate } from "./integrate.ts";
import { RULES } from "./rk4.ts";
import type { Method, MethodKinds } from "./solver.ts";
import { EULER } from "./tableau.ts";

type Follow<M> = (solver: M, problem: FlowProblem) => Promise<void>;

const FOLLOW: { readonly [Name in keyof MethodKinds]: Follow<MethodKinds[Name]> } = {
  amd: descend,
  lbfgs: descend,
  euler: ({ grid }, problem) => integrate(EULER, gridSteps(grid), problem),
  rk4: ({ grid, rule }, problem) => integrate(RULES[rule], gridSteps(grid), problem),
  dormandPrince: (solver, problem) =>
    integrate(DORMAND_PRINCE, adaptiveSteps(solver, problem.objective.sampleCount), problem),
  evaluateOnly: evaluateStarts,
};

/** Follows the flow of every sample of a problem with the given solver, and writes the results to the problem's solution. */
export function follow(solver: Method, problem: FlowProblem): Promise<void> {
  return (FOLLOW[solver.name] as Follow<Method>)(solver, problem);
}

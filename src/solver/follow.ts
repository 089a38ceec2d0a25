import type { Control } from "./base.ts";
import { descend } from "./descend.ts";
import { adaptiveSteps, DORMAND_PRINCE } from "./dormand-prince.ts";
import { evaluateStarts } from "./evaluate-only.ts";
import { gridSteps } from "./fixed-grid.ts";
import type { Flow } from "./flow.ts";
import { integrate } from "./integrate.ts";
import type { Objective } from "./objective.ts";
import { RULES } from "./rk4.ts";
import type { Solution } from "./solution.ts";
import type { Method, MethodKinds } from "./solver.ts";
import { EULER } from "./tableau.ts";

type Follow<M> = (
  solver: M,
  objective: Objective,
  flow: Flow,
  solution: Solution,
  first: number,
  control: Control,
) => Promise<void>;

const FOLLOW: { readonly [Name in keyof MethodKinds]: Follow<MethodKinds[Name]> } = {
  amd: descend,
  lbfgs: descend,
  euler: ({ grid }, ...problem) => integrate(EULER, gridSteps(grid), ...problem),
  rk4: ({ grid, rule }, ...problem) => integrate(RULES[rule], gridSteps(grid), ...problem),
  dormandPrince: (solver, objective, ...problem) =>
    integrate(DORMAND_PRINCE, adaptiveSteps(solver, objective.sampleCount), objective, ...problem),
  evaluateOnly: evaluateStarts,
};

/**
 * Follows the flow of every sample of an objective, on any backend.
 *
 * @param objective the samples first … first + objective.sampleCount - 1
 * @param solution holds z0 on entry; each sample's results are written at first + its index
 */
export function follow(
  solver: Method,
  objective: Objective,
  flow: Flow,
  solution: Solution,
  first: number,
  control: Control,
): Promise<void> {
  return (FOLLOW[solver.name] as Follow<Method>)(solver, objective, flow, solution, first, control);
}

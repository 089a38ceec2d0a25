import type { CheckedPair } from "./backend/backend.ts";
import { callHint, invalid, show, showName } from "./check.ts";
import { checkFlow, type Flow, type GradientFlow, gradientFlow, isUnitGradientFlow } from "./flow.ts";
import { refuseCopy } from "./serialize.ts";
import type { Solver } from "./solver/base.ts";
import { lbfgs } from "./solver/lbfgs.ts";

/** Which flow is followed, and how. `lbfgs` and `amd` follow the gradient flow at α = 1 only. */
export type FlowAndSolver =
  | {
      /** The differential equation that leads to the code. Default `gradientFlow()`. */
      flow?: GradientFlow<1> | undefined;
      /** How the flow is followed. Default `lbfgs()`. */
      solver?: Solver<GradientFlow<1>> | undefined;
    }
  | {
      /** The differential equation that leads to the code. Default `gradientFlow()`. */
      flow?: Flow | undefined;
      /** How the flow is followed: for every flow but `gradientFlow()`, a solver that takes any. */
      solver: Solver<Flow>;
    };

/** The default flow and solver, made on first use: both are frozen, so all calls share them. */
let usual: { readonly flow: GradientFlow<1>; readonly solver: Solver<GradientFlow<1>> } | undefined;

/** Refuses what is no flow or no solver, and a solver for another flow. */
export function checkFlowAndSolver(
  where: string,
  options: FlowAndSolver,
  defaultSolver?: Solver<GradientFlow<1>>,
): CheckedPair {
  usual ??= { flow: gradientFlow(), solver: lbfgs() };
  const { flow: given = usual.flow, solver = defaultSolver ?? usual.solver } = options;
  const flow = checkFlow(where, given);
  if (typeof solver?.solve !== "function") {
    throw invalid(
      `${where}: solver is ${show(solver)}${callHint(solver)}, expected a solver such as lbfgs()`,
    );
  }
  refuseCopy(where, "solver", solver);
  if (solver.flows !== "any" && !isUnitGradientFlow(flow)) {
    const shown =
      flow.name === "gradientFlow" ? "gradientFlow() with another alpha" : `${showName(flow.name)}()`;
    throw invalid(
      `${where}: solver ${showName(solver.name)} follows gradientFlow() with alpha 1 only, flow is ${shown}; use euler, rk4 or dormandPrince`,
    );
  }
  // A solver that does not take any flow has been held against this one.
  return { flow, solver: solver as Solver<Flow> };
}

import type { CheckedPair } from "./backend/base.ts";
import { callHint, invalid, show, showName } from "./check.ts";
import { checkFlow, type Flow, type GradientFlow, gradientFlow, isUnitGradientFlow } from "./flow.ts";
import type { Loss } from "./loss.ts";
import { amd } from "./solver/amd.ts";
import type { Solver } from "./solver/base.ts";

export { solveAll } from "./backend/solve.ts";
export type { CheckedPair };

/** Which flow is followed, and how. `amd` follows the gradient flow at α = 1 only. */
export type FlowAndSolver =
  | {
      /** The differential equation that leads to the code. Default `gradientFlow()`. */
      flow?: GradientFlow<1>;
      /** How the flow is followed. Default `amd()`. */
      solver?: Solver<GradientFlow<1>>;
    }
  | {
      /** The differential equation that leads to the code. Default `gradientFlow()`. */
      flow?: Flow;
      /** How the flow is followed: for every flow but `gradientFlow()`, a solver that takes any. */
      solver: Solver<Flow>;
    };

/** Refuses what is no flow or no solver, and a solver for another flow or another loss. */
export function checkFlowAndSolver(
  where: string,
  options: FlowAndSolver,
  loss: Loss,
  defaultSolver: Solver<GradientFlow<1>> = amd(),
): CheckedPair {
  const flow = checkFlow(where, options.flow ?? gradientFlow());
  const solver = options.solver ?? defaultSolver;
  if (typeof solver?.solve !== "function") {
    throw invalid(`${where}: solver is ${show(solver)}${callHint(solver)}, expected a solver such as amd()`);
  }
  if (solver.flows !== "any" && !isUnitGradientFlow(flow)) {
    const given =
      flow.name === "gradientFlow" ? "gradientFlow() with another alpha" : `${showName(flow.name)}()`;
    throw invalid(
      `${where}: solver ${showName(solver.name)} follows gradientFlow() with alpha 1 only, flow is ${given}; use euler, rk4 or dormandPrince`,
    );
  }
  if (solver.needsCurvature && loss.name === "custom" && !loss.curvature) {
    throw invalid(
      `${where}: solver ${showName(solver.name)} takes second derivatives of the loss; give the customLoss a curvature(output, target)`,
    );
  }
  // A solver that does not take any flow has been held against this one.
  return { flow, solver: solver as Solver<Flow> };
}

import type { PreparedBackend, Problem } from "./backend/base.ts";
import { invalid, show } from "./check.ts";
import { checkFlow, type Flow, type GradientFlow, gradientFlow, isUnitGradientFlow } from "./flow.ts";
import type { Loss } from "./loss.ts";
import { amd } from "./solver/amd.ts";
import type { Control, Solution, Solver } from "./solver/base.ts";

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

/** A flow and a solver that go together. */
export interface CheckedPair {
  readonly flow: Flow;
  readonly solver: Solver<Flow>;
}

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
    throw invalid(`${where}: solver is ${show(solver)}, expected a solver such as amd()`);
  }
  if (solver.flows !== "any" && !isUnitGradientFlow(flow)) {
    const given = flow.name === "gradientFlow" ? "gradientFlow() with another alpha" : `${flow.name}()`;
    throw invalid(
      `${where}: solver ${solver.name} follows gradientFlow() with alpha 1 only, flow is ${given}; use euler, rk4 or dormandPrince`,
    );
  }
  if (solver.needsCurvature && loss.name === "custom" && !loss.curvature) {
    throw invalid(
      `${where}: solver ${solver.name} takes second derivatives of the loss; give the customLoss a curvature(output, target)`,
    );
  }
  // A solver that does not take any flow has been held against this one.
  return { flow, solver: solver as Solver<Flow> };
}

/**
 * Follows the flows of all samples of a problem: inside the backend where it has the solver fused, and else
 * objective by objective.
 */
export async function solveAll(
  prepared: PreparedBackend,
  problem: Problem,
  { flow, solver }: CheckedPair,
  solution: Solution,
  control: Control,
): Promise<void> {
  const { sampleCount } = problem;
  // A fused solver keeps no points on its way.
  const fused = solution.recording ? undefined : prepared.fused(solver, problem.loss);
  if (fused && sampleCount > 0) {
    await fused(problem, solution, control);
    return;
  }
  const size = prepared.objectiveSize(problem);
  for (let first = 0; first < sampleCount && !control.aborted(); first += size) {
    const objective = prepared.objective(problem, first, Math.min(size, sampleCount - first));
    try {
      await solver.solve(objective, flow, solution, first, control);
    } finally {
      objective.dispose();
    }
  }
}

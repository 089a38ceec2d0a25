import { elsewhere } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { alternatives } from "../base/show.ts";
import { checkFlow, type Flow, type GradientFlow, gradientFlow, isUnitGradientFlow } from "../solver/flow.ts";
import { LBFGS_FIELDS, lbfgs } from "../solver/lbfgs.ts";
import { checkSolver, followsAnyFlow, type Solver, solversOfAnyFlow } from "../solver/solver.ts";

/**
 * Options for the flow and for the solver that follows it. The solvers `lbfgs` and `amd` accept only the gradient flow dz/dt
 * = -α ∇_z l whose factor α is 1.
 */
export type FlowAndSolver =
  | {
      /** Differential equation whose solution leads to the code. Default `gradientFlow()`. */
      flow?: GradientFlow<1> | undefined;
      /** Solver that takes each sample from z0 to its code. Default `lbfgs()`. */
      solver?: Solver<GradientFlow<1>> | undefined;
    }
  | {
      /** Differential equation whose solution leads to the code. Default `gradientFlow()`. */
      flow?: Flow | undefined;
      /** Solver that takes each sample from z0 to its code; must support any flow, such as `dormandPrince(…)`. Required. */
      solver: Solver<Flow>;
    };

/** Reasons for `completeOptions` why the default solver's options are none of a call that takes a solver. */
export const IN_SOLVER = /* @__PURE__ */ elsewhere("solver", "lbfgs", LBFGS_FIELDS);

/** Default flow, `gradientFlow()`, and solver, `lbfgs()`: made on first use, and shared by all calls, since both are frozen. */
let usual: { readonly flow: GradientFlow<1>; readonly solver: Solver<GradientFlow<1>> } | undefined;

/**
 * Checks the options `flow` and `solver`, and that the solver supports the flow; returns both with defaults filled in.
 *
 * @param defaultSolver solver if none is given. Default `lbfgs()`
 * @throws LatentflowError `invalid_argument`
 */
export function checkFlowAndSolver(
  options: FlowAndSolver,
  defaultSolver?: Solver<GradientFlow<1>>,
): { readonly flow: Flow; readonly solver: Solver } {
  usual ??= { flow: gradientFlow(), solver: lbfgs() };
  const flow = options.flow === undefined ? usual.flow : checkFlow(options.flow);
  const solver = options.solver === undefined ? (defaultSolver ?? usual.solver) : checkSolver(options.solver);
  if (!followsAnyFlow(solver) && !isUnitGradientFlow(flow)) {
    const expected = alternatives(solversOfAnyFlow());
    throw refused(
      "solver",
      "is",
      solver.name,
      expected,
      " for a flow other than gradientFlow() with alpha 1",
    );
  }
  return { flow, solver };
}

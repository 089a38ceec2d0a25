import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Residual } from "../terms/residual.ts";
import type { SolveWhitened } from "./solve-whitened.ts";

// `encode` has the code that whitens from the residual that it is given: a program without one bundles none of it.

const solvers = new WeakMap<object, SolveWhitened>();

/** Notes the function that solves with a residual; returns the residual. */
export function withSolver(residual: Residual, solver: SolveWhitened): Residual {
  solvers.set(residual, solver);
  return residual;
}

/**
 * Returns the function that solves with a residual.
 *
 * @throws LatentflowError `invalid_argument` for any that `fitResidual` or `loadResidual` has not returned, such as a copy
 */
export function solverOf(residual: unknown): SolveWhitened {
  const solver = solvers.get(residual as object);
  if (solver) return solver;
  throw refused("residual", "is", show(residual), "what fitResidual or loadResidual returned, not a copy");
}

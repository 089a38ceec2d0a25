import type { Amd } from "./amd.ts";
import type { Lbfgs } from "./lbfgs.ts";
import { type CurvatureUse, withoutMatrices } from "./objective.ts";

// The steps of line-search solvers are in assembly/solve, called round by round: fused with the decoder's kernels, or around
// evaluations made elsewhere (minimise.ts).

/**
 * Solver that takes a step along a direction only if it lowers the sample's loss; it accepts only the gradient flow dz/dt = -α ∇_z l
 * whose factor α is 1.
 */
export type LineSearchSolver = Amd | Lbfgs;

const TAKES_MATRICES: { readonly [Name in LineSearchSolver["name"]]: boolean } = { amd: false, lbfgs: true };

/** True for the line-search solvers, `amd` and `lbfgs`, whose steps are in assembly/solve. */
export function isLineSearch(solver: { readonly name: string }): solver is LineSearchSolver {
  return Object.hasOwn(TAKES_MATRICES, solver.name);
}

/** True if the solver can precondition its steps by a Gauss-Newton matrix. */
export function takesMatrices({ name }: { readonly name: string }): boolean {
  return TAKES_MATRICES[name as LineSearchSolver["name"]] ?? false;
}

/** Returns the part of an objective's plan that a solver uses: its Gauss-Newton matrix only if the solver takes matrices. */
export function curvatureFor(solver: { readonly name: string }, use: CurvatureUse): CurvatureUse {
  return takesMatrices(solver) ? use : withoutMatrices(use);
}

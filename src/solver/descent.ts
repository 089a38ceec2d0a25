import type { Amd } from "./amd.ts";
import type { Lbfgs } from "./lbfgs.ts";
import { type CurvatureUse, hasMatrices } from "./objective.ts";

// What the solvers have in common that take a step only if it lowers the sample's own loss. Their steps are in assembly/,
// where they are called round by round: fused with the kernels, or around evaluations that are made elsewhere (descend.ts).

/** A solver that takes a step only if it lowers the sample's own loss. It follows the gradient flow with α = 1 only. */
export type DescentSolver = Amd | Lbfgs;

const TAKES_MATRICES: { readonly [Name in DescentSolver["name"]]: boolean } = { amd: false, lbfgs: true };

/** True for the solvers whose steps are in assembly/. */
export function isDescentSolver(solver: { readonly name: string }): solver is DescentSolver {
  return Object.hasOwn(TAKES_MATRICES, solver.name);
}

/** True for a solver that preconditions its steps by matrices if there are any. */
export function takesMatrices({ name }: DescentSolver): boolean {
  return TAKES_MATRICES[name];
}

/** True if the solver begins with a matrix, shared by the samples or their own. */
export function isPreconditioned(solver: DescentSolver, use: CurvatureUse): boolean {
  return takesMatrices(solver) && hasMatrices(use);
}

/** True if the solver begins with a matrix that all samples of the decoder share. */
export function isPreconditionedByDecoder(solver: { readonly name: string }, use: CurvatureUse): boolean {
  return use.matrix === "shared" && isDescentSolver(solver) && takesMatrices(solver);
}

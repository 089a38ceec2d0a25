import type { Amd } from "./amd.ts";
import type { Lbfgs } from "./lbfgs.ts";
import { type CurvatureUse, hasMatrices } from "./objective.ts";

// Descent solvers, `amd` and `lbfgs`, take a step only if it lowers the sample's loss. Their steps are in assembly/, called round
// by round: fused with the decoder's kernels, or around evaluations made elsewhere (descend.ts).

/**
 * Solver that takes a step only if it lowers the sample's loss; it accepts only the gradient flow dz/dt = -α ∇_z l whose
 * factor α is 1.
 */
export type DescentSolver = Amd | Lbfgs;

const TAKES_MATRICES: { readonly [Name in DescentSolver["name"]]: boolean } = { amd: false, lbfgs: true };

/** True for the descent solvers, `amd` and `lbfgs`, whose steps are in assembly/. */
export function isDescentSolver(solver: { readonly name: string }): solver is DescentSolver {
  return Object.hasOwn(TAKES_MATRICES, solver.name);
}

/** True if the solver can precondition its steps by a Gauss-Newton matrix. */
export function takesMatrices({ name }: DescentSolver): boolean {
  return TAKES_MATRICES[name];
}

/**
 * True if the solver starts with a Gauss-Newton matrix as preconditioner, shared by all samples, as it is or in low-rank form, or
 * each sample's own.
 */
export function isPreconditioned(solver: DescentSolver, use: CurvatureUse): boolean {
  return takesMatrices(solver) && use.matrix !== "none";
}

/** True if each sample may have a Gauss-Newton matrix of its own in memory. */
export function keepsMatrices(solver: DescentSolver, use: CurvatureUse): boolean {
  return takesMatrices(solver) && hasMatrices(use);
}

/**
 * True if the solver starts with a preconditioner that all samples share, the Gauss-Newton matrix at the decoder's start
 * latent.
 */
export function isPreconditionedByDecoder(solver: { readonly name: string }, use: CurvatureUse): boolean {
  const isShared = use.matrix === "shared" || use.matrix === "lowRank";
  return isShared && isDescentSolver(solver) && takesMatrices(solver);
}

/** True if this preconditioner is made of the whole Jacobian at the decoder's start latent. */
export function isPreconditionedByJacobian(solver: { readonly name: string }, use: CurvatureUse): boolean {
  return use.matrix === "shared" && isPreconditionedByDecoder(solver, use);
}

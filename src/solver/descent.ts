import { checkNumber, checkOptions, withDefaults } from "../check.ts";
import { type CurvatureUse, hasMatrices } from "../objective.ts";
import { MAX_COUNT } from "./base.ts";
import type { DescentSolver } from "./descent-solvers.ts";

// What the solvers have in common that take a step only if it lowers the sample's own loss. Their steps are in assembly/,
// where they are called round by round: fused with the kernels, or around evaluations that are made elsewhere (descend.ts).

/** Options that these solvers have in common. */
export interface DescentOptions {
  readonly slope: number;
  readonly tolerance: number;
  readonly maxSteps: number;
}

/** The options given over the defaults, those in common checked. */
export function completeOptions<Options extends DescentOptions>(
  where: string,
  defaults: Options,
  options: { readonly [Name in keyof Options]?: Options[Name] | undefined },
): Options {
  checkOptions(where, options, defaults);
  const all = withDefaults(defaults, options);
  checkNumber(where, "slope", all.slope, { min: 0, below: 1 });
  checkNumber(where, "tolerance", all.tolerance, { min: 0 });
  checkNumber(where, "maxSteps", all.maxSteps, { min: 0, max: MAX_COUNT, integer: true });
  return all;
}

/** A solver that only looks like one of these must not be taken for it. */
const made = new WeakSet<object>();

/** Freezes a value that `amd` or `lbfgs` has made, to be known by `isDescentSolver`. */
export function makeDescentSolver<S extends DescentSolver>(solver: S): S {
  made.add(solver);
  return Object.freeze(solver);
}

/** Is this a value that `amd` or `lbfgs` has made? */
export function isDescentSolver(solver: object): solver is DescentSolver {
  return made.has(solver);
}

const TAKES_MATRICES: { readonly [Name in DescentSolver["name"]]: boolean } = { amd: false, lbfgs: true };

/** Does the solver precondition its steps by matrices, where there are any? */
export function takesMatrices({ name }: DescentSolver): boolean {
  return TAKES_MATRICES[name];
}

/** Does the solver begin with a matrix, one that samples share or their own? */
export function isPreconditioned(solver: DescentSolver, use: CurvatureUse): boolean {
  return takesMatrices(solver) && hasMatrices(use);
}

/** Is that matrix one that all samples of the decoder share? */
export function isPreconditionedByDecoder(solver: object, use: CurvatureUse): boolean {
  return use.isShared && isDescentSolver(solver) && isPreconditioned(solver, use);
}

import type { Field } from "../base/options.ts";
import { checkPlain } from "../base/plain-value.ts";
import { AMD_FIELDS, type Amd, amd } from "./amd.ts";
import { DORMAND_PRINCE_FIELDS, type DormandPrince, dormandPrince } from "./dormand-prince.ts";
import { EULER_FIELDS, type Euler, euler } from "./euler.ts";
import type { EvaluateOnly } from "./evaluate-only.ts";
import type { Flow, GradientFlow } from "./flow.ts";
import { LBFGS_FIELDS, type Lbfgs, lbfgs } from "./lbfgs.ts";
import { isLineSearch, type LineSearchSolver } from "./line-search.ts";
import { RK4_FIELDS, type Rk4, rk4 } from "./rk4.ts";

/**
 * Solvers by name. Every table over all solvers is typed by this interface, so that the compiler reports a solver that a
 * table lacks.
 */
export interface SolverKinds {
  readonly amd: Amd;
  readonly lbfgs: Lbfgs;
  readonly euler: Euler;
  readonly rk4: Rk4;
  readonly dormandPrince: DormandPrince;
}

/** Name of a solver, such as `"lbfgs"`: the field `name` of the solver's value. */
export type SolverName = keyof SolverKinds;

/**
 * Method that follows a flow: a plain immutable value of a name and options, made by the function of its name, as
 * `lbfgs(…)`. A copy works as well, with other options or restored from JSON or a message; it is checked when it is used.
 *
 * `Solver<Flow>` is a solver that follows any flow; `Solver` is any solver.
 */
export type Solver<F extends Flow = never> = [F] extends [GradientFlow<1>]
  ? SolverKinds[SolverName]
  : SolverKinds[Exclude<SolverName, LineSearchSolver["name"]>];

/** Solvers by name, and `evaluateOnly`, which takes the place of a solver if no flow is to be followed. */
export interface MethodKinds extends SolverKinds {
  readonly evaluateOnly: EvaluateOnly;
}

/** A solver, or `evaluateOnly`, which only evaluates the loss and its gradient at z0. */
export type Method = MethodKinds[keyof MethodKinds];

const MAKERS: { readonly [Name in SolverName]: (options: never) => SolverKinds[Name] } = {
  lbfgs,
  amd,
  euler,
  rk4,
  dormandPrince,
};

/** Checks and defaults of the options of each solver: the program's flags and the guide's tables follow from them. */
export const SOLVER_FIELDS = {
  lbfgs: LBFGS_FIELDS,
  amd: AMD_FIELDS,
  euler: EULER_FIELDS,
  rk4: RK4_FIELDS,
  dormandPrince: DORMAND_PRINCE_FIELDS,
} satisfies { readonly [Name in SolverName]: Readonly<Record<string, Field<unknown>>> };

/** Properties of a solver other than its steps. */
interface MethodTraits<Name extends keyof MethodKinds> {
  /** Returns the end time t1 of the flow; Infinity if the solver has none. */
  readonly end: (method: MethodKinds[Name]) => number;
  /** Typical number of gradients computed for a sample, correct to within a factor of five. */
  readonly gradients: number;
}

const METHODS: { readonly [Name in keyof MethodKinds]: MethodTraits<Name> } = {
  amd: {
    end: ({ t1 }) => t1,
    gradients: 100,
  },
  lbfgs: {
    end: () => Number.POSITIVE_INFINITY,
    gradients: 20,
  },
  euler: {
    end: ({ grid }) => grid.t1,
    gradients: 100,
  },
  rk4: {
    end: ({ grid }) => grid.t1,
    gradients: 100,
  },
  dormandPrince: {
    end: ({ t1 }) => t1,
    gradients: 100,
  },
  evaluateOnly: {
    end: () => 0,
    gradients: 1,
  },
};

function traitsOf({ name }: Method): MethodTraits<keyof MethodKinds> {
  return METHODS[name] as MethodTraits<keyof MethodKinds>;
}

/**
 * Returns the option `solver` if it was made by a solver function, or is a valid copy of such a value.
 *
 * @throws LatentflowError `invalid_argument` otherwise
 */
export function checkSolver(solver: unknown): Solver {
  return checkPlain<SolverKinds[SolverName]>("solver", solver, MAKERS) as Solver;
}

/** True if the solver follows any flow; the others accept only the gradient flow dz/dt = -α ∇_z l whose factor α is 1. */
export function followsAnyFlow(solver: Solver): solver is Solver<Flow> {
  return !isLineSearch(solver);
}

/** Returns the end time t1 of the flow; Infinity if the solver has none, 0 for `evaluateOnly`. */
export function endOf(method: Method): number {
  return traitsOf(method).end(method as never);
}

/** Returns the typical number of gradients computed for a sample, correct to within a factor of five. */
export function gradientsOf(method: Method): number {
  return traitsOf(method).gradients;
}

/** Returns the names of the solvers that follow any flow. */
export function solversOfAnyFlow(): SolverName[] {
  return (Object.keys(MAKERS) as SolverName[]).filter((name) => !isLineSearch({ name }));
}

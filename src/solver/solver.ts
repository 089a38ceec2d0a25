import { checkPlain } from "../base/plain-value.ts";
import { type Amd, amd } from "./amd.ts";
import { type DescentSolver, isDescentSolver } from "./descent.ts";
import { DORMAND_PRINCE, type DormandPrince, dormandPrince } from "./dormand-prince.ts";
import { type Euler, euler } from "./euler.ts";
import type { EvaluateOnly } from "./evaluate-only.ts";
import type { Flow, GradientFlow } from "./flow.ts";
import { type Lbfgs, lbfgs } from "./lbfgs.ts";
import { type Rk4, RULES, rk4 } from "./rk4.ts";
import { EULER, type Tableau } from "./tableau.ts";

/** Solvers by name. Every place that has to know them has a table over all of them. */
export interface SolverKinds {
  readonly amd: Amd;
  readonly lbfgs: Lbfgs;
  readonly euler: Euler;
  readonly rk4: Rk4;
  readonly dormandPrince: DormandPrince;
}

export type SolverName = keyof SolverKinds;

/**
 * Method that follows a flow: a plain immutable value of a name and options, made by the function of its name, as
 * `lbfgs(…)`. A copy with other options, or one that JSON or a message has
 * kept, works as well and is checked where it is given.
 *
 * `Solver<Flow>` are the solvers that follow any flow; `Solver` are all.
 */
export type Solver<F extends Flow = never> = [F] extends [GradientFlow<1>]
  ? SolverKinds[SolverName]
  : SolverKinds[Exclude<SolverName, DescentSolver["name"]>];

/** Solvers, and `evaluateOnly`, which takes their place where no flow is followed. */
export interface MethodKinds extends SolverKinds {
  readonly evaluateOnly: EvaluateOnly;
}

/** A solver, or `evaluateOnly`. */
export type Method = MethodKinds[keyof MethodKinds];

const MAKERS: { readonly [Name in SolverName]: (options: never) => SolverKinds[Name] } = {
  lbfgs,
  amd,
  euler,
  rk4,
  dormandPrince,
};

/** Traits of a method other than its steps. */
interface MethodTraits<Name extends keyof MethodKinds> {
  /** End of the flow; Infinity if there is none. */
  readonly end: (method: MethodKinds[Name]) => number;
  /** Runge-Kutta method that leads from each accepted step to the next; undefined if it is none. */
  readonly tableau: ((method: MethodKinds[Name]) => Tableau) | undefined;
  /** Typical number of gradients that a sample takes, within a factor of five. */
  readonly gradients: number;
}

const METHODS: { readonly [Name in keyof MethodKinds]: MethodTraits<Name> } = {
  amd: {
    end: ({ t1 }) => t1,
    tableau: () => EULER,
    gradients: 100,
  },
  lbfgs: {
    end: () => Number.POSITIVE_INFINITY,
    tableau: undefined,
    gradients: 20,
  },
  euler: {
    end: ({ grid }) => grid.t1,
    tableau: () => EULER,
    gradients: 100,
  },
  rk4: {
    end: ({ grid }) => grid.t1,
    tableau: ({ rule }) => RULES[rule],
    gradients: 100,
  },
  dormandPrince: {
    end: ({ t1 }) => t1,
    tableau: () => DORMAND_PRINCE,
    gradients: 100,
  },
  evaluateOnly: {
    end: () => 0,
    tableau: undefined,
    gradients: 1,
  },
};

function traitsOf({ name }: Method): MethodTraits<keyof MethodKinds> {
  return METHODS[name] as MethodTraits<keyof MethodKinds>;
}

/** Checks a solver given as an option, made by its maker or copied from such a one. */
export function checkSolver(where: string, solver: unknown): Solver {
  return checkPlain<SolverKinds[SolverName]>(where, "solver", solver, MAKERS) as Solver;
}

/** True for the solvers that follow any flow; the others follow the gradient flow with α = 1. */
export function followsAnyFlow(solver: Solver): solver is Solver<Flow> {
  return !isDescentSolver(solver);
}

/** Returns the end of the flow, t1; Infinity if the method has none. */
export function endOf(method: Method): number {
  return traitsOf(method).end(method as never);
}

/** Returns the Runge-Kutta tableau of a method's steps; undefined if it is no Runge-Kutta method. */
export function tableauOf(method: Method): Tableau | undefined {
  return traitsOf(method).tableau?.(method as never);
}

/** Returns the typical number of gradients that a sample takes, within a factor of five. */
export function gradientsOf(method: Method): number {
  return traitsOf(method).gradients;
}

/** Returns the names of the solvers that follow any flow or, for `"tableau"`, that are Runge-Kutta methods. */
export function solversWith(trait: "anyFlow" | "tableau"): SolverName[] {
  return (Object.keys(MAKERS) as SolverName[]).filter((name) => {
    return trait === "tableau" ? METHODS[name].tableau !== undefined : !isDescentSolver({ name });
  });
}

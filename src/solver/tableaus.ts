import type { Rk4 } from "./rk4.ts";
import type { Tableau } from "./runge-kutta.ts";
import type { Method, MethodKinds, SolverName } from "./solver.ts";

// Butcher tableaus of the Runge-Kutta solvers: apart from their options, which every call checks, since a call with the default
// solver needs none of them.

/** Forward Euler: one stage, the derivative at the step's start. */
export const EULER: Tableau = { stages: [], weights: [1] };

/** Butcher tableaus of fourth-order methods, by the option `rule`. */
export const RULES: Readonly<Record<Rk4["rule"], Tableau>> = {
  classic: {
    stages: [
      { time: 1 / 2, weights: [1 / 2] },
      { time: 1 / 2, weights: [0, 1 / 2] },
      { time: 1, weights: [0, 0, 1] },
    ],
    weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  },
  "3/8": {
    stages: [
      { time: 1 / 3, weights: [1 / 3] },
      { time: 2 / 3, weights: [-1 / 3, 1] },
      { time: 1, weights: [1, -1, 1] },
    ],
    weights: [1 / 8, 3 / 8, 3 / 8, 1 / 8],
  },
};

/** Butcher tableau of Dormand and Prince's 5(4) pair (1980); steps continue from the fifth-order solution. */
export const DORMAND_PRINCE: Tableau = {
  stages: [
    { time: 1 / 5, weights: [1 / 5] },
    { time: 3 / 10, weights: [3 / 40, 9 / 40] },
    { time: 4 / 5, weights: [44 / 45, -56 / 15, 32 / 9] },
    { time: 8 / 9, weights: [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729] },
    { time: 1, weights: [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656] },
  ],
  weights: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  errorWeights: [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40],
};

/** Returns the tableau of a method's accepted steps; undefined for a method whose steps are no Runge-Kutta steps. */
type TableauOf<M> = ((method: M) => Tableau) | undefined;

const TABLEAUS: { readonly [Name in keyof MethodKinds]: TableauOf<MethodKinds[Name]> } = {
  amd: () => EULER,
  lbfgs: undefined,
  euler: () => EULER,
  rk4: ({ rule }) => RULES[rule],
  dormandPrince: () => DORMAND_PRINCE,
  evaluateOnly: undefined,
};

/**
 * Returns the Butcher tableau of a solver's accepted steps (of Euler's method for `amd`); undefined if it is not a
 * Runge-Kutta method.
 */
export function tableauOf(method: Method): Tableau | undefined {
  return (TABLEAUS[method.name] as TableauOf<Method>)?.(method);
}

/** Returns the names of the solvers that have a tableau. */
export function solversWithTableau(): SolverName[] {
  return (Object.keys(TABLEAUS) as SolverName[]).filter((name) => TABLEAUS[name] !== undefined);
}

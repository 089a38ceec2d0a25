import { amd, dormandPrince, type FlowAndSolver, lbfgs, logGrid, rk4 } from "latentflow";
import type { SolverName } from "./messages.ts";

// Solvers that the page offers, each in full and limited to a number of steps.

type Solver = NonNullable<FlowAndSolver["solver"]>;

/** A solver that the page offers. */
export interface OfferedSolver {
  /** The solver with its full number of steps. */
  readonly whole: Solver;
  /** Maximum number of steps. */
  readonly mostSteps: number;
  /** True if the time grid is fixed in advance, so that the run always takes the given number of steps. */
  readonly isFixedGrid: boolean;
  /** Returns the solver limited to a number of steps; its steps are the first ones of the full run. */
  upTo(steps: number): Solver;
}

const STEPS = { lbfgs: 400, amd: 600, dormandPrince: 400, rk4: 60 } as const;
/** Largest t1 that 60 steps can reach: longer steps are unstable on this grid. */
const RK4_GRID = { t1: 500, base: 20 };

/** All solvers that the page offers, in order. */
export const SOLVERS: Readonly<Record<SolverName, OfferedSolver>> = {
  lbfgs: {
    whole: lbfgs({ maxSteps: STEPS.lbfgs }),
    mostSteps: STEPS.lbfgs,
    isFixedGrid: false,
    upTo: (maxSteps) => lbfgs({ maxSteps }),
  },
  amd: {
    whole: amd({ stepMax: 1000, maxSteps: STEPS.amd }),
    mostSteps: STEPS.amd,
    isFixedGrid: false,
    upTo: (maxSteps) => amd({ stepMax: 1000, maxSteps }),
  },
  dormandPrince: {
    whole: dormandPrince({ maxSteps: STEPS.dormandPrince }),
    mostSteps: STEPS.dormandPrince,
    isFixedGrid: false,
    upTo: (maxSteps) => dormandPrince({ maxSteps }),
  },
  rk4: {
    whole: gridOf(STEPS.rk4),
    mostSteps: STEPS.rk4,
    isFixedGrid: true,
    // A grid has at least one step. For none, any solver evaluates only z0.
    upTo: (steps) => (steps === 0 ? lbfgs({ maxSteps: 0 }) : gridOf(steps)),
  },
};

/** `lbfgs` for a picture that is being drawn: a few steps from the last code, with a tolerance of 0.01 % of the loss. */
export const QUICK = lbfgs({ maxSteps: 12, tolerance: 1e-4 });

/** Makes RK4 on the first `steps` steps of the full grid, at the full grid's times t_i = t1 (bⁱᐟᴺ - 1)/(b - 1). */
function gridOf(steps: number) {
  const { t1, base } = RK4_GRID;
  const cutBase = base ** (steps / STEPS.rk4);
  return rk4({ grid: logGrid({ t1: (t1 * (cutBase - 1)) / (base - 1), slices: steps, base: cutBase }) });
}

/**
 * Returns the numbers of steps, from 0 to `most`, for which a solver's result is computed: all up to 5, then growing by a
 * quarter, rounded up. Running the solver for each takes about five times as long as the longest run, and gives exact
 * numbers of passes.
 */
export function ladder(most: number): number[] {
  const rungs: number[] = [];
  for (let steps = 0; steps < most; steps = Math.ceil(Math.max(steps + 1, steps * 1.25))) rungs.push(steps);
  return [...rungs, most];
}

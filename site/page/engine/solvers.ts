import { amd, dormandPrince, type FlowAndSolver, lbfgs, logGrid, rk4 } from "latentflow";
import type { SolverName } from "./messages.ts";

// The solvers that the page offers, each as a whole and cut short after some steps.

type Solver = NonNullable<FlowAndSolver["solver"]>;

/** A solver of the page. */
export interface OfferedSolver {
  readonly title: string;
  /** One clause on what it does. */
  readonly about: string;
  /** The solver to its end. */
  readonly whole: Solver;
  /** Steps after which it is cut off. */
  readonly mostSteps: number;
  /** True if its steps are chosen beforehand, so that it ends by their number alone. */
  readonly isFixedGrid: boolean;
  /** The same solver up to a number of steps: its first steps are the same. */
  upTo(steps: number): Solver;
}

const STEPS = { lbfgs: 400, amd: 600, dormandPrince: 400, rk4: 60 } as const;
/** Reaches as far as 60 steps can go: longer ones leave the stable range of a fixed grid. */
const RK4_GRID = { t1: 500, base: 20 };

/** All solvers, in the order in which they are offered. */
export const SOLVERS: Readonly<Record<SolverName, OfferedSolver>> = {
  lbfgs: {
    title: "L-BFGS",
    about: "the default: preconditioned by the decoder",
    whole: lbfgs({ maxSteps: STEPS.lbfgs }),
    mostSteps: STEPS.lbfgs,
    isFixedGrid: false,
    upTo: (maxSteps) => lbfgs({ maxSteps }),
  },
  amd: {
    title: "AMD",
    about: "the paper's: gradient steps of adaptive length",
    whole: amd({ stepMax: 1000, maxSteps: STEPS.amd }),
    mostSteps: STEPS.amd,
    isFixedGrid: false,
    upTo: (maxSteps) => amd({ stepMax: 1000, maxSteps }),
  },
  dormandPrince: {
    title: "Dormand–Prince",
    about: "follows the gradient flow itself, of fifth order",
    whole: dormandPrince({ maxSteps: STEPS.dormandPrince }),
    mostSteps: STEPS.dormandPrince,
    isFixedGrid: false,
    upTo: (maxSteps) => dormandPrince({ maxSteps }),
  },
  rk4: {
    title: "Runge–Kutta 4",
    about: `${STEPS.rk4} steps of a fixed grid`,
    whole: gridOf(STEPS.rk4),
    mostSteps: STEPS.rk4,
    isFixedGrid: true,
    // A grid has at least one step: none is what every solver does at z0.
    upTo: (steps) => (steps === 0 ? lbfgs({ maxSteps: 0 }) : gridOf(steps)),
  },
};

/** `lbfgs` for a picture that is changing: a few steps from the last code, to a hundredth of a percent of the loss. */
export const QUICK = lbfgs({ maxSteps: 12, tolerance: 1e-4 });

/** The first steps of the grid: the times t_i = t1 (bⁱᐟᴺ - 1)/(b - 1) do not depend on where it is cut. */
function gridOf(steps: number) {
  const { t1, base } = RK4_GRID;
  const cutBase = base ** (steps / STEPS.rk4);
  return rk4({ grid: logGrid({ t1: (t1 * (cutBase - 1)) / (base - 1), slices: steps, base: cutBase }) });
}

/**
 * Numbers of steps at which a solver is looked at, from 0 to `most`: each up to 8, then a quarter more each time. Running up to
 * each of them takes about five times as long as the longest run, and tells the passes of each exactly.
 */
export function ladder(most: number): number[] {
  const rungs: number[] = [];
  for (let steps = 0; steps < most; steps = Math.ceil(Math.max(steps + 1, steps * 1.25))) rungs.push(steps);
  return [...rungs, most];
}

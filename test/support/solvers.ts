import {
  amd,
  dormandPrince,
  euler,
  expDecay,
  type Flow,
  type FlowAndSolver,
  type GradientFlow,
  gradientFlow,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  type Solver,
} from "../../src/index.ts";
import { endOf, followsAnyFlow, type SolverName } from "../../src/solver/solver.ts";

/** A solver with a flow that it follows; the common tests run over all of them. */
export interface SolverCase {
  readonly name: string;
  readonly options: FlowAndSolver;
  /** Passes forward and back that one step takes, tried once. */
  readonly passesPerStep: number;
}

export const T1 = 40;

const grid = logGrid({ t1: T1, slices: 11 });

/** Every solver, such that it reaches `T1` on a harmless loss if it has an end, with the passes of one step. */
const MADE = {
  amd: [{ solver: amd({ t1: T1, stepInit: 20, stepMax: 400, tolerance: 0 }), passesPerStep: 1 }],
  lbfgs: [{ solver: lbfgs(), passesPerStep: 1 }],
  euler: [{ solver: euler({ grid: linearGrid({ t1: T1, slices: 170 }) }), passesPerStep: 1 }],
  rk4: [
    { solver: rk4({ grid }), passesPerStep: 4 },
    { solver: rk4({ grid, rule: "3/8" }), passesPerStep: 4 },
  ],
  dormandPrince: [{ solver: dormandPrince({ t1: T1, rtol: 1e-6, stepInit: 20 }), passesPerStep: 6 }],
} satisfies Readonly<Record<SolverName, object>>;

const made = Object.values(MADE).flat();

/** Every solver, as `MADE` has it. */
export const solvers: readonly Solver<GradientFlow<1>>[] = made.map(({ solver }) => solver);

const flows = {
  gradientFlow: gradientFlow(),
  "decaying gradientFlow": gradientFlow({ alpha: expDecay({ rate: 2 }) }),
  nesterovFlow: nesterovFlow(),
};

/** Every solver that has an end with every flow that it follows. All reach t1 on a harmless loss. */
export const solverCases: readonly SolverCase[] = made
  .filter(({ solver }) => endOf(solver) < Infinity)
  .flatMap(({ solver, passesPerStep }): SolverCase[] => {
    const name = "rule" in solver ? `${solver.name} ${solver.rule}` : solver.name;
    if (!followsAnyFlow(solver)) return [{ name, options: { solver }, passesPerStep }];
    return Object.entries(flows).map(([flowName, flow]: [string, Flow]) => {
      return { name: `${name}, ${flowName}`, options: { solver, flow }, passesPerStep };
    });
  });

import {
  amd,
  dormandPrince,
  euler,
  expDecay,
  type FlowAndSolver,
  gradientFlow,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
} from "../../src/index.ts";

/** A solver with a flow that it follows; the common tests run over all of them. */
export interface SolverCase {
  readonly name: string;
  readonly options: FlowAndSolver;
  /** Passes forward and back that one step takes, tried once. */
  readonly passesPerStep: number;
}

export const T1 = 40;

const anyFlow = [
  { solver: euler({ grid: linearGrid({ t1: T1, slices: 170 }) }), passesPerStep: 1 },
  { solver: rk4({ grid: logGrid({ t1: T1, slices: 11 }) }), passesPerStep: 4 },
  {
    solver: rk4({ grid: logGrid({ t1: T1, slices: 11 }), rule: "3/8" }),
    passesPerStep: 4,
  },
  {
    solver: dormandPrince({ t1: T1, rtol: 1e-6, stepInit: 20 }),
    passesPerStep: 6,
  },
];

const flows = {
  gradientFlow: gradientFlow(),
  "decaying gradientFlow": gradientFlow({ alpha: expDecay({ rate: 2 }) }),
  nesterovFlow: nesterovFlow(),
};

/** Every solver with every flow that it follows. All reach t1 on a harmless loss. */
export const solverCases: readonly SolverCase[] = [
  {
    name: "amd",
    options: { solver: amd({ t1: T1, stepInit: 20, stepMax: 400, tolerance: 0 }) },
    passesPerStep: 1,
  },
  ...anyFlow.flatMap(({ solver, ...passes }) =>
    Object.entries(flows).map(([flowName, flow]) => {
      const rule = solver.name === "rk4" ? ` ${solver.rule}` : "";
      return { name: `${solver.name}${rule}, ${flowName}`, options: { solver, flow }, ...passes };
    }),
  ),
];

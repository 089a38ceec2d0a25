import type { Command } from "commander";
import { choice, type Field } from "../../base/options.ts";
import { invalid } from "../../base/refuse.ts";
import { alternatives } from "../../base/show.ts";
import {
  type AmdOptions,
  amd,
  dormandPrince,
  euler,
  type Flow,
  type FlowAndSolver,
  type GradientFlow,
  type GradientFlowOptions,
  gradientFlow,
  type LogGridOptions,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  type Rk4,
  type Rk4Options,
  rk4,
  type Solver,
} from "../../index.ts";
import { GRADIENT_FLOW_FIELDS, isUnitGradientFlow, NESTEROV_FLOW_FIELDS } from "../../solver/flow.ts";
import { LOG_GRID_FIELDS } from "../../solver/grid.ts";
import { followsAnyFlow, SOLVER_FIELDS, type SolverName, solversOfAnyFlow } from "../../solver/solver.ts";
import { AMD_IN_TRAINING } from "../../train/check-options.ts";
import { addChoice, type Choice, type Chosen, chosen, type Member, member, refuseChoice } from "./choice.ts";
import { textOf, textsOf } from "./library-flags.ts";
import { type KebabCase, kebabCase, parseAlpha } from "./parse.ts";
import { wrongUsage } from "./running.ts";

/** Default number of steps on a fixed time grid, as in the paper (arXiv 2412.00864). */
const SLICES = 100;

/** Any solver, including those that accept only the gradient flow dz/dt = -α ∇_z l, l the loss, with the factor α = 1. */
type AnySolver = Solver<GradientFlow<1>>;

/** The flow and the solver chosen by a command's options. */
export interface ChosenFlowAndSolver {
  readonly flow: Chosen<Flow>;
  readonly solver: Chosen<AnySolver>;
}

/** Choice of the flow, by `--flow`. */
export const flows: Choice<Flow> = {
  name: "flow",
  text: textOf("encode", "flow"),
  members: {
    gradient: member(
      "gradientFlow",
      gradientFlow as (options: GradientFlowOptions) => GradientFlow,
      GRADIENT_FLOW_FIELDS,
    ),
    nesterov: member("nesterovFlow", nesterovFlow, NESTEROV_FLOW_FIELDS),
  } satisfies {
    readonly [Name in Flow["name"] as Name extends `${infer Short}Flow` ? Short : Name]: Member<Flow>;
  },
  flags: { epsilon: "nesterovEpsilon" },
  parsers: { alpha: parseAlpha },
};

/** Choice of the solver for encoding, by `--solver`. */
export const solvers: Choice<AnySolver> = {
  name: "solver",
  text: textOf("encode", "solver"),
  members: {
    lbfgs: member("lbfgs", lbfgs, SOLVER_FIELDS.lbfgs),
    amd: member("amd", amd, SOLVER_FIELDS.amd),
    euler: onGrid(({ grid }) => euler({ grid })),
    rk4: onGrid(rk4, { rule: SOLVER_FIELDS.rk4.rule }),
    "dormand-prince": member("dormandPrince", dormandPrince, SOLVER_FIELDS.dormandPrince),
  } satisfies {
    readonly [Name in SolverName as KebabCase<Name>]: Member<AnySolver>;
  },
};

/** Choice of the solver for `train`: that for encoding, except that AMD's default maximum step is longer. */
const trainingSolvers: Choice<AnySolver> = {
  ...solvers,
  members: {
    ...solvers.members,
    amd: member("amd", (options: AmdOptions) => amd({ stepMax: AMD_IN_TRAINING.stepMax, ...options }), {
      ...SOLVER_FIELDS.amd,
      stepMax: { ...SOLVER_FIELDS.amd.stepMax, standard: AMD_IN_TRAINING.stepMax },
    }),
  },
};

/** Adds the options of flows and solvers to a command, as its last two help groups. */
export function addFlowAndSolverOptions(command: Command, use: "encode" | "train" = "encode"): Command {
  command.optionsGroup("Flow (in brackets: whose option it is, and its default):");
  addChoice(command, flows);
  command.optionsGroup("Solver (in brackets: whose option it is, its default; times without unit):");
  addChoice(command, use === "train" ? trainingSolvers : solvers);
  return command;
}

/**
 * Makes the flow and the solver that a command's options choose. Exits with an error of usage if an option is invalid, or
 * the solver does not support the flow.
 */
export function chosenFlowAndSolver(
  command: Command,
  use: "encode" | "train" = "encode",
): ChosenFlowAndSolver {
  const flow = chosen(command, flows);
  const solver = chosen(command, use === "train" ? trainingSolvers : solvers);
  if (!followsAnyFlow(solver.value) && !isUnitGradientFlow(flow.value)) {
    wrongUsage(
      command,
      `--solver ${solver.description.name} follows --flow gradient with --alpha 1 only; use --solver ${alternatives(solversOfAnyFlow().map(kebabCase))}`,
    );
  }
  return { flow, solver };
}

/**
 * Exits with an error of usage if an option of the flow or the solver is given.
 *
 * @param reason what such options do not go with, for the message
 */
export function refuseFlowAndSolver(command: Command, reason: string): void {
  refuseChoice(command, flows, reason);
  refuseChoice(command, solvers, reason);
}

/** Returns a flow and a solver as options of the library, which checks that the solver supports the flow. */
export function pairOf(flow: Flow, solver: AnySolver): FlowAndSolver {
  return { flow, solver } as FlowAndSolver;
}

/**
 * Makes the member of the choice `--solver` for a solver on a fixed time grid, with the grid's options. The default number of
 * steps, and the default density of the grid near t = 0, are those of the paper (arXiv 2412.00864). `t1`, the end of the flow,
 * has no default, as no value suits every decoder.
 */
function onGrid(
  make: (options: Rk4Options) => AnySolver,
  own: { readonly rule?: Field<Rk4["rule"]> } = {},
): Member<AnySolver> {
  return {
    make({ grid, rule, ...shape }) {
      const isLinear = grid === "linear";
      if (isLinear && shape.base !== undefined) throw invalid("--base is no option of --grid linear");
      const steps = { slices: SLICES, ...shape } as LogGridOptions;
      return make({
        grid: isLinear ? linearGrid(steps) : logGrid(steps),
        rule: rule as Rk4["rule"] | undefined,
      });
    },
    fields: {
      t1: LOG_GRID_FIELDS.t1,
      grid: choice("log", "linear"),
      slices: { ...LOG_GRID_FIELDS.slices, standard: SLICES },
      base: LOG_GRID_FIELDS.base,
      ...own,
    },
    texts: {
      ...textsOf("logGrid"),
      ...textsOf("rk4"),
      grid: "time grid: log, of growing steps, or linear, of equal ones",
      base: `with --grid log: ${textOf("logGrid", "base")}`,
    },
  };
}

import type { Command } from "commander";
import { invalid } from "../../base/check.ts";
import {
  type AmdOptions,
  amd,
  dormandPrince,
  type EulerOptions,
  euler,
  type Flow,
  type FlowAndSolver,
  type GradientFlow,
  gradientFlow,
  type LogGridOptions,
  lbfgs,
  linearGrid,
  logGrid,
  nesterovFlow,
  rk4,
  type Solver,
} from "../../index.ts";
import { isUnitGradientFlow } from "../../solver/flow.ts";
import { followsAnyFlow, type SolverName } from "../../solver/solver.ts";
import { AMD_IN_TRAINING } from "../../train/check-options.ts";
import {
  addChoice,
  type Choice,
  type Chosen,
  chosen,
  type Member,
  member,
  type OptionsOf,
  refuseChoice,
} from "./choice.ts";
import { wrongUsage } from "./options.ts";
import { parseAlpha } from "./parse.ts";

/** Every solver, whatever flows it follows. */
type AnySolver = Solver<GradientFlow<1>>;

/** The flow and the solver that a command's options choose. */
export interface ChosenFlowAndSolver {
  readonly flow: Chosen<Flow>;
  readonly solver: Chosen<AnySolver>;
}

const flowMembers = {
  gradient: member(gradientFlow, gradientFlow()),
  nesterov: member(nesterovFlow, nesterovFlow()),
} satisfies {
  readonly [Name in Flow["name"] as Name extends `${infer Short}Flow` ? Short : Name]: Member<Flow>;
};

const flows: Choice<Flow> = {
  name: "flow",
  text: "the differential equation that leads to the code",
  members: flowMembers,
  options: {
    alpha: {
      value: "alpha",
      text: "how strongly the gradient drives it; decay:2: exp(-2 t/t1)",
      parse: parseAlpha,
    },
    epsilon: { value: "time", text: "the damping is 3/(t + epsilon)", as: "nesterovEpsilon" },
  } satisfies OptionsOf<typeof flowMembers>,
};

const solverMembers = {
  lbfgs: member(lbfgs, lbfgs()),
  amd: member(amd, amd()),
  euler: onGrid(euler, {}),
  rk4: onGrid(rk4, { rule: "classic" }),
  "dormand-prince": member(dormandPrince, dormandPrince()),
} satisfies {
  readonly [Name in SolverName as Name extends "dormandPrince" ? "dormand-prince" : Name]: Member<AnySolver>;
};

const solvers: Choice<AnySolver> = {
  name: "solver",
  text: "how the flow is followed",
  members: solverMembers,
  options: {
    t1: { value: "time", text: "end of the flow" },
    stepInit: { value: "time", text: "first step; amd: also the least that a step is tried with" },
    stepMax: { value: "time", text: "largest step" },
    increaseFactor: { value: "factor", text: "growth from one step to the next, >= 1" },
    decreaseFactor: { value: "factor", text: "a step that fails is multiplied by it, < 1" },
    slope: {
      value: "share",
      text:
        "a step must lower the loss by this share of what the slope there promises. lbfgs: its first eight steps by " +
        "0.4 at least",
    },
    growFrom: {
      value: "step",
      text: "a step grows from the last one accepted, or the last one tried first",
      words: ["accepted", "trial"],
    },
    maxBacktracks: { value: "n", text: "failures of one step until none is said to lower the loss" },
    maxSteps: { value: "n", text: "steps per sample; lbfgs and amd: accepted ones" },
    tolerance: {
      value: "loss",
      text:
        "when a sample has converged. lbfgs: when its loss is expected to fall by less than this share of it, or of " +
        "what it has fallen by; amd: when it falls by less than this in a step; 0: when float32 shows no fall any more",
    },
    memory: { value: "n", text: "pairs of steps and changes of the gradient that are kept" },
    window: { value: "n", text: "how many accepted losses are recent" },
    settle: { value: "share", text: "no convergence before this share of t1" },
    rtol: { value: "share", text: "error allowed in a step, as a share of the state" },
    atol: { value: "error", text: "error allowed in a step whatever the state" },
    grid: { value: "name", text: "steps that grow, or of one length", words: ["log", "linear"] },
    slices: { value: "n", text: "steps of the grid" },
    base: { value: "factor", text: "log grid: the last steps are about so many times the first" },
    rule: { value: "name", text: "RK4's weights", words: ["classic", "3/8"] },
  } satisfies OptionsOf<typeof solverMembers>,
};

/** What is chosen by name. */
export const flowAndSolverChoices: readonly Pick<Choice<object>, "name" | "options">[] = [flows, solvers];

/** The solvers of `train`, whose AMD takes longer steps by default. */
const trainingSolvers: Choice<AnySolver> = {
  ...solvers,
  members: {
    ...solverMembers,
    amd: member(
      (options: AmdOptions) => amd({ stepMax: AMD_IN_TRAINING.stepMax, ...options }),
      AMD_IN_TRAINING,
    ),
  },
};

/** Adds the options of flows and solvers: the last two groups of a command's help. */
export function addFlowAndSolverOptions(command: Command, use: "encode" | "train" = "encode"): Command {
  command.optionsGroup("Flow (in brackets: whose option it is, and its default):");
  addChoice(command, flows);
  command.optionsGroup("Solver (the same; times are those of the flow, without unit):");
  addChoice(command, use === "train" ? trainingSolvers : solvers);
  return command;
}

/** The flow and the solver that a command's options choose; a value out of range is wrong usage. */
export function chosenFlowAndSolver(
  command: Command,
  use: "encode" | "train" = "encode",
): ChosenFlowAndSolver {
  const flow = chosen(command, flows);
  const solver = chosen(command, use === "train" ? trainingSolvers : solvers);
  if (!followsAnyFlow(solver.value) && !isUnitGradientFlow(flow.value)) {
    wrongUsage(
      command,
      `--solver ${solver.description.name} follows --flow gradient with --alpha 1 only; use --solver euler, rk4 or dormand-prince`,
    );
  }
  return { flow, solver };
}

/** Refuses the options of flows and solvers where none is followed: that is wrong usage. */
export function refuseFlowAndSolver(command: Command, reason: string): void {
  refuseChoice(command, flows, reason);
  refuseChoice(command, solvers, reason);
}

/** Both as the library takes them, which checks that they go together. */
export function pairOf(flow: Flow, solver: AnySolver): FlowAndSolver {
  return { flow, solver } as FlowAndSolver;
}

/**
 * A solver on a grid: the options of the grid are among its own. The grid has as many slices as the paper's, and
 * is denser near t = 0 as there. A t1 that suits every decoder there is not.
 */
function onGrid<O extends EulerOptions>(
  make: (options: O) => AnySolver,
  defaults: { readonly [Name in Exclude<keyof O, "grid">]-?: unknown },
): Member<AnySolver, keyof LogGridOptions | (keyof O & string)> {
  type Options = LogGridOptions & { readonly grid?: "log" | "linear" };
  const slicesOfThePaper = 100;
  return member(
    ({ t1, slices = slicesOfThePaper, grid = "log", base, ...options }: Options) => {
      if (grid === "linear" && base !== undefined) throw invalid("--base is no option of --grid linear");
      const shape = { t1, slices, ...(base !== undefined && { base }) };
      return make({ ...options, grid: grid === "linear" ? linearGrid(shape) : logGrid(shape) } as O);
    },
    { t1: undefined, slices: slicesOfThePaper, grid: "log", base: 4, ...defaults },
  ) as Member<AnySolver, keyof LogGridOptions | (keyof O & string)>;
}

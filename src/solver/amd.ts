import { checkChoice, checkNumber } from "../check.ts";
import type { GradientFlow } from "../flow.ts";
import { withRecipe } from "../recipe.ts";
import type { Solution, Solver } from "./base.ts";
import { completeOptions, type Descending, type DescentRule, descend } from "./descent.ts";
import { EULER } from "./runge-kutta.ts";

/** Options of `amd`. */
export interface AmdOptions {
  /** The end of the flow, τ. Default 1e4. */
  t1?: number;
  /** The first step, and the smallest that a step is tried with, s_0. Default 1. */
  stepInit?: number;
  /** The largest step, s_max. Default 10, or `stepInit` where that is larger. */
  stepMax?: number;
  /** κ ≥ 1: growth from one step to the next. Default 1.1. */
  increaseFactor?: number;
  /** β in (0, 1): a step that does not lower the loss enough is multiplied by it. Default 0.75. */
  decreaseFactor?: number;
  /** c in [0, 1): how much a step must lower the loss, as a share of δt·‖∇_z l‖². Default 0, any decrease. */
  slope?: number;
  /** Growth from the accepted step ("accepted", the default) or from the one tried first ("trial"). */
  growFrom?: "accepted" | "trial";
  /** Backtracks within one step before the sample has stalled. Default 100. */
  maxBacktracks?: number;
  /** Accepted steps; 0 evaluates the loss at z0 and no more. Default 10,000. */
  maxSteps?: number;
  /**
   * Converged when the recent losses fall by less than this a step; with 0 only where the gradient is 0.
   * Default 1e-5.
   */
  tolerance?: number;
  /** How many accepted losses are recent, ≥ 2. Default 5. */
  window?: number;
  /** No convergence before t = settle · t1. Default 0.02. */
  settle?: number;
}

/** AMD with all its options. */
export interface Amd extends Solver<GradientFlow<1>>, Readonly<Required<AmdOptions>> {
  readonly name: "amd";
}

const DEFAULTS: Required<AmdOptions> = {
  t1: 1e4,
  stepInit: 1,
  stepMax: 10,
  increaseFactor: 1.1,
  decreaseFactor: 0.75,
  slope: 0,
  growFrom: "accepted",
  maxBacktracks: 100,
  maxSteps: 10_000,
  tolerance: 1e-5,
  window: 5,
  settle: 0.02,
};

/**
 * AMD, the adaptive minimise-distance solver (equations 6 and 7): explicit steps along -∇_z l, each as long
 * as it lowers the sample's own loss. Every sample has its own step and its own end.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function amd(options: AmdOptions = {}): Amd {
  const all = completeOptions("amd", DEFAULTS, options);
  if (options.stepMax === undefined) all.stepMax = Math.max(DEFAULTS.stepMax, all.stepInit);
  checkNumber("amd", "t1", all.t1, { above: 0 });
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  checkChoice("amd", "growFrom", all.growFrom, ["accepted", "trial"]);
  checkNumber("amd", "window", all.window, { min: 2, max: 1000, integer: true });
  checkNumber("amd", "settle", all.settle, { min: 0, max: 1 });
  const solver: Amd = {
    name: "amd",
    flows: "unitGradient",
    tableau: EULER,
    ...all,
    solve: (objective, _flow, solution, first, control) =>
      descend(stepRule(solver, objective.latentSize, solution), solver, objective, solution, first, control),
  };
  made.add(solver);
  return withRecipe(Object.freeze(solver), "amd", all);
}

/** The values that `amd` has made: a solver that only looks like one must not be taken for it. */
const made = new WeakSet<Solver>();

/** Is this solver a value that `amd` has made? */
export function isAmd(solver: Solver): solver is Amd {
  return made.has(solver);
}

/** A sample on its way. */
interface Running extends Descending {
  /** The accepted losses, the last `window` of them. */
  readonly recent: number[];
  /** ‖g‖² */
  gradientNormSquared: number;
  /** s_n, the step tried first. */
  step: number;
}

/** AMD's steps on the general path; assembly/amd.ts has the fused ones. */
function stepRule(options: Amd, d: number, solution: Solution): DescentRule<Running> {
  return {
    begin: (row) => ({
      ...{ row, gradient: new Float64Array(d), gradientNormSquared: 0, recent: [] },
      ...{ loss: Number.NaN, step: options.stepInit, dt: 0, trial: -1, required: 0 },
    }),
    propose(sample, z, into) {
      const { dt, gradient } = sample;
      for (let k = 0; k < d; k++) into[k] = z[k]! - dt * gradient[k]!;
      sample.required = options.slope * dt * sample.gradientNormSquared;
      return undefined;
    },
    between({ gradient }, z) {
      const start = gradient.slice();
      return (time) => z.map((value, k) => value - time * start[k]!);
    },
    accept(sample, index) {
      const { dt, loss, recent } = sample;
      // The last step is cut to end at t1; the sum may miss it by a rounding.
      const last = dt === options.t1 - solution.t[index]!;
      solution.t[index] = last ? options.t1 : solution.t[index]! + dt;
      recent.push(loss);
      if (recent.length > options.window) recent.shift();
      const grown = options.increaseFactor * (options.growFrom === "trial" ? sample.step : dt);
      sample.step = Math.min(Math.max(grown, options.stepInit), options.stepMax);
      if (isFlat(options, recent, solution.t[index]!)) return "converged";
      return last ? "reached_t1" : undefined;
    },
    turn(sample, index, gradient) {
      sample.gradientNormSquared = gradient.reduce((sum, g) => sum + g * g, 0);
      sample.dt = Math.min(sample.step, options.t1 - solution.t[index]!);
    },
  };
}

/**
 * Is the mean of the numerical gradient of the last accepted losses, one-sided at the ends, below the
 * tolerance? It telescopes to (3·(last - first) + (second - last but one)) / (2·window).
 */
function isFlat(options: Amd, recent: readonly number[], t: number): boolean {
  const window = options.window;
  if (recent.length < window || t < options.settle * options.t1) return false;
  const fall = 3 * (recent[window - 1]! - recent[0]!) + (recent[1]! - recent[window - 2]!);
  return Math.abs(fall / (2 * window)) < options.tolerance;
}

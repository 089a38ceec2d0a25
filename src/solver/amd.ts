import { checkChoice, checkNumber, checkOptions } from "../check.ts";
import type { GradientFlow } from "../flow.ts";
import type { Objective } from "../objective.ts";
import { STATUSES, type Status } from "../result.ts";
import type { Control, Solution, Solver } from "./base.ts";
import type { Recording } from "./recording.ts";
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

/** Larger counts would not fit the 32-bit counters of the fused solver. */
const MAX_COUNT = 2 ** 31 - 1;

/**
 * AMD, the adaptive minimise-distance solver (equations 6 and 7): explicit steps along -∇_z l, each as long
 * as it lowers the sample's own loss. Every sample has its own step and its own end.
 *
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range
 */
export function amd(options: AmdOptions = {}): Amd {
  checkOptions("amd", options, Object.keys(DEFAULTS));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: Required<AmdOptions> = { ...DEFAULTS, ...given };
  if (options.stepMax === undefined) all.stepMax = Math.max(DEFAULTS.stepMax, all.stepInit);
  checkNumber("amd", "t1", all.t1, { above: 0 });
  checkNumber("amd", "stepInit", all.stepInit, { above: 0 });
  checkNumber("amd", "stepMax", all.stepMax, { min: all.stepInit });
  checkNumber("amd", "increaseFactor", all.increaseFactor, { min: 1 });
  checkNumber("amd", "decreaseFactor", all.decreaseFactor, { above: 0, max: 1 - Number.EPSILON });
  checkNumber("amd", "slope", all.slope, { min: 0, max: 1 - Number.EPSILON });
  checkChoice("amd", "growFrom", all.growFrom, ["accepted", "trial"]);
  checkNumber("amd", "maxBacktracks", all.maxBacktracks, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber("amd", "maxSteps", all.maxSteps, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber("amd", "tolerance", all.tolerance, { min: 0 });
  checkNumber("amd", "window", all.window, { min: 2, max: 1000, integer: true });
  checkNumber("amd", "settle", all.settle, { min: 0, max: 1 });
  const solver: Amd = {
    name: "amd",
    flows: "unitGradient",
    tableau: EULER,
    ...all,
    solve: (objective, _flow, solution, first, control) => solve(solver, objective, solution, first, control),
  };
  made.add(solver);
  return Object.freeze(solver);
}

/** The values that `amd` has made: a solver that only looks like one must not be taken for it. */
const made = new WeakSet<Solver>();

/** Is this solver a value that `amd` has made? */
export function isAmd(solver: Solver): solver is Amd {
  return made.has(solver);
}

/** A sample on its way. */
interface Running {
  /** Its row in the objective. */
  readonly row: number;
  /** The accepted losses, the last `window` of them. */
  readonly recent: number[];
  readonly gradient: Float64Array;
  gradientNormSquared: number;
  loss: number;
  /** s_n, the step tried first. */
  step: number;
  /** δt, the step being tried. */
  dt: number;
  /** Backtracks of the step being tried; -1 while the value at z0 is. */
  trial: number;
}

/** Where an accepted step has started, for the points on it that are to be kept. */
interface Start {
  readonly row: number;
  readonly t: number;
  readonly z: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * The general path, for any objective. assembly/amd.ts is the same solver fused with the WASM kernels: the
 * same operations in the same order, so that the two agree bit for bit.
 */
async function solve(
  options: Amd,
  objective: Objective,
  solution: Solution,
  first: number,
  control: Control,
): Promise<void> {
  const d = objective.latentSize;
  const { recording } = solution;
  let running = Array.from({ length: objective.batchSize }, (_, row): Running => {
    const gradient = new Float64Array(d);
    const step = options.stepInit;
    return { row, recent: [], gradient, gradientNormSquared: 0, loss: Number.NaN, step, dt: 0, trial: -1 };
  });

  function end(sample: Running, status: Status): void {
    solution.end(first + sample.row, STATUSES.indexOf(status));
  }

  while (running.length > 0 && !control.aborted()) {
    const trials = new Float64Array(running.length * d);
    running.forEach((sample, i) => {
      const z = latent(solution, first + sample.row, d);
      for (let k = 0; k < d; k++) trials[i * d + k] = z[k]! - sample.dt * sample.gradient[k]!;
    });
    const losses = await objective.value(rowsOf(running), trials);

    const starts: Start[] = [];
    const accepted: Running[] = [];
    const waiting: Running[] = [];
    running.forEach((sample, i) => {
      const index = first + sample.row;
      const loss = losses[i]!;
      solution.valueEvaluations[index]!++;
      if (sample.trial < 0) {
        sample.loss = loss;
        solution.loss[index] = loss;
        solution.initialLoss[index] = loss;
        recording?.keepStep(index, 0, latent(solution, index, d), loss);
        if (!Number.isFinite(loss)) end(sample, "nonfinite");
        else if (options.maxSteps === 0) end(sample, "max_steps");
        else accepted.push(sample);
      } else if (loss < sample.loss - options.slope * sample.dt * sample.gradientNormSquared) {
        const z = latent(solution, index, d);
        if (recording) {
          const { row, gradient } = sample;
          starts.push({ row, t: solution.t[index]!, z: z.slice(), gradient: gradient.slice() });
        }
        z.set(trials.subarray(i * d, (i + 1) * d));
        const status = accept(options, sample, solution, index, loss);
        if (status) end(sample, status);
        else accepted.push(sample);
      } else if (sample.trial === options.maxBacktracks) {
        end(sample, "stalled");
      } else {
        sample.trial++;
        solution.backtracks[index]!++;
        sample.dt *= options.decreaseFactor;
        waiting.push(sample);
      }
    });

    const gradients = accepted.length > 0 ? await objective.gradient(rowsOf(accepted)) : new Float64Array(0);
    running = waiting;
    accepted.forEach((sample, i) => {
      const index = first + sample.row;
      sample.gradient.set(gradients.subarray(i * d, (i + 1) * d));
      sample.gradientNormSquared = sample.gradient.reduce((sum, g) => sum + g * g, 0);
      sample.trial = 0;
      sample.dt = Math.min(sample.step, options.t1 - solution.t[index]!);
      solution.gradientEvaluations[index]!++;
      if (!Number.isFinite(sample.gradientNormSquared)) end(sample, "nonfinite");
      else if (sample.gradientNormSquared === 0) end(sample, "converged");
      else running.push(sample);
    });
    // After the gradients, which are taken where the loss was evaluated last.
    if (recording) await keepSteps(recording, objective, solution, first, starts);
    await control.pause();
  }
}

/**
 * Keeps the points of accepted steps that are asked for: those at chosen times on the straight way, each of
 * which takes an evaluation of the loss, and the end.
 */
async function keepSteps(
  recording: Recording,
  objective: Objective,
  solution: Solution,
  first: number,
  starts: readonly Start[],
): Promise<void> {
  const d = objective.latentSize;
  for (;;) {
    const due = starts.flatMap(({ row, t, z, gradient }) => {
      const time = recording.dueBefore(first + row, solution.t[first + row]!);
      if (time === undefined) return [];
      return { row, time, z: z.map((value, k) => value - (time - t) * gradient[k]!) };
    });
    if (due.length === 0) break;
    const points = new Float64Array(due.length * d);
    due.forEach(({ z }, i) => {
      points.set(z, i * d);
    });
    const losses = await objective.value(rowsOf(due), points);
    due.forEach(({ row, time, z }, i) => {
      solution.valueEvaluations[first + row]!++;
      recording.keep(first + row, time, z, losses[i]!);
    });
  }
  for (const { row } of starts) {
    const index = first + row;
    recording.keepStep(index, solution.t[index]!, latent(solution, index, d), solution.loss[index]!);
  }
}

/** Takes an accepted step's time and loss; returns the status that it ends with, if any. */
function accept(
  options: Amd,
  sample: Running,
  solution: Solution,
  index: number,
  loss: number,
): Status | undefined {
  const t = solution.t[index]!;
  // The last step is cut to end at t1; the sum may miss it by a rounding.
  const last = sample.dt === options.t1 - t;
  solution.t[index] = last ? options.t1 : t + sample.dt;
  solution.loss[index] = loss;
  solution.acceptedSteps[index]!++;
  sample.loss = loss;
  sample.recent.push(loss);
  if (sample.recent.length > options.window) sample.recent.shift();
  const grown = options.increaseFactor * (options.growFrom === "trial" ? sample.step : sample.dt);
  sample.step = Math.min(Math.max(grown, options.stepInit), options.stepMax);
  if (isFlat(options, sample.recent, solution.t[index]!)) return "converged";
  if (last) return "reached_t1";
  return solution.acceptedSteps[index]! >= options.maxSteps ? "max_steps" : undefined;
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

function rowsOf(samples: readonly { readonly row: number }[]): Int32Array {
  return Int32Array.from(samples, (sample) => sample.row);
}

function latent(solution: Solution, index: number, d: number): Float64Array {
  return solution.z.subarray(index * d, (index + 1) * d);
}

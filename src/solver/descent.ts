import { checkNumber, checkOptions } from "../check.ts";
import type { Objective } from "../objective.ts";
import { STATUSES, type Status } from "../result.ts";
import type { Control, Solution } from "./base.ts";

/** Options that the solvers which take a step only if it lowers the loss have in common. */
export interface DescentOptions {
  readonly stepInit: number;
  readonly increaseFactor: number;
  readonly decreaseFactor: number;
  readonly slope: number;
  readonly tolerance: number;
  readonly maxSteps: number;
  readonly maxBacktracks: number;
}

/** Larger counts would not fit the 32-bit counters of the fused solvers. */
export const MAX_COUNT = 2 ** 31 - 1;

/** The options given over the defaults, those in common checked. */
export function completeOptions<Options extends DescentOptions>(
  where: string,
  defaults: Options,
  options: { [Name in keyof Options]?: Options[Name] },
): Options {
  checkOptions(where, options, Object.keys(defaults));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: Options = { ...defaults, ...given };
  checkNumber(where, "stepInit", all.stepInit, { above: 0 });
  checkNumber(where, "increaseFactor", all.increaseFactor, { min: 1 });
  checkNumber(where, "decreaseFactor", all.decreaseFactor, { above: 0, max: 1 - Number.EPSILON });
  checkNumber(where, "slope", all.slope, { min: 0, max: 1 - Number.EPSILON });
  checkNumber(where, "tolerance", all.tolerance, { min: 0 });
  checkNumber(where, "maxSteps", all.maxSteps, { min: 0, max: MAX_COUNT, integer: true });
  checkNumber(where, "maxBacktracks", all.maxBacktracks, { min: 0, max: MAX_COUNT, integer: true });
  return all;
}

/** A sample on its way. */
export interface Descending {
  /** Its row in the objective. */
  readonly row: number;
  /** ∇_z l at z, [d]; 0 before the first one. */
  readonly gradient: Float64Array;
  loss: number;
  /** δt, the step being tried; 0 before the first one. */
  dt: number;
  /** Backtracks of the step being tried; -1 while the value at z0 is. */
  trial: number;
  /** How much the step being tried must lower the loss: by more than this. */
  required: number;
}

/** How a solver makes its steps; `descend` does the rest. */
export interface DescentRule<Sample extends Descending> {
  /** A sample before its first evaluation. */
  begin(row: number): Sample;
  /** Work before the next steps that takes evaluations of its own. */
  prepare?(samples: readonly Sample[]): Promise<void>;
  /**
   * Writes the step to be tried from a sample's z, of length δt, and what it requires.
   * @param into [d], where the step's end is written
   * @returns a status if the sample ends instead; "shrink" where there is no step of this length
   */
  propose(sample: Sample, z: Float64Array, into: Float64Array): Status | "shrink" | undefined;
  /** The points within the step proposed last: a function of their time since its start. Called for `saveAt`. */
  between(sample: Sample, z: Float64Array): (time: number) => Float64Array;
  /** Takes up an accepted step, whose z and loss are set: its time; returns a status if the sample ends. */
  accept(sample: Sample, index: number): Status | undefined;
  /**
   * Takes up the gradient at a sample's new z, and sets the next step's δt.
   * @param newGradient replaces `sample.gradient` after the call
   */
  turn(sample: Sample, index: number, newGradient: Float64Array): void;
}

/** An accepted step, for the points on it that are to be kept. */
interface Start {
  readonly row: number;
  readonly t: number;
  readonly between: (time: number) => Float64Array;
}

/**
 * The general path of the solvers that take a step only if it lowers the sample's own loss, for any objective.
 * assembly/descent.ts is the same fused with the WASM kernels: the same operations in the same order, so that the
 * two agree bit for bit.
 */
export async function descend<Sample extends Descending>(
  rule: DescentRule<Sample>,
  options: DescentOptions,
  objective: Objective,
  solution: Solution,
  first: number,
  control: Control,
): Promise<void> {
  const d = objective.latentSize;
  const { recording } = solution;
  let running = Array.from({ length: objective.batchSize }, (_, row) => rule.begin(row));

  function end(sample: Sample, status: Status): void {
    solution.end(first + sample.row, STATUSES.indexOf(status));
  }

  while (running.length > 0 && !control.aborted()) {
    const trials = new Float64Array(running.length * d);
    const trialOf = (i: number) => trials.subarray(i * d, (i + 1) * d);
    const tried: Sample[] = [];
    const goingOn: Sample[] = [];
    const shrink = (sample: Sample) => {
      if (sample.trial === options.maxBacktracks) {
        end(sample, "stalled");
        return;
      }
      sample.trial++;
      solution.backtracks[first + sample.row]!++;
      sample.dt *= options.decreaseFactor;
      goingOn.push(sample);
    };
    for (const sample of running) {
      const z = latent(solution, first + sample.row, d);
      const verdict = rule.propose(sample, z, trialOf(tried.length));
      if (verdict === "shrink") shrink(sample);
      else if (verdict) end(sample, verdict);
      else tried.push(sample);
    }
    const losses = await lossesAt(objective, tried, trials);

    const starts: Start[] = [];
    const accepted: Sample[] = [];
    tried.forEach((sample, i) => {
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
      } else if (Number.isFinite(loss) && loss < sample.loss - sample.required) {
        const z = latent(solution, index, d);
        const { row } = sample;
        if (recording) starts.push({ row, t: solution.t[index]!, between: rule.between(sample, z.slice()) });
        z.set(trialOf(i));
        sample.loss = loss;
        solution.loss[index] = loss;
        solution.acceptedSteps[index]!++;
        const status = rule.accept(sample, index);
        if (status) end(sample, status);
        else if (solution.acceptedSteps[index]! >= options.maxSteps) end(sample, "max_steps");
        else accepted.push(sample);
      } else {
        shrink(sample);
      }
    });

    const gradients = accepted.length > 0 ? await objective.gradient(rowsOf(accepted)) : new Float64Array(0);
    accepted.forEach((sample, i) => {
      const index = first + sample.row;
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      rule.turn(sample, index, gradient);
      sample.gradient.set(gradient);
      sample.trial = 0;
      solution.gradientEvaluations[index]!++;
      const normSquared = gradient.reduce((sum, g) => sum + g * g, 0);
      if (!Number.isFinite(normSquared)) end(sample, "nonfinite");
      else if (normSquared === 0) end(sample, "converged");
      else goingOn.push(sample);
    });
    running = goingOn;
    await rule.prepare?.(running);
    // After whatever is taken where the loss was evaluated last.
    if (recording) await keepSteps(objective, solution, first, starts);
    await control.pause();
  }
}

async function lossesAt(
  objective: Objective,
  samples: readonly { readonly row: number }[],
  points: Float64Array,
): Promise<Float64Array> {
  if (samples.length === 0) return new Float64Array(0);
  return objective.value(rowsOf(samples), points.subarray(0, samples.length * objective.latentSize));
}

/**
 * Keeps the points of accepted steps that are asked for: those at chosen times within, each of which takes an
 * evaluation of the loss, and the end.
 */
async function keepSteps(
  objective: Objective,
  solution: Solution,
  first: number,
  starts: readonly Start[],
): Promise<void> {
  const d = objective.latentSize;
  const recording = solution.recording!;
  for (;;) {
    const due = starts.flatMap(({ row, t, between }) => {
      const time = recording.dueBefore(first + row, solution.t[first + row]!);
      return time === undefined ? [] : [{ row, time, z: between(time - t) }];
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

export function rowsOf(samples: readonly { readonly row: number }[]): Int32Array {
  return Int32Array.from(samples, (sample) => sample.row);
}

function latent(solution: Solution, index: number, d: number): Float64Array {
  return solution.z.subarray(index * d, (index + 1) * d);
}

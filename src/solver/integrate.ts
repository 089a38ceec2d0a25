import { isLoss } from "./base.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { type Grid, timeOf } from "./grid.ts";
import { allRows, type Values } from "./objective.ts";
import { RungeKutta, type Tableau } from "./runge-kutta.ts";
import { STATUSES, type Status } from "./status.ts";
import { System } from "./system.ts";

/** Trial step of one sample. */
export interface TriedStep {
  /** Row of the sample in the objective. */
  readonly row: number;
  /** Length of the step in the flow's time. */
  readonly length: number;
  /** State before the step: z, followed for a second-order flow by the velocity v. */
  readonly state: Float64Array;
  /** State after the step, laid out as `state`. */
  readonly next: Float64Array;
  /** Estimated error of each number of `next`; all 0 for a method without an error estimate. */
  readonly error: Float64Array;
  /**
   * True if the new state and its loss are finite, and its time derivative too, which is not checked at the end of a fixed grid.
   */
  readonly allFinite: boolean;
}

/** Step-size control of one `integrate` call: chooses the lengths of steps and which of them are accepted. */
export interface StepControl {
  /** End time of the flow. */
  readonly t1: number;
  /** Maximum number of steps of one sample, rejected ones included. */
  readonly maxSteps: number;
  /** True if `judge` uses the error estimate, for which the derivative at the step's end is needed even where the flow ends. */
  readonly needsError: boolean;
  /** Returns the end time of the next trial step of a sample that is at time t after `accepted` steps. */
  end(row: number, t: number, accepted: number): number;
  /** Returns "accept", "shorten" for another trial with a shorter step, or a status that ends the sample at the step's start. */
  judge(step: TriedStep): "accept" | "shorten" | Status;
}

/** Makes the step control of a fixed time grid: the same steps for all samples, each accepted if its results are finite. */
export function gridSteps(grid: Grid): StepControl {
  return {
    t1: grid.t1,
    maxSteps: grid.slices,
    needsError: false,
    end: (_row, _t, accepted) => timeOf(grid, accepted + 1),
    judge: ({ allFinite }) => (allFinite ? "accept" : "nonfinite"),
  };
}

/**
 * Integrates the flow of every sample of a problem with an explicit Runge-Kutta method. All samples that have not ended try
 * their next steps together, each from its own time and over its own length.
 *
 * A step is accepted only after the loss and the derivative at its end are known to be finite, so that the z of a sample
 * that ends as "nonfinite" is its last finite one.
 */
export async function integrate(tableau: Tableau, steps: StepControl, problem: FlowProblem): Promise<void> {
  const { objective, solution, first, control } = problem;
  const count = objective.sampleCount;
  const d = objective.latentSize;
  const system = new System(problem, steps.t1);
  const method = new RungeKutta(tableau, system, count);
  const { recording } = solution;
  const states = system.states();
  const derivatives = system.states();
  const next = system.states();
  const newDerivatives = system.states();
  const error = system.states();
  const between = recording && system.states();
  /** Time that each sample has reached, [B]. */
  const t = solution.t.subarray(first, first + count);
  /** End time of each sample's trial step, [B]. */
  const ends = new Float64Array(count);
  /** Length of each sample's trial step, [B]. */
  const lengths = new Float64Array(count);
  let rows = allRows(count);
  if (control.aborted()) return;
  await start();
  while (rows.length > 0 && !control.aborted()) await step();

  function end(row: number, status: Status): false {
    solution.end(first + row, STATUSES.indexOf(status));
    return false;
  }

  /** Computes each sample's loss and time derivative at z0; ends samples with a non-finite value. */
  async function start(): Promise<void> {
    for (const row of rows) {
      system.row(states, row).set(solution.z.subarray((first + row) * d, (first + row + 1) * d));
    }
    const values = await system.values(rows, states);
    rows.forEach((row, i) => {
      solution.begin(first + row, values, i);
      recording?.keepStep(first + row, 0, system.row(states, row), values.losses[i]!);
    });
    rows = rows.filter((row, i) => isLoss(values.objectives[i]!) || end(row, "nonfinite"));
    if (rows.length > 0) await system.derivatives(rows, t, states, derivatives);
    for (const row of rows) solution.gradientNorm[first + row] = system.gradientNorms[row]!;
    rows = rows.filter((row) => {
      if (steps.maxSteps === 0) return end(row, "max_steps");
      return system.row(derivatives, row).every(Number.isFinite) || end(row, "nonfinite");
    });
  }

  /** Tries one step of every sample that has not ended. */
  async function step(): Promise<void> {
    for (const row of rows) {
      ends[row] = steps.end(row, t[row]!, solution.acceptedSteps[first + row]!);
      lengths[row] = ends[row]! - t[row]!;
    }
    await method.step(rows, t, lengths, states, derivatives, next);
    const values = await system.values(rows, next);
    await system.derivatives(rows, ends, next, newDerivatives);
    // At the end of a fixed grid only the gradient's norm is needed, which need not be finite.
    const goesOn = (row: number) => steps.needsError || ends[row] !== steps.t1;

    const verdicts = Array.from(rows, (row, i) => {
      const length = lengths[row]!;
      method.estimateError(row, length, derivatives, newDerivatives, error);
      const allFinite =
        isLoss(values.objectives[i]!) &&
        system.row(next, row).every(Number.isFinite) &&
        (!goesOn(row) || system.row(newDerivatives, row).every(Number.isFinite));
      return steps.judge({
        row,
        length,
        state: system.row(states, row),
        next: system.row(next, row),
        error: system.row(error, row),
        allFinite,
      });
    });
    // Stored now: keepBetween computes derivatives at other points.
    for (const [i, row] of rows.entries()) {
      if (verdicts[i] === "accept") solution.gradientNorm[first + row] = system.gradientNorms[row]!;
    }
    if (recording) await keepBetween(rows.filter((_, i) => verdicts[i] === "accept"));
    rows = rows.filter((row, i) => {
      const verdict = verdicts[i]!;
      if (verdict === "accept") accept(row, values, i);
      else if (verdict === "shorten") solution.backtracks[first + row]!++;
      else return end(row, verdict);
      if (t[row] === steps.t1) return end(row, "reached_t1");
      const tried = solution.acceptedSteps[first + row]! + solution.backtracks[first + row]!;
      return tried < steps.maxSteps || end(row, "max_steps");
    });
  }

  /** Makes the state at the end of a sample's trial step its current state, and records it. */
  function accept(row: number, values: Values, i: number): void {
    const sample = first + row;
    const state = system.row(states, row);
    state.set(system.row(next, row));
    system.row(derivatives, row).set(system.row(newDerivatives, row));
    t[row] = ends[row]!;
    solution.z.set(state.subarray(0, d), sample * d);
    solution.v?.set(state.subarray(d), sample * d);
    solution.take(sample, values, i);
    solution.acceptedSteps[sample]!++;
    recording?.keepStep(sample, t[row]!, state, values.losses[i]!);
  }

  /**
   * Records the states at chosen times within accepted steps, each reached by a shorter step from the same start, which
   * leaves the sample's further steps unchanged.
   */
  async function keepBetween(accepted: Int32Array): Promise<void> {
    for (;;) {
      const due = accepted.filter((row) => recording!.dueBefore(first + row, ends[row]!) !== undefined);
      if (due.length === 0) return;
      for (const row of due) lengths[row] = recording!.dueBefore(first + row, ends[row]!)! - t[row]!;
      await method.step(due, t, lengths, states, derivatives, between!);
      const { losses } = await system.values(due, between!);
      due.forEach((row, i) => {
        const time = recording!.dueBefore(first + row, ends[row]!)!;
        recording!.keep(first + row, time, system.row(between!, row), losses[i]!);
      });
    }
  }
}

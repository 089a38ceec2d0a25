import type { System } from "./system.ts";
import type { Tableau } from "./tableau.ts";

/** Steps of one Runge-Kutta method, with memory for its stages. */
export class RungeKutta {
  /** Derivatives at the stages after the first. */
  private readonly stages: readonly Float64Array[];
  private readonly stageStates: Float64Array;
  private readonly stageTimes: Float64Array;

  constructor(
    private readonly tableau: Tableau,
    private readonly system: System,
    sampleCount: number,
  ) {
    this.stages = tableau.stages.map(() => system.states());
    this.stageStates = system.states();
    this.stageTimes = new Float64Array(sampleCount);
  }

  /**
   * Computes the states at t + step of the chosen samples. All arrays hold one entry, or row, for every sample.
   * @param derivatives f(t, y) at `states`
   * @param next where the new states are written
   */
  async step(
    rows: Int32Array,
    t: Float64Array,
    steps: Float64Array,
    states: Float64Array,
    derivatives: Float64Array,
    next: Float64Array,
  ): Promise<void> {
    for (const [i, { time, weights }] of this.tableau.stages.entries()) {
      for (const row of rows) {
        this.stageTimes[row] = t[row]! + time * steps[row]!;
        this.combine(row, weights, steps[row]!, derivatives, this.stageStates, states);
      }
      await this.system.values(rows, this.stageStates);
      await this.system.derivatives(rows, this.stageTimes, this.stageStates, this.stages[i]!);
    }
    for (const row of rows) {
      this.combine(row, this.tableau.weights, steps[row]!, derivatives, next, states);
    }
  }

  /**
   * Estimates the error of one sample's last step.
   * @param derivatives f(t, y) at the step's start
   * @param newDerivatives the same at its end
   * @param error where it is written, if the method has an estimate
   */
  estimateError(
    row: number,
    step: number,
    derivatives: Float64Array,
    newDerivatives: Float64Array,
    error: Float64Array,
  ): void {
    const weights = this.tableau.errorWeights;
    if (weights === undefined) return;
    this.combine(row, weights, step, derivatives, error);
    const { size } = this.system;
    const last = step * weights.at(-1)!;
    for (let k = row * size; k < (row + 1) * size; k++) error[k]! += last * newDerivatives[k]!;
  }

  /** into = start + step · Σ weights_j · stage_j, for one sample; the sum runs over the stages in their order. */
  private combine(
    row: number,
    weights: readonly number[],
    step: number,
    derivatives: Float64Array,
    into: Float64Array,
    start?: Float64Array,
  ): void {
    const { size } = this.system;
    const stages = Math.min(weights.length - 1, this.stages.length);
    for (let k = row * size; k < (row + 1) * size; k++) {
      let sum = weights[0]! * derivatives[k]!;
      for (let j = 0; j < stages; j++) sum += weights[j + 1]! * this.stages[j]![k]!;
      into[k] = (start?.[k] ?? 0) + step * sum;
    }
  }
}

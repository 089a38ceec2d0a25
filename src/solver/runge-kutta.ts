import type { System } from "./system.ts";

/**
 * Butcher tableau of an explicit Runge-Kutta method. Its first stage, the derivative at the step's start, is not listed: it
 * is already known from the end of the step before. The tableaus are in tableaus.ts.
 */
export interface Tableau {
  /** Stages after the first: node c_i, and the weights a_ij of the stages j before it. */
  readonly stages: readonly { readonly time: number; readonly weights: readonly number[] }[];
  /** Weights b_j of all stages, the first included, in the new state. */
  readonly weights: readonly number[];
  /**
   * Weights of the error estimate: b_j minus those of the embedded method; the last weight belongs to the derivative at the
   * new state. Undefined for a method without an error estimate.
   */
  readonly errorWeights?: readonly number[];
}

/** Computes steps of one explicit Runge-Kutta method for B samples, with memory for its stages. */
export class RungeKutta {
  /** Time derivatives of all samples at each stage after the first: for each stage an array [B, size of a state]. */
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
   * Computes the states of the chosen samples after one step each. All arrays but `rows` hold one element, or one row, for
   * every sample.
   *
   * @param steps length of each sample's step
   * @param derivatives time derivatives at `states`
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
   * Estimates the error of one sample's last step, by the method's embedded formula.
   *
   * @param step length of the step
   * @param derivatives time derivatives of all samples at the start of their steps
   * @param newDerivatives time derivatives of all samples at the end of their steps
   * @param error where the sample's row is written; unchanged if the method has no error estimate
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

  /**
   * Sets one sample's row: into = start + step · Σ weights_j · k_j, with k_j the time derivative at stage j; start is 0 if
   * it is not given. The sum runs in the order of the stages.
   */
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

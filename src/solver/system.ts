import type { Control } from "./base.ts";
import { derivativeOf, type Flow, orderOf } from "./flow.ts";
import { type Objective, type Values, valuesAt } from "./objective.ts";
import type { Solution } from "./solution.ts";

/**
 * Flow of an objective's samples as differential equations y' = f(t, y), one for each sample. Arrays of states hold a row
 * for every sample; `rows` chooses the samples to compute.
 */
export class System {
  /** Count of numbers in a state. */
  readonly size: number;
  private readonly latentSize: number;
  private readonly objective: Objective;
  private readonly flow: Flow;
  private readonly t1: number;
  private readonly solution: Solution;
  private readonly first: number;
  private readonly control: Control;
  private readonly latents: Float64Array;
  /** ‖∇_z l‖ of every sample, from its last `derivatives`. */
  readonly gradientNorms: Float64Array;

  constructor(
    objective: Objective,
    flow: Flow,
    t1: number,
    solution: Solution,
    first: number,
    control: Control,
  ) {
    this.latentSize = objective.latentSize;
    this.size = orderOf(flow) * objective.latentSize;
    this.objective = objective;
    this.flow = flow;
    this.t1 = t1;
    this.solution = solution;
    this.first = first;
    this.control = control;
    this.latents = new Float64Array(objective.sampleCount * objective.latentSize);
    this.gradientNorms = new Float64Array(objective.sampleCount);
  }

  /** Allocates a state for every sample. */
  states(): Float64Array {
    return new Float64Array(this.objective.sampleCount * this.size);
  }

  /** Returns a sample's row of an array of states. */
  row(states: Float64Array, row: number): Float64Array {
    return states.subarray(row * this.size, (row + 1) * this.size);
  }

  /** Computes objectives and their terms at the states of the chosen samples. */
  async values(rows: Int32Array, states: Float64Array): Promise<Values> {
    const d = this.latentSize;
    rows.forEach((row, i) => {
      for (let k = 0; k < d; k++) this.latents[i * d + k] = states[row * this.size + k]!;
      this.solution.valueEvaluations[this.first + row]!++;
    });
    return valuesAt(this.objective, rows, this.latents.subarray(0, rows.length * d));
  }

  /**
   * Computes f(t, y) of the chosen samples, at the states of their last `values`.
   * @param times t of every sample
   * @param derivatives where the right-hand sides are written
   */
  async derivatives(
    rows: Int32Array,
    times: Float64Array,
    states: Float64Array,
    derivatives: Float64Array,
  ): Promise<void> {
    const d = this.latentSize;
    const gradients = await this.objective.gradient(rows);
    rows.forEach((row, i) => {
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      const state = this.row(states, row);
      this.gradientNorms[row] = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
      derivativeOf(this.flow, times[row]!, this.t1, state, gradient, this.row(derivatives, row));
      this.solution.gradientEvaluations[this.first + row]!++;
    });
    await this.control.pause();
  }
}

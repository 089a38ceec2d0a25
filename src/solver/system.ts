import { flowTraits, orderOf } from "./flow.ts";
import type { FlowProblem } from "./flow-problem.ts";
import { type Values, valuesAt } from "./objective.ts";

/**
 * Flow of an objective's B samples as differential equations du/dt = f(t, u), one for each sample, with u the sample's state:
 * z, [d], or z and the velocity, [2d]. Arrays of states are [B, size]; `rows` has the indices of the samples to compute.
 */
export class System {
  /** Number of values in a state: d for z alone; 2d for z and the velocity of a second-order flow. */
  readonly size: number;
  private readonly latentSize: number;
  private readonly latents: Float64Array;
  /** Norm ‖∇_z l‖ of every sample, [B], from the last `derivatives` call for it. */
  readonly gradientNorms: Float64Array;

  constructor(
    private readonly problem: FlowProblem,
    private readonly t1: number,
  ) {
    const { objective, flow } = problem;
    this.latentSize = objective.latentSize;
    this.size = orderOf(flow) * objective.latentSize;
    this.latents = new Float64Array(objective.sampleCount * objective.latentSize);
    this.gradientNorms = new Float64Array(objective.sampleCount);
  }

  /** Allocates an array of states of the B samples, [B, size], zeros. */
  states(): Float64Array {
    return new Float64Array(this.problem.objective.sampleCount * this.size);
  }

  /** Returns the row of one sample in an array of states, as a view. */
  row(states: Float64Array, row: number): Float64Array {
    return states.subarray(row * this.size, (row + 1) * this.size);
  }

  /**
   * Evaluates objective, loss and prior of the chosen samples at the z of their states, and counts the evaluations in the
   * solution.
   */
  async values(rows: Int32Array, states: Float64Array): Promise<Values> {
    const d = this.latentSize;
    const { objective, solution, first } = this.problem;
    rows.forEach((row, i) => {
      for (let k = 0; k < d; k++) this.latents[i * d + k] = states[row * this.size + k]!;
      solution.valueEvaluations[first + row]!++;
    });
    return valuesAt(objective, rows, this.latents.subarray(0, rows.length * d));
  }

  /**
   * Computes f(t, u) = du/dt, u a state, of the chosen samples, at the states passed to their last `values` call.
   *
   * @param times t of every sample, [B]
   * @param states states of every sample, [B, size]
   * @param derivatives where the time derivatives are written, [B, size]
   */
  async derivatives(
    rows: Int32Array,
    times: Float64Array,
    states: Float64Array,
    derivatives: Float64Array,
  ): Promise<void> {
    const d = this.latentSize;
    const { objective, flow, solution, first, control } = this.problem;
    const { derivative } = flowTraits(flow);
    const gradients = await objective.gradient(rows);
    rows.forEach((row, i) => {
      const gradient = gradients.subarray(i * d, (i + 1) * d);
      const state = this.row(states, row);
      this.gradientNorms[row] = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
      derivative(flow, times[row]!, this.t1, state, gradient, this.row(derivatives, row));
      solution.gradientEvaluations[first + row]!++;
    });
    await control.pause();
  }
}

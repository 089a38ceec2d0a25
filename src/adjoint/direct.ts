import { alphaAt, flowTraits, orderOf } from "../solver/flow.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Tableau } from "../solver/runge-kutta.ts";
import { endOf } from "../solver/solver.ts";
import { tableauOf } from "../solver/tableaus.ts";
import { addGradientAtEnd } from "./approximate.ts";
import type { Adjoint, Encoded } from "./base.ts";
import { type Slice, walkBack } from "./slices.ts";
import { Stages } from "./stages.ts";

/**
 * Makes the adjoint that differentiates the solver's own computation: backwards through its accepted Runge-Kutta steps, with
 * their lengths held constant. For each step it repeats the solver's passes and makes one tangent pass for each stage; a
 * tangent pass is twice the work of a pass.
 *
 * @example
 * await train(decoder, images, { adjoint: direct(), solver: rk4({ grid: logGrid({ t1: 100, slices: 50 }) }) });
 */
export function direct(): Adjoint {
  return Object.freeze<Adjoint>({
    name: "direct",
    needs: "method",
    copies: (solver) => tableauOf(solver)!.weights.length,
    async addGradient(objective, encoded) {
      const { losses, dStates } = await addGradientAtEnd(objective, encoded);
      const reverse = new ReverseSteps(tableauOf(encoded.solver)!, objective, encoded, dStates);
      await walkBack(encoded, (slices) => reverse.step(slices));
      return losses;
    },
  });
}

/**
 * Reverse-mode differentiation of explicit Runge-Kutta steps. A step of length h from the state u to u* is
 *
 *     U_i = u + h Σ_j a_ij k_j,   k_i = f(t + c_i h, U_i),   u* = u + h Σ_i b_i k_i
 *
 * L is the sum of the losses l at the flows' ends, θ the decoder's parameters. With dX for ∂L/∂X, from the last stage to the
 * first:
 *
 *     dk_i = h (b_i du* + Σ_j a_ji dU_j),   dU_i = (∂f/∂u)ᵀ dk_i,   du = du* + Σ_i dU_i,   dθ += (∂f/∂θ)ᵀ dk_i
 *
 * f depends on θ only through the term -α ∇_z l, with α the flow's strength, in the derivative of the last d = latentSize
 * numbers of the state: z, or the velocity v of a second-order flow. With w = -α times the last d numbers of dk_i, this term
 * adds ∇²_z l · w to dU_i and ∂_θ(wᵀ∇_z l) to dθ.
 */
class ReverseSteps {
  private readonly stages: Stages;
  private readonly allStages: readonly number[];
  private readonly latentSize: number;
  private readonly size: number;
  /**
   * States U_i at the Runge-Kutta stages, each [B, d] with z for a flow of first order, [B, 2d] with z, then the velocity,
   * for one of second order.
   */
  private readonly states: readonly Float64Array[];
  /**
   * Time derivatives k_i = f(t + c_i h, U_i) at the Runge-Kutta stages, each [B, d] for a flow of first order, [B, 2d] for
   * one of second order.
   */
  private readonly derivatives: readonly Float64Array[];
  /**
   * Gradients dk_i = ∂L/∂k_i of the summed loss L with respect to the time derivative k_i at each Runge-Kutta stage, each
   * [B, d] for a flow of first order, [B, 2d] for one of second order.
   */
  private readonly dDerivatives: readonly Float64Array[];
  /**
   * Gradients dU_i = ∂L/∂U_i of the summed loss L with respect to the state U_i at each Runge-Kutta stage, each [B, d] for a
   * flow of first order, [B, 2d] for one of second order.
   */
  private readonly dStages: readonly Float64Array[];

  /**
   * @param dStates gradient of the summed loss L with respect to each sample's state, [B, order · d] with the flow's order,
   *   1 or 2: on entry at the end of its flow; each `step` moves it back by one accepted step
   */
  constructor(
    private readonly tableau: Tableau,
    objective: DifferentiableObjective,
    private readonly encoded: Encoded,
    private readonly dStates: Float64Array,
  ) {
    const stageCount = tableau.weights.length;
    this.stages = new Stages(objective, stageCount);
    this.allStages = Array.from({ length: stageCount }, (_, i) => i);
    this.latentSize = objective.latentSize;
    this.size = orderOf(encoded.flow) * this.latentSize;
    const arrays = () => this.allStages.map(() => new Float64Array(dStates.length));
    this.states = arrays();
    this.derivatives = arrays();
    this.dDerivatives = arrays();
    this.dStages = arrays();
  }

  /**
   * Differentiates one accepted step of each sample in `slices`: replaces the loss's gradient for the state at the step's end, in
   * `dStates`, by the gradient for the state at its start, and adds the step's term of ∂L/∂θ, θ the decoder's parameters, to the
   * objective's parameter sums.
   */
  async step(slices: readonly Slice[]): Promise<void> {
    for (const i of this.allStages) await this.forward(i, slices);
    for (const i of [...this.allStages].reverse()) await this.backward(i, slices);
    for (const { sample } of slices) {
      const dState = this.row(this.dStates, sample);
      for (const dStage of this.dStages) addScaled(dState, 1, this.row(dStage, sample));
    }
    await this.stages.addMixedGradient(this.allStages, slices);
  }

  /**
   * Recomputes the state U_i and the time derivative k_i at stage i of each accepted step, from the state at its start and
   * the earlier stages.
   */
  private async forward(i: number, slices: readonly Slice[]): Promise<void> {
    const { flow, solver } = this.encoded;
    for (const slice of slices) {
      const state = this.row(this.states[i]!, slice.sample);
      state.set(slice.state);
      const weights = i === 0 ? [] : this.tableau.stages[i - 1]!.weights;
      for (const [j, weight] of weights.entries()) {
        const length = slice.end - slice.t;
        addScaled(state, length * weight, this.row(this.derivatives[j]!, slice.sample));
      }
      this.stages.row(this.stages.latents, i, slice.sample).set(state.subarray(0, this.latentSize));
    }
    await this.stages.evaluate([i], slices);
    for (const slice of slices) {
      const { sample } = slice;
      const state = this.row(this.states[i]!, sample);
      const gradient = this.stages.row(this.stages.gradients, i, sample);
      const derivative = this.row(this.derivatives[i]!, sample);
      flowTraits(flow).derivative(flow, this.time(i, slice), endOf(solver), state, gradient, derivative);
    }
  }

  /**
   * Computes the loss's gradients dk_i = ∂L/∂k_i and dU_i = ∂L/∂U_i with respect to the time derivative and the state at
   * stage i of each accepted step, from the gradient for the state at its end and dU_j of the later stages j > i.
   */
  private async backward(i: number, slices: readonly Slice[]): Promise<void> {
    const { flow, solver } = this.encoded;
    const { latentSize: d, size } = this;
    for (const slice of slices) {
      const { sample } = slice;
      const length = slice.end - slice.t;
      const dDerivative = this.row(this.dDerivatives[i]!, sample).fill(0);
      addScaled(dDerivative, length * this.tableau.weights[i]!, this.row(this.dStates, sample));
      for (let j = i + 1; j < this.dStages.length; j++) {
        const weight = this.tableau.stages[j - 1]!.weights[i]!;
        addScaled(dDerivative, length * weight, this.row(this.dStages[j]!, sample));
      }
      const direction = this.stages.row(this.stages.directions, i, sample).fill(0);
      const alpha = alphaAt(flow.alpha, this.time(i, slice), endOf(solver));
      addScaled(direction, -alpha, dDerivative.subarray(size - d));
    }
    await this.stages.tangent(i, slices);
    for (const slice of slices) {
      const dStage = this.row(this.dStages[i]!, slice.sample);
      dStage.set(this.stages.row(this.stages.products, i, slice.sample));
      if (orderOf(flow) === 1) continue;
      // f also has dz/dt = v, and the damping term of dv/dt: their terms of dU_i.
      const dDerivative = this.row(this.dDerivatives[i]!, slice.sample);
      const damping = flowTraits(flow).damping(flow, this.time(i, slice));
      for (let k = 0; k < d; k++) dStage[d + k] = dDerivative[k]! - damping * dDerivative[d + k]!;
    }
  }

  private time(i: number, { t, end }: Slice): number {
    return i === 0 ? t : t + this.tableau.stages[i - 1]!.time * (end - t);
  }

  private row(states: Float64Array, sample: number): Float64Array {
    return states.subarray(sample * this.size, (sample + 1) * this.size);
  }
}

/** Computes into += factor · values, element by element. */
function addScaled(into: Float64Array, factor: number, values: Float64Array): void {
  for (let k = 0; k < into.length; k++) into[k]! += factor * values[k]!;
}

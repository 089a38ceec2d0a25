import { alphaAt, flowTraits, orderOf } from "../solver/flow.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Tableau } from "../solver/runge-kutta.ts";
import { endOf, type Method } from "../solver/solver.ts";
import { RULES, tableauOf } from "../solver/tableaus.ts";
import { addGradientAtEnd } from "./approximate.ts";
import type { Adjoint, Encoded } from "./base.ts";
import { type Slice, walkBack } from "./slices.ts";
import { Stages } from "./stages.ts";

/**
 * Makes the continuous adjoint (equations 8 to 10 of the paper, arXiv 2412.00864, with corrected signs): the derivative of the
 * exact flow, integrated backwards over the solver's recorded steps, for any solver with an end time t1. It differs from
 * `direct()` by the discretisation errors of both, which shrink with the steps.
 *
 * Each recorded step costs the passes and tangent passes of one RK4 step, or of one step of the solver's own method if that
 * has at least as many stages. The integration is explicit: on steps longer than its stability limit, which `amd` may take,
 * the adjoint grows instead of decaying. `lbfgs`, which has no end time and takes even longer steps, is not supported.
 *
 * @example
 * await train(decoder, images, { adjoint: full() });
 */
export function full(): Adjoint {
  return Object.freeze<Adjoint>({
    name: "full",
    needs: "steps",
    copies: (solver) => methodFor(solver).weights.length,
    async addGradient(objective, encoded) {
      const { losses, dStates } = await addGradientAtEnd(objective, encoded);
      const integral = new AdjointIntegral(methodFor(encoded.solver), objective, encoded, dStates);
      await walkBack(encoded, (slices) => integral.addSlice(slices));
      return losses;
    },
  });
}

/**
 * Returns the Runge-Kutta method that integrates the adjoint: the solver's own if it has at least as many stages as RK4, else
 * RK4. The adjoint is as stiff as the flow, so the solver's method is stable on the solver's own steps, and RK4 is stable on
 * the steps of Euler's method.
 */
function methodFor(solver: Method): Tableau {
  const tableau = tableauOf(solver);
  return tableau && tableau.weights.length >= RULES.classic.weights.length ? tableau : RULES.classic;
}

/**
 * Backward integration of the adjoint ODE by an explicit Runge-Kutta method, one step for each slice, which is an accepted
 * step of the solver. L is the sum of the losses l at the flows' ends, θ the decoder's parameters, α the flow's strength.
 * With s = t1 - t, the time back from the flow's end t1, and a = ∂L/∂z, for the gradient flow
 *
 *     da/ds = -α ∇²_z l a,                             d_θ L += -∫ α aᵀ ∂_θ ∇_z l ds
 *
 * and for a flow of second order, whose velocity v is damped by r(t) = 3/(t + ε), ε the flow's `epsilon`, with p = ∂L/∂z and
 * q = ∂L/∂v,
 *
 *     dp/ds = -α ∇²_z l q,   dq/ds = p - r(t) q,       d_θ L += -∫ α qᵀ ∂_θ ∇_z l ds
 *
 * Near t = 0, r(t) is as large as 3/ε, and q → 0. So the damping is integrated exactly, as a factor ≤ 1 between any two times
 * (an integrating factor, Lawson's method), and the Runge-Kutta steps need not resolve r(t).
 *
 * Within a slice, z is interpolated by the cubic through the slice's ends with the flow's slopes there.
 */
class AdjointIntegral {
  private readonly stages: Stages;
  /**
   * Nodes c_i of the Runge-Kutta stages, as fractions of an accepted step of the solver: 0 at its end in time, 1 at its
   * start.
   */
  private readonly nodes: readonly number[];
  private readonly latentSize: number;
  /**
   * Adjoint of every sample at each Runge-Kutta stage, each [B, d] with ∂L/∂z for a flow of first order, [B, 2d] with ∂L/∂z,
   * then ∂L/∂v, for one of second order; L is the summed loss, v the velocity.
   */
  private readonly stageAdjoints: readonly Float64Array[];

  /**
   * @param adjoints adjoint of every sample, [B, d] for a flow of first order and [B, 2d] for one of second order: the
   *   gradient of the loss with respect to z, and to the velocity. On entry at the end of its flow: ∇_z l, and 0 for the
   *   velocity; each `addSlice` moves it back by one accepted step
   */
  constructor(
    private readonly method: Tableau,
    objective: DifferentiableObjective,
    private readonly encoded: Encoded,
    private readonly adjoints: Float64Array,
  ) {
    this.stages = new Stages(objective, method.weights.length);
    this.nodes = [0, ...method.stages.map(({ time }) => time)];
    this.latentSize = objective.latentSize;
    this.stageAdjoints = this.nodes.map(() => new Float64Array(adjoints.length));
  }

  /**
   * Integrates the adjoint of each sample in `slices` backwards over one accepted step, from its end to its start, and adds
   * the step's term of the parameter gradient to the objective's parameter sums.
   */
  async addSlice(slices: readonly Slice[]): Promise<void> {
    await this.evaluate(slices);
    for (const [i] of this.nodes.entries()) {
      const weights = i === 0 ? [] : this.method.stages[i - 1]!.weights;
      for (const slice of slices) {
        this.advance(weights, slice, this.time(i, slice), this.row(this.stageAdjoints[i]!, slice.sample));
        this.setDirection(i, slice);
      }
      await this.stages.tangent(i, slices);
    }
    const next = new Float64Array(this.row(this.adjoints, 0).length);
    for (const slice of slices) {
      this.advance(this.method.weights, slice, slice.t, next);
      this.row(this.adjoints, slice.sample).set(next);
    }
    const counting = [...this.nodes.keys()].filter((i) => this.method.weights[i] !== 0);
    await this.stages.addMixedGradient(counting, slices);
  }

  /**
   * Computes ∇_z l for the samples in `slices`, at every Runge-Kutta stage of their accepted steps: first at the steps' ends,
   * since the interpolation of z in between needs the slopes dz/dt there.
   */
  private async evaluate(slices: readonly Slice[]): Promise<void> {
    const { latents } = this.stages;
    const isEnd = (i: number) => this.nodes[i] === 0 || this.nodes[i] === 1;
    const ends = [...this.nodes.keys()].filter(isEnd);
    const inner = [...this.nodes.keys()].filter((i) => !isEnd(i));
    for (const i of ends) {
      for (const { sample, state, next } of slices) {
        const z = (this.nodes[i] === 0 ? next : state).subarray(0, this.latentSize);
        this.stages.row(latents, i, sample).set(z);
      }
    }
    await this.stages.evaluate(ends, slices);
    for (const slice of slices) {
      const { sample, t, end, state, next } = slice;
      const slopes = [this.slope(slice, t, state, 1), this.slope(slice, end, next, 0)] as const;
      for (const i of inner) {
        interpolate(slice, this.time(i, slice), slopes, this.stages.row(latents, i, sample));
      }
    }
    await this.stages.evaluate(inner, slices);
  }

  /** Returns dz/dt, [d], at an end of an accepted step: at its end in time for `node` 0, at its start for 1. */
  private slope({ sample }: Slice, t: number, state: Float64Array, node: 0 | 1): Float64Array {
    const { flow, solver } = this.encoded;
    const gradient = this.stages.row(this.stages.gradients, this.nodes.indexOf(node), sample);
    const derivative = new Float64Array(state.length);
    flowTraits(flow).derivative(flow, t, endOf(solver), state, gradient, derivative);
    return derivative.subarray(0, this.latentSize);
  }

  /**
   * Writes a sample's adjoint at `time` within an accepted step into `into`: the adjoint at the step's end plus the step's
   * length times the sum over the Runge-Kutta stages j of weights[j] times the adjoint's derivative at stage j. For a flow of
   * second order, the damping of ∂L/∂v is integrated exactly.
   */
  private advance(weights: readonly number[], slice: Slice, time: number, into: Float64Array): void {
    const { flow } = this.encoded;
    const { sample, end } = slice;
    const length = end - slice.t;
    const d = this.latentSize;
    into.set(this.row(this.adjoints, sample));
    for (const [j, weight] of weights.entries()) {
      const products = this.stages.row(this.stages.products, j, sample);
      const factor = (length * weight) / this.scale(j, slice);
      for (let k = 0; k < d; k++) into[k]! += factor * products[k]!;
    }
    if (orderOf(flow) === 1) return;
    const { remaining } = flowTraits(flow);
    const share = remaining(flow, time, end);
    for (let k = d; k < 2 * d; k++) into[k]! *= share;
    for (const [j, weight] of weights.entries()) {
      const p = this.row(this.stageAdjoints[j]!, sample);
      const factor = length * weight * remaining(flow, time, this.time(j, slice));
      for (let k = 0; k < d; k++) into[d + k]! += factor * p[k]!;
    }
  }

  /**
   * Sets the direction w, [d], of the tangent pass of Runge-Kutta stage `i`: -α, with α the flow's strength at the stage's
   * time, times the adjoint at the stage (∂L/∂z, or ∂L/∂v for a flow of second order, L the summed loss), times the stage's
   * weight in the integral for d_θ L, θ the decoder's parameters. One tangent pass then serves both the adjoint's derivative
   * and the integral.
   */
  private setDirection(i: number, slice: Slice): void {
    const { flow, solver } = this.encoded;
    const driven = this.row(this.stageAdjoints[i]!, slice.sample).subarray(-this.latentSize);
    const factor = -alphaAt(flow.alpha, this.time(i, slice), endOf(solver)) * this.scale(i, slice);
    const direction = this.stages.row(this.stages.directions, i, slice.sample);
    for (let k = 0; k < direction.length; k++) direction[k] = factor * driven[k]!;
  }

  /**
   * Returns h b_i, the weight of Runge-Kutta stage i in the integral over an accepted step of length h; 1 if h b_i is 0, since
   * results are divided by the returned number.
   */
  private scale(i: number, { t, end }: Slice): number {
    return (end - t) * this.method.weights[i]! || 1;
  }

  private time(i: number, { t, end }: Slice): number {
    return this.nodes[i] === 1 ? t : end - this.nodes[i]! * (end - t);
  }

  private row(states: Float64Array, sample: number): Float64Array {
    const size = orderOf(this.encoded.flow) * this.latentSize;
    return states.subarray(sample * size, (sample + 1) * size);
  }
}

/**
 * Writes z at `time` within an accepted step into `into`, [d]: the cubic Hermite polynomial through the states at both ends
 * with the slopes dz/dt given.
 */
function interpolate(
  { t, end, state, next }: Slice,
  time: number,
  [slope, nextSlope]: readonly [Float64Array, Float64Array],
  into: Float64Array,
): void {
  const length = end - t;
  const x = (time - t) / length;
  const y = 1 - x;
  for (let k = 0; k < into.length; k++) {
    const ends = y * y * (1 + 2 * x) * state[k]! + x * x * (1 + 2 * y) * next[k]!;
    into[k] = ends + length * x * y * (y * slope[k]! - x * nextSlope[k]!);
  }
}

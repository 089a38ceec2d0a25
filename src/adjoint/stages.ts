import { gatherRows, scatterRows } from "../base/rows.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Slice } from "./slices.ts";

/**
 * Latents of B samples at the stages of one Runge-Kutta step each, with the first and second derivatives of the loss there. The
 * objective holds a copy of each sample for each stage, so that the stages can be visited forwards and then backwards without
 * being recomputed, and the decoder's parameter gradients are accumulated once a step.
 *
 * Each array is [stages, B, d]. Every method takes slices (accepted steps, one of each sample), which name the samples to
 * compute.
 */
export class Stages {
  /** Latents z at each stage, [stages, B, d]; the caller writes them before `evaluate`. */
  readonly latents: Float64Array;
  /** Gradients ∇_z l of the loss l at `latents`, [stages, B, d], computed by `evaluate`. */
  readonly gradients: Float64Array;
  /** Directions w of the tangent pass, [stages, B, d]; the caller writes them before `tangent`. */
  readonly directions: Float64Array;
  /**
   * Hessian-vector products ∇²_z l · w of the loss l at `latents`, w from `directions`, [stages, B, d], computed by
   * `tangent`.
   */
  readonly products: Float64Array;

  /**
   * Allocates the arrays for the Runge-Kutta stages of one step of each sample, filled with 0.
   *
   * @param objective holds a copy of each sample for every stage
   * @param count number of stages; at most the number of copies of each sample in the objective
   */
  constructor(
    private readonly objective: DifferentiableObjective,
    count: number,
  ) {
    const array = () => new Float64Array(count * objective.sampleCount * objective.latentSize);
    this.latents = array();
    this.gradients = array();
    this.directions = array();
    this.products = array();
  }

  /**
   * Computes the loss's gradient ∇_z l at the `latents` of the given stages, for the samples in `slices`, and writes it to
   * `gradients`.
   */
  async evaluate(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    const rows = this.rows(stages, slices);
    await this.objective.value(rows, this.gather(rows, this.latents));
    scatterRows(await this.objective.gradient(rows), this.objective.latentSize, rows, this.gradients);
  }

  /**
   * Computes the Hessian-vector products ∇²_z l · w of the loss l at one stage, for the samples in `slices`, and writes them
   * to `products`; requires `evaluate` of the stage, and w in `directions`.
   */
  async tangent(stage: number, slices: readonly Slice[]): Promise<void> {
    const rows = this.rows([stage], slices);
    const products = await this.objective.tangent(rows, this.gather(rows, this.directions));
    scatterRows(products, this.objective.latentSize, rows, this.products);
  }

  /**
   * Adds the sum of ∂_θ(wᵀ∇_z l), with l the loss, θ the decoder's parameters and w from `directions`, over the given stages
   * and samples to the objective's parameter sums; requires `tangent` of each stage.
   */
  addMixedGradient(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    return this.objective.addMixedGradient(this.rows(stages, slices));
  }

  /** Returns a view, [d], of one sample's row at one stage in an array of this class. */
  row(array: Float64Array, stage: number, sample: number): Float64Array {
    const { sampleCount, latentSize: d } = this.objective;
    const row = stage * sampleCount + sample;
    return array.subarray(row * d, (row + 1) * d);
  }

  /**
   * Returns, for each of the given stages in turn, the objective's row indices of the samples in `slices`: the objective
   * holds all B samples once for stage 0, then once more for stage 1, and so on.
   */
  private rows(stages: readonly number[], slices: readonly Slice[]): Int32Array {
    const { sampleCount } = this.objective;
    return Int32Array.from(
      stages.flatMap((stage) => slices.map(({ sample }) => stage * sampleCount + sample)),
    );
  }

  private gather(rows: Int32Array, array: Float64Array): Float64Array {
    const d = this.objective.latentSize;
    return gatherRows(array, d, rows, new Float64Array(rows.length * d));
  }
}

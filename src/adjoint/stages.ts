import { gatherRows, scatterRows } from "../base/rows.ts";
import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Slice } from "./slices.ts";

/**
 * Latents of all samples at the stages of a Runge-Kutta method within a slice, and the derivatives there. Copy i of a
 * sample in the objective is at stage i: stages are visited forwards, then backwards, without being computed again,
 * and the parameters' sums are gone through once a slice.
 *
 * Each array is [stages, B, d], a row for each sample at each stage. Slices name the samples to compute.
 */
export class Stages {
  /** Latents z at each stage, written by the caller. */
  readonly latents: Float64Array;
  /** ∇_z l at `latents`. */
  readonly gradients: Float64Array;
  /** Directions w of the tangent pass, written by the caller. */
  readonly directions: Float64Array;
  /** Hessian-vector products ∇²_z l · w, w in `directions`. */
  readonly products: Float64Array;

  /** @param count number of stages, at most that of the objective's copies */
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

  /** Computes the gradients at the latents of some stages. */
  async evaluate(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    const rows = this.rows(stages, slices);
    await this.objective.value(rows, this.gather(rows, this.latents));
    scatterRows(await this.objective.gradient(rows), this.objective.latentSize, rows, this.gradients);
  }

  /** Computes the Hessian-vector products of one stage, once its gradients have been computed. */
  async tangent(stage: number, slices: readonly Slice[]): Promise<void> {
    const rows = this.rows([stage], slices);
    const products = await this.objective.tangent(rows, this.gather(rows, this.directions));
    scatterRows(products, this.objective.latentSize, rows, this.products);
  }

  /** Adds Σ ∂_θ(wᵀ∇_z l) over stages whose products have been computed, to the objective's parameter sums. */
  addMixedGradient(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    return this.objective.addMixedGradient(this.rows(stages, slices));
  }

  /** Returns a sample's row of one of these arrays at a stage, a view of d numbers. */
  row(array: Float64Array, stage: number, sample: number): Float64Array {
    const { sampleCount, latentSize: d } = this.objective;
    const row = stage * sampleCount + sample;
    return array.subarray(row * d, (row + 1) * d);
  }

  /** Returns the objective's rows for some samples at some stages: all samples at the first stage, then all at the next. */
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

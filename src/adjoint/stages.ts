import type { DifferentiableObjective } from "../solver/objective.ts";
import type { Slice } from "./slices.ts";

/**
 * The points of a slice that a Runge-Kutta method looks at, one for each stage, of all samples at the same time:
 * copy i of a sample in the objective is at stage i. So they can be visited forwards, then backwards, without
 * being computed again, and the parameters' sums are gone through once a slice.
 *
 * All arrays are [B, d], a row for each sample, one array for each stage; the slices say which samples are meant.
 */
export class Stages {
  /** z, to be filled in by the caller. */
  readonly latents: readonly Float64Array[];
  /** ∇_z l at z. */
  readonly gradients: readonly Float64Array[];
  /** Directions w, to be filled in by the caller. */
  readonly directions: readonly Float64Array[];
  /** ∇²_z l · w */
  readonly products: readonly Float64Array[];
  private readonly objective: DifferentiableObjective;
  private readonly sampleCount: number;

  /** @param copies those of the objective, at least as many as there are stages */
  constructor(objective: DifferentiableObjective, copies: number) {
    const { sampleCount, latentSize } = objective;
    const arrays = () => Array.from({ length: copies }, () => new Float64Array(sampleCount * latentSize));
    this.objective = objective;
    this.sampleCount = sampleCount;
    this.latents = arrays();
    this.gradients = arrays();
    this.directions = arrays();
    this.products = arrays();
  }

  /** The gradients at the latents of some stages. */
  async evaluate(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    const rows = this.rows(stages, slices);
    await this.objective.value(rows, this.gather(rows, this.latents));
    this.scatter(rows, await this.objective.gradient(rows), this.gradients);
  }

  /** The products of one stage that has been evaluated. */
  async tangent(stage: number, slices: readonly Slice[]): Promise<void> {
    const rows = this.rows([stage], slices);
    const products = await this.objective.tangent(rows, this.gather(rows, this.directions));
    this.scatter(rows, products, this.products);
  }

  /** Adds Σ ∂_θ(wᵀ∇_z l) over stages whose tangents have been taken, and the samples of each in order. */
  addMixedGradient(stages: readonly number[], slices: readonly Slice[]): Promise<void> {
    return this.objective.addMixedGradient(this.rows(stages, slices));
  }

  /** The d numbers of a sample in an array of this size. */
  row(array: Float64Array, sample: number): Float64Array {
    const d = this.objective.latentSize;
    return array.subarray(sample * d, (sample + 1) * d);
  }

  private rows(stages: readonly number[], slices: readonly Slice[]): Int32Array {
    return Int32Array.from(
      stages.flatMap((stage) => slices.map(({ sample }) => stage * this.sampleCount + sample)),
    );
  }

  private gather(rows: Int32Array, arrays: readonly Float64Array[]): Float64Array {
    const d = this.objective.latentSize;
    const gathered = new Float64Array(rows.length * d);
    rows.forEach((row, i) => {
      gathered.set(this.rowOf(arrays, row), i * d);
    });
    return gathered;
  }

  private scatter(rows: Int32Array, values: Float64Array, arrays: readonly Float64Array[]): void {
    const d = this.objective.latentSize;
    rows.forEach((row, i) => {
      this.rowOf(arrays, row).set(values.subarray(i * d, (i + 1) * d));
    });
  }

  private rowOf(arrays: readonly Float64Array[], row: number): Float64Array {
    const stage = Math.floor(row / this.sampleCount);
    return this.row(arrays[stage]!, row % this.sampleCount);
  }
}

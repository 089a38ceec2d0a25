/**
 * A decoder, a loss and the data bound to them, on one backend: for each of `batchSize` samples a function
 * of its own latent, l(y, D(z)). Solvers see nothing else of a decoder.
 *
 * Samples are chosen by index, so that a solver spends work only on the samples that need it. Latents come
 * in as float64 and are rounded to the objective's own precision on entry. Where one sample's numbers end up
 * never depends on which others were chosen with it.
 *
 * An objective remembers, per sample, the point of its last `value` call; calls must not overlap.
 */
export interface Objective {
  /** The number of samples bound, B. */
  readonly batchSize: number;
  /** The size of a latent, d. */
  readonly latentSize: number;
  /**
   * The losses of the chosen samples.
   * @param rows indices of samples, each at most once
   * @param z [rows.length, d], the latent of each chosen sample
   * @returns [rows.length] losses
   */
  value(rows: Int32Array, z: Float64Array): Promise<Float64Array>;
  /**
   * The gradients ∇_z l of the chosen samples, each at the point of its last `value` call: one backward
   * pass, no second forward pass.
   * @param rows indices of samples that `value` has been called for
   * @returns [rows.length, d]
   */
  gradient(rows: Int32Array): Promise<Float64Array>;
  /** Releases what the objective holds on its backend. It cannot be used afterwards. */
  dispose(): void;

  // Parameter gradients join here as `parameterGradient(rows)`: ∂_θ l at the same points, summed over the
  // rows in the order given; tangents as `tangent(rows, v)`: the Hessian-vector product ∇²_z l · v and the
  // mixed term ∂_θ(vᵀ∇_z l) at those points. Both reuse what `value` and `gradient` left behind, as
  // `gradient` reuses `value`.
}

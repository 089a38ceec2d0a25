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
  /**
   * The Gauss-Newton matrices JᵀWJ of the chosen samples at the points of their last `value` calls: J = ∂D/∂z, W
   * the loss's second derivatives by the outputs, 0 where those are negative. They are positive semidefinite, and,
   * where D is linear, the Hessians. A backend may leave out outputs whose curvature is small beside the others'.
   * Undefined on a backend that has none.
   * @param rows indices of samples that `value` has been called for
   * @returns [rows.length, d, d]
   */
  gaussNewton?(rows: Int32Array): Promise<Float64Array>;
  /** How many matrices are best asked for in one call, >= 1: about a millisecond's work, or a round of a GPU's. */
  readonly matricesAtOnce?: number;
  /** Releases what the objective holds on its backend. It cannot be used afterwards. */
  dispose(): void;
}

/**
 * An objective that can also be differentiated for the decoder's parameters θ, and a second time: what the
 * adjoints and training need. Each method continues from what the one before it left behind for its rows,
 * whatever was done with other rows in between: value → gradient → addParameterGradient, and
 * value → gradient → tangent → addMixedGradient.
 *
 * Gradients for the parameters are large and sums of many: they are added up where they are computed, and read
 * once.
 */
export interface DifferentiableObjective extends Objective {
  /** θ's size, P: weight, then bias, of each layer in order. */
  readonly parameterCount: number;
  /** Adds ∂_θ l at the points of the last `gradient` call, z held fixed, row by row in the order given. */
  addParameterGradient(rows: Int32Array): Promise<void>;
  /**
   * The Hessian-vector products ∇²_z l · v at the points of the last `gradient` call, by one tangent pass over
   * the decoder: no Jacobian or Hessian is stored.
   * @param v [rows.length, d]
   * @returns [rows.length, d]
   */
  tangent(rows: Int32Array, v: Float64Array): Promise<Float64Array>;
  /**
   * Adds the mixed term ∂_θ(vᵀ∇_z l) for the v of the last `tangent` call, row by row in the order given. It is
   * linear in v, which may hold any factor.
   */
  addMixedGradient(rows: Int32Array): Promise<void>;
  /**
   * What has been added up since the last call, or since the start.
   * @returns [P]
   */
  takeParameterSums(): Promise<Float32Array>;
}

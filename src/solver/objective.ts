import type { WebAssemblyModule } from "../base/platform.ts";

/**
 * Loss function of B samples on one backend: a decoder, a loss and the samples' data, bound together. For each of
 * `sampleCount` samples it is a function l(y, D(z)) of the sample's latent z, and all that a solver sees of a decoder.
 *
 * Samples are chosen by index, so that a solver evaluates only those that need it. Latents are passed in as float64 and
 * rounded to the objective's own precision. A sample's results never depend on which other samples are chosen in the same
 * call.
 *
 * An objective stores, for each sample, the point of its last `value` call; calls must not overlap.
 */
export interface Objective {
  /** Number of samples bound, B. */
  readonly sampleCount: number;
  /** Number of values in a latent, d. */
  readonly latentSize: number;
  /**
   * Computes the objective of each chosen sample: the loss, plus prior(z)/N if there is a prior, with N the number that the
   * loss was divided by: n for the mean over n outputs, Σw for a weighted mean, 1 for a sum.
   *
   * @param rows indices of samples, each at most once
   * @param z latent of each chosen sample, [rows.length, d]
   * @returns objectives, [rows.length]
   */
  value(rows: Int32Array, z: Float64Array): Promise<Float64Array>;
  /**
   * Returns the loss and the prior of each chosen sample, at the point of its last `value` call. Absent if the loss is the
   * only term of the objective.
   */
  readonly terms?: (rows: Int32Array) => Terms;
  /**
   * Computes the objective's gradient ∇_z of each chosen sample, at the point of its last `value` call: one backward pass,
   * no second forward pass.
   *
   * @param rows indices of samples for which `value` has been called
   * @returns gradients, [rows.length, d]
   */
  gradient(rows: Int32Array): Promise<Float64Array>;
  /** Returns the floor of a row's loss, the lower bound that its data set. Absent if it is 0 for every row. */
  readonly lossFloor?: (row: number) => number;
  /** Gauss-Newton curvature of the losses; undefined if it is unknown, as for a custom loss without `curvature`. */
  readonly curvature?: Curvature;
  /** WASM module with which solvers compute their steps. Default: this package's own kernels. */
  readonly kernels?: WebAssemblyModule;
  /** Frees the memory of the objective on its backend; the objective must not be used afterwards. */
  dispose(): void;
}

/** Objective as a session makes it: also with products of the decoder's Jacobian, which no solver needs. */
export interface SessionObjective extends Objective {
  /**
   * Computes the Jacobian-vector product J v of each chosen sample, J the Jacobian of D(z), after the output activation, for z, at
   * the point of its last `value` call. Memory for it is allocated on the first call.
   *
   * @param rows indices of samples for which `value` has been called
   * @param v direction of each chosen sample, [rows.length, d]
   * @returns products, [rows.length, outputSize]
   */
  jacobianProduct(rows: Int32Array, v: Float64Array): Promise<Float32Array>;
}

/**
 * Terms of the objectives of the chosen samples, [rows.length] each. A sample's objective is loss + prior/N, with N the number
 * that its loss was divided by: n for the mean over n outputs, Σw for a weighted mean, 1 for a sum.
 */
export interface Terms {
  /** Loss of each chosen sample, without the prior. */
  readonly losses: Float64Array;
  /**
   * prior(z) of each chosen sample: the negative log-density in nats up to a constant, times the prior's weight, not divided by
   * N. All 0 without a prior.
   */
  readonly priors: Float64Array;
}

/** Objectives of the chosen samples, [rows.length], and the terms that they consist of. */
export interface Values extends Terms {
  /** Objective of each chosen sample, loss + prior/N. */
  readonly objectives: Float64Array;
}

/**
 * Evaluates objectives of the chosen samples and their terms.
 *
 * @param z latent of each chosen sample, [rows.length, d]
 */
export async function valuesAt(objective: Objective, rows: Int32Array, z: Float64Array): Promise<Values> {
  const objectives = await objective.value(rows, z);
  const terms = objective.terms?.(rows);
  return { objectives, ...(terms ?? { losses: objectives, priors: new Float64Array(rows.length) }) };
}

/** Returns the indices of all samples of an objective: 0 … count - 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/**
 * Gauss-Newton curvature M = JᵀWJ of an objective's losses: J is the Jacobian of the decoder's outputs before their
 * activation with respect to z, W the second derivative of the loss with respect to these outputs.
 */
export interface Curvature {
  /** Plan of how solvers use this curvature. */
  readonly use: CurvatureUse;
  /**
   * Returns the factor that turns a row's curvature, averaged over the decoder's n outputs, into the curvature of its loss: 1 if
   * the loss is a mean; n, or Σw with weights, if it is a sum.
   */
  scale(row: number): number;
  /**
   * Returns the Gauss-Newton matrix that all samples share, made on the first call; undefined if the decoder has none. The
   * field `own` of the result holds the matrix if the matrix does not depend on the data; otherwise `matrices(rows, "shared")`
   * makes it for each sample.
   */
  shared(): Promise<SharedCurvature | undefined>;
  /**
   * Computes the Gauss-Newton matrix JᵀWJ of each chosen row: J is the Jacobian of the decoder's outputs before their
   * activation, W the second derivative of the row's loss with respect to these outputs, at the point of the row's last `value`
   * call.
   *
   * @param kind "shared": with J at the decoder's start latent, for which `shared` must have been called; "own": with J at
   *   the row's own z
   * @returns [rows.length, d, d]; only the lower triangles with the diagonals are valid
   */
  matrices(rows: Int32Array, kind: "shared" | "own"): Promise<Float32Array>;
  /**
   * Computes the curvature along the gradient, gᵀMg/gᵀg with g = ∇_z l and M the Gauss-Newton matrix, of each chosen row, at
   * the point of its last `value` and `gradient` calls: [rows.length].
   */
  alongGradient(rows: Int32Array): Promise<Float64Array>;
}

/** Gauss-Newton matrix A₀ that all samples share, at the decoder's start latent; see `Curvature.shared`. */
export interface SharedCurvature {
  /**
   * Shared Gauss-Newton matrix, with its Cholesky factors and damping. Absent if the curvature of the loss depends on the data,
   * and for a decoder with fixed inputs, where each sample has a matrix of its own.
   */
  readonly own?: {
    /**
     * Packed Cholesky factors of A₀ + λτI, one after the other, for each damping λ in ascending order: A₀ is the
     * Gauss-Newton matrix at the decoder's start latent, τ = tr(A₀)/d.
     */
    readonly factors: Float64Array;
    /** Packed lower triangle of A₀, the Gauss-Newton matrix at the decoder's start latent. */
    readonly matrix: Float32Array;
    /**
     * Scale τ = tr(A₀)/d of the damping, the mean diagonal element of the Gauss-Newton matrix A₀ at the decoder's start
     * latent.
     */
    readonly damping: number;
  };
  /** Low-rank form of A₀, for decoders with many latents; in place of `own`. */
  readonly lowRank?: LowRankArrays;
}

/**
 * Low-rank form of the Gauss-Newton matrix A₀ at the decoder's start latent: VΛVᵀ + ρ(I - VVᵀ), by the r Ritz vectors V of its
 * largest Ritz values Λ. assembly/solve/low-rank.ts computes with it.
 */
export interface LowRankArrays {
  /** Number r of Ritz vectors, a multiple of four: the last ones may be zeros, with ρ as their values. */
  readonly rank: number;
  /** Ritz vectors, one after the other, each padded with zeros to `paddedSize(d)` numbers. */
  readonly vectors: Float32Array;
  /** Ritz values Λ, [r]. */
  readonly values: Float64Array;
  /** ρ > 0, which stands for all other eigenvalues of A₀. */
  readonly rest: number;
  /** Scale τ of the damping, an estimate of tr(A₀)/d. */
  readonly damping: number;
}

/**
 * Plan of how solvers use an objective's curvature. The plan depends on the decoder, the loss, the prior and whether there are
 * weights, never on the number of samples. See the fields of the Lbfgs struct in assembly/solve/lbfgs-state.ts.
 */
export interface CurvatureUse {
  /** True if the second derivatives of the loss with respect to the outputs are known. */
  readonly hasCurvature: boolean;
  /**
   * Gauss-Newton matrix that preconditions a sample: "shared", with the Jacobian J₀ at the decoder's start latent; "own",
   * with the Jacobian at the sample's own z; "lowRank", as "shared" but with the low-rank form of the matrix, which many
   * latents have; "none" if each costs too much.
   */
  readonly matrix: "shared" | "own" | "lowRank" | "none";
  /**
   * True if W, the curvature of the loss with respect to the outputs, in the shared preconditioner J₀ᵀWJ₀ is computed at the
   * sample's z0 rather than at the decoder's start latent. J₀ is the decoder's Jacobian at its start latent.
   */
  readonly refreshesAtStart: boolean;
  /**
   * Last step after which W, the curvature of the loss with respect to the outputs, in the shared preconditioner J₀ᵀWJ₀ is
   * recomputed: W is recomputed after steps 1, 2, 4, … up to this number. 0: never.
   */
  readonly lastRefresh: number;
}

/** True if samples are preconditioned by Gauss-Newton matrices as they are, not by a low-rank form. */
export function hasMatrices({ matrix }: CurvatureUse): boolean {
  return matrix === "shared" || matrix === "own";
}

/**
 * Returns a plan without Gauss-Newton matrices: solvers use only the curvature along the gradient, if `use` is given and its
 * `hasCurvature` is true, else no curvature.
 */
export function withoutMatrices(use: CurvatureUse | undefined): CurvatureUse {
  const hasCurvature = use?.hasCurvature ?? false;
  return { hasCurvature, matrix: "none", refreshesAtStart: false, lastRefresh: 0 };
}

/**
 * Objective that can also be differentiated with respect to the decoder's parameters θ, and a second time with respect to z,
 * for adjoints and training. Each method continues from the results that the previous one left for the same rows, whatever
 * has been done with other rows in between: value → gradient → addParameterGradient, and value → gradient → tangent →
 * addMixedGradient.
 *
 * Parameter gradients are large and are sums over many samples: they are accumulated on the backend, and read once.
 */
export interface DifferentiableObjective extends Objective {
  /** Number of parameters, P. They are ordered by layer: the weight, then the bias, of each. */
  readonly parameterCount: number;
  /**
   * Adds ∂_θ l, θ the decoder's parameters, at the points of the last `gradient` call, with z held fixed, to the parameter sums,
   * row by row in the order of `rows`.
   */
  addParameterGradient(rows: Int32Array): Promise<void>;
  /**
   * Computes the Hessian-vector products ∇²_z l · v at the points of the last `gradient` call, by one tangent pass through
   * the decoder; no Jacobian or Hessian is stored.
   *
   * @param v [rows.length, d]
   * @returns [rows.length, d]
   */
  tangent(rows: Int32Array, v: Float64Array): Promise<Float64Array>;
  /**
   * Adds the mixed derivative ∂_θ(vᵀ∇_z l), with θ the decoder's parameters and v from the last `tangent` call, to the parameter
   * sums, row by row in the order of `rows`. The derivative is linear in v, so that a factor can be put into v.
   */
  addMixedGradient(rows: Int32Array): Promise<void>;
  /**
   * Returns the parameter sums accumulated since the last call, or since the objective was made, and resets them to 0.
   *
   * @returns [P]
   */
  takeParameterSums(): Promise<Float32Array>;
}

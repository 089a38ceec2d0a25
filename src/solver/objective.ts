import type { WebAssemblyModule } from "../base/platform.ts";

/**
 * A decoder, a loss and the data bound to them, on one backend: for each of `sampleCount` samples a function
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
  readonly sampleCount: number;
  /** Size of a latent, d. */
  readonly latentSize: number;
  /**
   * Computes the objectives of the chosen samples: the loss, and the prior's share if there is one.
   * @param rows indices of samples, each at most once
   * @param z [rows.length, d], the latent of each chosen sample
   * @returns [rows.length]
   */
  value(rows: Int32Array, z: Float64Array): Promise<Float64Array>;
  /**
   * Terms of the objectives of the chosen samples, each at the point of its last `value` call. Absent if the loss is the only
   * term.
   */
  readonly terms?: (rows: Int32Array) => Terms;
  /**
   * Computes ∇_z l of the chosen samples, each at the point of its last `value` call: one backward pass, no second forward
   * pass.
   * @param rows indices of samples that `value` has been called for
   * @returns [rows.length, d]
   */
  gradient(rows: Int32Array): Promise<Float64Array>;
  /** Curvature of the losses; undefined if it is unknown, as for a custom loss without `curvature`. */
  readonly curvature?: Curvature;
  /** Kernels with which solvers compute their steps. Default: the package's own. */
  readonly kernels?: WebAssemblyModule;
  /** Frees the objective's memory on its backend. It cannot be used afterwards. */
  dispose(): void;
}

/** Terms whose sum is the objective, [rows.length] each. */
export interface Terms {
  readonly losses: Float64Array;
  /** Values of the prior in nats, times its weight; the objective has 1/N of them. 0 without a prior. */
  readonly priors: Float64Array;
}

/** Objectives of some samples with their terms, [rows.length] each. */
export interface Values extends Terms {
  readonly objectives: Float64Array;
}

/** Evaluates objectives and their terms: see `Objective.value`. */
export async function valuesAt(objective: Objective, rows: Int32Array, z: Float64Array): Promise<Values> {
  const objectives = await objective.value(rows, z);
  const terms = objective.terms?.(rows);
  return { objectives, ...(terms ?? { losses: objectives, priors: new Float64Array(rows.length) }) };
}

/** Returns the indices of all of an objective's samples: 0 … count - 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** Gauss-Newton curvature of an objective's losses: M = JᵀWJ, J of the outputs before their activation. */
export interface Curvature {
  /** Use of the curvature by solvers. */
  readonly use: CurvatureUse;
  /** Returns the factor for a row of a curvature that is a mean over the outputs: 1, or for a sum n or Σw. */
  scale(row: number): number;
  /**
   * Returns the matrix that all samples share, made on its first use; undefined if the decoder has none. `own` is A₀, the
   * matrix at the decoder's start, if it does not depend on the data: packed; the factors of A₀ + λτI one after the other;
   * and τ.
   */
  shared(): Promise<SharedCurvature | undefined>;
  /**
   * Computes the Gauss-Newton matrix of each chosen row, at the point of its last `value`.
   * @param kind J at the decoder's start, its own, which `shared` has made; or at the row's own z
   * @returns [rows.length, d, d], of which the lower triangles and the diagonals hold
   */
  matrices(rows: Int32Array, kind: "shared" | "own"): Promise<Float32Array>;
  /** Computes gᵀMg/gᵀg of each chosen row, at the point of its last `value` and `gradient`. */
  alongGradient(rows: Int32Array): Promise<Float64Array>;
}

/** Matrix that all samples share; see `Curvature.shared`. */
export interface SharedCurvature {
  readonly own?: {
    readonly factors: Float64Array;
    readonly matrix: Float32Array;
    readonly damping: number;
  };
}

/**
 * Use of curvature, which depends on the decoder, the loss and whether there are weights: never on the number of
 * samples. See the fields of the Lbfgs struct in assembly/solve/lbfgs-state.ts.
 */
export interface CurvatureUse {
  /** True if the losses' curvature is known. */
  readonly hasCurvature: boolean;
  /** Matrix that preconditions samples: "shared", the decoder's; "own", each sample's; "none" if either costs too much. */
  readonly matrix: "shared" | "own" | "none";
  /** True if W in the shared matrix J₀ᵀWJ₀ is made at z0, rather than at the decoder's start. */
  readonly refreshesAtStart: boolean;
  /** W is renewed after 1, 2, 4, … steps, up to this many: 0 for never. */
  readonly lastRefresh: number;
}

/** True if there are matrices that precondition samples. */
export function hasMatrices({ matrix }: CurvatureUse): boolean {
  return matrix !== "none";
}

/** Use of a curvature that is available along a gradient only, or not at all. */
export function withoutMatrices(use: CurvatureUse | undefined): CurvatureUse {
  const hasCurvature = use?.hasCurvature ?? false;
  return { hasCurvature, matrix: "none", refreshesAtStart: false, lastRefresh: 0 };
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
  /** Number of parameters, P: weight, then bias, of each layer in order. */
  readonly parameterCount: number;
  /** Adds ∂_θ l at the points of the last `gradient` call, z held fixed, row by row in the order given. */
  addParameterGradient(rows: Int32Array): Promise<void>;
  /**
   * Computes the Hessian-vector products ∇²_z l · v at the points of the last `gradient` call, by one tangent pass over the
   * decoder: no Jacobian or Hessian is stored.
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
   * Returns the sums since the last call, or since the start, and clears them.
   * @returns [P]
   */
  takeParameterSums(): Promise<Float32Array>;
}

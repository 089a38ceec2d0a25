import { checkNumber } from "../base/check.ts";
import { logarithm } from "../base/elementary-functions.ts";
import { gotten, wanted, words } from "../base/message.ts";
import { objection, refused } from "../base/refuse.ts";
import { type Bounds, show } from "../base/show.ts";
import { mirror } from "./moments.ts";

/** Array of numbers, typed or not. */
export type Numbers = ArrayLike<number>;

/** True for a typed or ordinary array; false for a DataView. */
export function isArray(values: unknown): values is ArrayLike<unknown> {
  return Array.isArray(values) || (ArrayBuffer.isView(values) && "length" in values);
}

/** Prior in the form that kernels and workers use: a mixture of K Gaussians over d latents; a Gaussian has K = 1. */
export interface PriorComponents {
  readonly latentSize: number;
  /** Number of Gaussians, K. */
  readonly count: number;
  /** "constant" if the prior's second derivatives do not depend on z (one Gaussian); "latent" if they do (a mixture). */
  readonly curvature: "constant" | "latent";
  /** True if the precisions are full matrices; false if they are diagonals. */
  readonly isFull: boolean;
  /** Means of the Gaussians, [K, d]. */
  readonly means: Float64Array;
  /** Inverse covariances Σ⁻¹ of the Gaussians: [K, d, d], or [K, d] if they are diagonal. */
  readonly precisions: Float64Array;
  /** Log of each Gaussian's weight minus half its log determinant, log w_k - ½ log det Σ_k, [K]; 0 for a single Gaussian. */
  readonly constants: Float64Array;
  readonly weight: number;
}

/** Bounds of the elements of a covariance: ± the square of the largest standard deviation, 1e30. */
const COVARIANCE: Bounds = { min: -1e60, max: 1e60 };
/** Minimum of a variance: the square of the smallest standard deviation, 1e-30. It keeps the inverse of a variance finite. */
const LEAST_VARIANCE = 1e-60;

/** Returns `values` if it is an array, typed or not, of at least one element; throws `invalid_argument` otherwise. */
export function checkArray(name: string, values: unknown, expected: string): ArrayLike<unknown> {
  if (isArray(values) && values.length > 0) return values;
  throw refused(name, "is", isArray(values) ? "empty" : show(values), expected);
}

/**
 * Returns a copy of a row of numbers, each within `bounds`.
 *
 * @param size required number of values; undefined if any is allowed
 * @throws LatentflowError `invalid_argument`
 */
export function checkRow(name: string, values: unknown, size: number | undefined, bounds: Bounds): number[] {
  const row = checkArray(name, values, "an array of numbers");
  if (size !== undefined && row.length !== size) {
    throw refused(name, "has", `${row.length} values`, String(size));
  }
  return Array.from(row, (value, i) => checkNumber(`${name}[${i}]`, value, bounds));
}

/** Returns a checked number, which applies to all latents, or a checked and frozen copy of a row of `size` numbers. */
export function scalarOrRow(
  name: string,
  value: unknown,
  size: number | undefined,
  bounds: Bounds,
): number | readonly number[] {
  if (isArray(value)) return Object.freeze(checkRow(name, value, size, bounds));
  return checkNumber(name, value, bounds);
}

/**
 * Largest |Cᵢⱼ − Cⱼᵢ| ÷ (σᵢσⱼ) of a covariance C with standard deviations σ that is attributed to rounding.
 */
const ASYMMETRY = 1e-6;

/**
 * Returns the numbers of a symmetric, positive definite matrix, row-major and frozen.
 *
 * @param value d rows of d numbers, or d × d numbers
 * @param size required d; undefined if any is allowed
 * @throws LatentflowError `invalid_argument`
 */
export function checkMatrix(name: string, value: unknown, size: number | undefined): readonly number[] {
  const matrix = checkArray(name, value, "a matrix: d rows, or d × d numbers");
  const isNested = isArray(matrix[0]);
  const d = isNested ? matrix.length : Math.sqrt(matrix.length);
  if (!Number.isInteger(d)) {
    throw refused(name, "has", `${matrix.length} values`, "d × d");
  }
  if (size !== undefined && d !== size) {
    throw refused(name, "is", `${d} × ${d}`, `${size} × ${size}`);
  }
  const numbers = isNested
    ? Array.from(matrix, (row, i) => checkRow(`${name}[${i}]`, row, d, COVARIANCE)).flat()
    : checkRow(name, matrix, d * d, COVARIANCE);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < i; j++) {
      const [below, above] = [numbers[i * d + j]!, numbers[j * d + i]!];
      const size = Math.sqrt(Math.abs(numbers[i * d + i]! * numbers[j * d + j]!));
      if (Math.abs(below - above) <= ASYMMETRY * size) continue;
      const places = `${below} at row ${i}, column ${j}, and ${above} at row ${j}, column ${i}`;
      throw objection(name, words`is not ${wanted("symmetric")}: ${gotten(places)}`);
    }
  }
  for (let i = 0; i < d; i++) {
    const variance = numbers[i * d + i]!;
    if (!(variance > 0 && variance < LEAST_VARIANCE)) continue;
    throw refused(name, "has", `the variance ${variance} at ${i}`, `at least ${LEAST_VARIANCE}`);
  }
  if (!choleskyFactor(numbers, d)) {
    const advice = "estimated from too few codes? Add to its diagonal, or use fitGaussian with shrinkage";
    throw objection(name, words`is not ${wanted("positive definite")}; ${advice}`);
  }
  return Object.freeze(numbers);
}

/**
 * Smallest pivot of a Cholesky factorisation that is meaningful despite rounding, as a fraction of the diagonal element. A
 * pivot is the part of a latent's variance that the preceding latents do not explain; the fraction does not depend on units.
 */
const LEAST_PIVOT = 1e-14;

/**
 * Computes the lower Cholesky factor L of a symmetric matrix LLᵀ, reading only its lower triangle.
 *
 * @param matrix [d, d], row-major
 * @returns [d, d], 0 above the diagonal; undefined if the matrix is not positive definite in float64
 */
export function choleskyFactor(matrix: Numbers, d: number): Float64Array | undefined {
  const factor = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j]!;
      for (let k = 0; k < j; k++) sum -= factor[i * d + k]! * factor[j * d + k]!;
      if (i !== j) {
        factor[i * d + j] = sum / factor[j * d + j]!;
        continue;
      }
      if (!(sum > LEAST_PIVOT * matrix[i * d + i]! && Number.isFinite(sum))) return undefined;
      factor[i * d + i] = Math.sqrt(sum);
    }
  }
  return factor;
}

/** Computes L⁻¹, [d, d], of a Cholesky factor L; it is 0 above the diagonal. */
export function inverseOfLower(factor: Float64Array, d: number): Float64Array {
  const inverse = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    const row = i * d;
    for (let k = 0; k < i; k++) {
      const own = factor[row + k]!;
      for (let j = 0; j <= k; j++) inverse[row + j]! += own * inverse[k * d + j]!;
    }
    const pivot = factor[row + i]!;
    for (let j = 0; j < i; j++) inverse[row + j] = -inverse[row + j]! / pivot;
    inverse[row + i] = 1 / pivot;
  }
  return inverse;
}

/** Computes the inverse, [d, d], of the matrix LLᵀ from its Cholesky factor L; it is exactly symmetric. */
export function inverseOfFactor(factor: Float64Array, d: number): Float64Array {
  // L⁻¹, then its transpose times itself.
  const inverse = inverseOfLower(factor, d);
  const product = new Float64Array(d * d);
  for (let k = 0; k < d; k++) {
    for (let i = 0; i <= k; i++) {
      const own = inverse[k * d + i]!;
      for (let j = 0; j <= i; j++) product[i * d + j]! += own * inverse[k * d + j]!;
    }
  }
  mirror(product, d);
  return product;
}

/** Returns log det of the matrix LLᵀ from its Cholesky factor L, [d, d]. */
export function logDeterminant(factor: Float64Array, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += 2 * logarithm(factor[i * d + i]!);
  return sum;
}

/** Returns d numbers: one number repeated, or a copy of d numbers. */
export function spread(value: number | readonly number[], d: number): Float64Array {
  return typeof value === "number" ? new Float64Array(d).fill(value) : Float64Array.from(value);
}

/**
 * Computes the inverses Σ⁻¹ and log det Σ of K = `count` covariances, [K, d, d], or of diagonal ones given as standard
 * deviations, [K, d]. Exactly one of `covariances` and `stds` is defined.
 *
 * @returns `precisions`, shaped as the argument, and `logDeterminants`, [K]
 */
export function precisionsOf(
  covariances: ArrayLike<number> | undefined,
  stds: ArrayLike<number> | undefined,
  count: number,
  d: number,
): { readonly precisions: Float64Array; readonly logDeterminants: Float64Array } {
  const logDeterminants = new Float64Array(count);
  if (covariances === undefined) {
    const precisions = Float64Array.from(stds!, (std, i) => {
      logDeterminants[Math.floor(i / d)]! += 2 * logarithm(std);
      return 1 / (std * std);
    });
    return { precisions, logDeterminants };
  }
  const precisions = new Float64Array(count * d * d);
  for (let k = 0; k < count; k++) {
    const matrix = Array.prototype.slice.call(covariances, k * d * d, (k + 1) * d * d);
    // Positive definite, as checked when the prior was made.
    const factor = choleskyFactor(matrix, d)!;
    precisions.set(inverseOfFactor(factor, d), k * d * d);
    logDeterminants[k] = logDeterminant(factor, d);
  }
  return { precisions, logDeterminants };
}

/** Mean and covariance of codes. */
export interface Moments {
  /** [d] */
  readonly mean: Float64Array;
  /** [d, d], row-major, or [d], the diagonal: unbiased, with sums divided by count - 1. */
  readonly covariance: Float64Array;
}

/**
 * Computes mean and covariance of codes, in float64.
 *
 * @param codes [count, d], count >= 2
 * @param isFull the whole covariance; else its diagonal
 */
export function momentsOf(codes: Float32Array, d: number, isFull: boolean): Moments {
  const count = codes.length / d;
  // From the first code on: float64 holds the differences of float32 exactly, and those of a constant are 0.
  const mean = new Float64Array(d);
  for (let first = 0; first < codes.length; first += d) {
    for (let i = 0; i < d; i++) mean[i]! += codes[first + i]! - codes[i]!;
  }
  for (let i = 0; i < d; i++) mean[i] = codes[i]! + mean[i]! / count;
  const covariance = new Float64Array(isFull ? d * d : d);
  const centred = new Float64Array(d);
  for (let first = 0; first < codes.length; first += d) {
    for (let i = 0; i < d; i++) centred[i] = codes[first + i]! - mean[i]!;
    addOuterProduct(covariance, 0, centred, 1, isFull);
  }
  for (let i = 0; i < covariance.length; i++) covariance[i]! /= count - 1;
  if (isFull) mirror(covariance, d);
  return { mean, covariance };
}

/**
 * Adds weight · xxᵀ to a matrix: the lower triangle, or the diagonal alone.
 *
 * @param start where the matrix or the diagonal starts in `sums`
 */
export function addOuterProduct(
  sums: Float64Array,
  start: number,
  x: Float64Array,
  weight: number,
  isFull: boolean,
): void {
  const d = x.length;
  if (!isFull) {
    for (let i = 0; i < d; i++) sums[start + i]! += weight * x[i]! * x[i]!;
    return;
  }
  for (let i = 0, row = start; i < d; i++, row += d) {
    const factor = weight * x[i]!;
    for (let j = 0; j <= i; j++) sums[row + j]! += factor * x[j]!;
  }
}

/** Copies the lower triangle to the upper one. */
export function mirror(matrix: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < i; j++) matrix[j * d + i] = matrix[i * d + j]!;
  }
}

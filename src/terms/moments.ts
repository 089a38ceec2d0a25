/** Mean and covariance of codes. */
export interface Moments {
  /** Mean of the codes, [d]. */
  readonly mean: Float64Array;
  /** Unbiased covariance of the codes, with sums divided by count - 1: [d, d], row-major, or its diagonal, [d]. */
  readonly covariance: Float64Array;
}

/**
 * Computes mean and covariance of codes, in float64.
 *
 * @param codes [count, d], count >= 2
 * @param isFull true for the full covariance; false for its diagonal
 */
export function momentsOf(codes: Float32Array, d: number, isFull: boolean): Moments {
  const count = codes.length / d;
  // Sums differences from the first code, so that the mean of a constant coordinate is exact and its variance is 0.
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
 * Adds weight · xxᵀ to the matrix in `sums`: its lower triangle if `isFull`, else its diagonal, stored as d values.
 *
 * @param start index in `sums` at which the matrix or the diagonal begins
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

/** Copies the lower triangle of a row-major matrix, [d, d], to the upper one, in place. */
export function mirror(matrix: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < i; j++) matrix[j * d + i] = matrix[i * d + j]!;
  }
}

// Dense linear algebra for matrices as small as a latent, row-major, in float64 and as plain as can be.

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** The lower Cholesky factor of a symmetric d × d matrix in its place; false where a pivot is not above 0. */
export function factorise(matrix: Float64Array, d: number): boolean {
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * d + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * d + k]! * matrix[j * d + k]!;
      if (j < i) matrix[i * d + j] = sum / matrix[j * d + j]!;
      // Not a number is not above 0 either.
      else if (sum > 0) matrix[i * d + i] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** x = (LLᵀ)⁻¹ x in its place, L the factor. */
export function solveFactorised(factor: Float64Array, d: number, x: Float64Array): void {
  for (let i = 0; i < d; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i * d + k]! * x[k]!;
    x[i]! /= factor[i * d + i]!;
  }
  for (let i = d - 1; i >= 0; i--) {
    x[i]! /= factor[i * d + i]!;
    for (let k = 0; k < i; k++) x[k]! -= x[i]! * factor[i * d + k]!;
  }
}

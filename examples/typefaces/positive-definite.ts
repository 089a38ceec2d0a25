// Systems of linear equations with a positive definite matrix. Runs in browsers too.

/** Replaces the lower triangle of a positive definite matrix by its Cholesky factor. */
export function factorise(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!;
    }
  }
}

/** Solves L Lᵀ x = b in place, L the lower triangle of `factor`. */
export function solve(factor: Float64Array, b: Float64Array): Float64Array {
  const size = b.length;
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) b[i]! -= factor[i * size + k]! * b[k]!;
    b[i]! /= factor[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) b[i]! -= factor[k * size + i]! * b[k]!;
    b[i]! /= factor[i * size + i]!;
  }
  return b;
}

// Dense linear algebra for matrices as small as a latent, row-major in float64. assembly/cholesky.ts does the same
// operations in the same order.

/** The lower Cholesky factor of a symmetric d × d matrix in its place; false where a pivot is not above 0. */
export function factorise(matrix: Float64Array, d: number): boolean {
  for (let i = 0; i < d; i++) {
    const rowI = matrix.subarray(i * d, (i + 1) * d);
    for (let j = 0; j <= i; j++) {
      const rowJ = matrix.subarray(j * d, (j + 1) * d);
      const sum = rowI[j]! - dot(rowI, rowJ, j);
      if (j < i) rowI[j] = sum / rowJ[j]!;
      // Not a number is not above 0 either.
      else if (sum > 0) rowI[i] = Math.sqrt(sum);
      else return false;
    }
  }
  return true;
}

/** x = (LLᵀ)⁻¹ x in its place, L the factor. */
export function solveFactorised(factor: Float64Array, d: number, x: Float64Array): void {
  for (let i = 0; i < d; i++) {
    const row = factor.subarray(i * d, (i + 1) * d);
    x[i] = (x[i]! - dot(row, x, i)) / row[i]!;
  }
  for (let i = d - 1; i >= 0; i--) {
    x[i]! /= factor[i * d + i]!;
    for (let k = 0; k < i; k++) x[k]! -= x[i]! * factor[i * d + k]!;
  }
}

/** Σ a_k·b_k for the first `count` numbers: four sums in turns, as two vectors of two hold them in WASM. */
export function dot(a: Float64Array, b: Float64Array, count: number): number {
  const whole = count & ~3;
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let k = 0; k < whole; k += 4) {
    s0 += a[k]! * b[k]!;
    s1 += a[k + 1]! * b[k + 1]!;
    s2 += a[k + 2]! * b[k + 2]!;
    s3 += a[k + 3]! * b[k + 3]!;
  }
  let sum = s0 + s2 + (s1 + s3);
  for (let k = whole; k < count; k++) sum += a[k]! * b[k]!;
  return sum;
}

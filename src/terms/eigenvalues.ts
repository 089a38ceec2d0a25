/** Maximum number of sweeps; Jacobi's method has converged to float64 after 6 to 10 (Golub and Van Loan, section 8.5). */
const MOST_SWEEPS = 30;

/**
 * Raises the eigenvalues of a symmetric matrix that are below `least` to `least`, in place; the eigenvectors are unchanged.
 * If the matrix is the covariance of samples, the result is the covariance of maximum likelihood among those whose
 * eigenvalues are all at least `least`.
 *
 * @param matrix [d, d], row-major
 */
export function raiseEigenvalues(matrix: Float64Array, d: number, least: number): void {
  const { values, vectors } = eigenvalues(matrix, d);
  for (let k = 0; k < d; k++) {
    const missing = least - values[k]!;
    if (!(missing > 0)) continue;
    for (let i = 0; i < d; i++) {
      for (let j = 0; j <= i; j++) {
        const share = missing * vectors[k * d + i]! * vectors[k * d + j]!;
        matrix[i * d + j]! += share;
        if (i !== j) matrix[j * d + i]! += share;
      }
    }
  }
}

/**
 * Computes eigenvalues and eigenvectors of a symmetric matrix, [d, d], by Jacobi's cyclic method.
 *
 * @returns `values`, [d], unsorted; `vectors`, [d, d], with the unit eigenvector of values[k] in row k
 */
export function eigenvalues(
  matrix: Float64Array,
  d: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = matrix.slice();
  const vectors = identity(d);
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let rotations = 0;
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        // Already negligible: within rounding of the two diagonal elements that the rotation would change.
        const limit = 2 ** -53 * Math.sqrt(Math.abs(a[p * d + p]! * a[q * d + q]!));
        if (!(Math.abs(a[p * d + q]!) > limit)) continue;
        rotate(a, vectors, d, p, q);
        a[p * d + q] = 0;
        a[q * d + p] = 0;
        rotations++;
      }
    }
    if (rotations === 0) break;
  }
  return { values: Float64Array.from({ length: d }, (_, i) => a[i * d + i]!), vectors };
}

/** Returns the identity matrix, [d, d]. */
export function identity(d: number): Float64Array {
  return Float64Array.from({ length: d * d }, (_, i) => Number(i % (d + 1) === 0));
}

/**
 * Applies the Jacobi rotation of axes p and q that makes element (p, q) of `a` 0, but for rounding, to `a` and to the rows p and q
 * of `vectors`.
 */
export function rotate(a: Float64Array, vectors: Float64Array, d: number, p: number, q: number): void {
  const difference = (a[q * d + q]! - a[p * d + p]!) / (2 * a[p * d + q]!);
  const tangent = (difference < 0 ? -1 : 1) / (Math.abs(difference) + Math.sqrt(difference * difference + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  for (let k = 0; k < d; k++) turn(a, k * d + p, k * d + q, cosine, sine);
  for (let k = 0; k < d; k++) turn(a, p * d + k, q * d + k, cosine, sine);
  for (let k = 0; k < d; k++) turn(vectors, p * d + k, q * d + k, cosine, sine);
}

function turn(numbers: Float64Array, first: number, second: number, cosine: number, sine: number): void {
  const [x, y] = [numbers[first]!, numbers[second]!];
  numbers[first] = cosine * x - sine * y;
  numbers[second] = sine * x + cosine * y;
}

import { choleskyFactor } from "./prior-numbers.ts";

/** Number of rounds of subspace iteration. */
const ROUNDS = 6;

/** Variance of a direction without any, as a share of the whole variance. */
const LEAST = 1e-12;

/**
 * Approximates the matrix Σ rᵀr of rows r, [count, n], by the part of it in the `rank` directions of highest variance, by subspace
 * iteration from the first rows.
 *
 * @returns rows, [rank, n] or [n, n], whose outer products add up to that part
 */
export function* principalComponents(
  rows: Float64Array,
  n: number,
  rank: number,
): Generator<undefined, Float64Array> {
  const count = rows.length / n;
  const k = Math.min(rank, n);
  // Directions in which the rows vary: the first ones.
  let basis = rows.slice(0, k * n);
  const scores = new Float64Array(count);
  for (let round = 0; round < ROUNDS; round++) {
    yield* makeOrthonormal(basis, n);
    const next = new Float64Array(k * n);
    for (let i = 0; i < k; i++) {
      const direction = basis.subarray(i * n, (i + 1) * n);
      const product = next.subarray(i * n, (i + 1) * n);
      for (let row = 0; row < count; row++) scores[row] = dot(rows, row * n, direction, n);
      for (let row = 0; row < count; row++) addTimes(product, scores[row]!, rows, row * n);
      yield;
    }
    basis = next;
  }
  yield* makeOrthonormal(basis, n);
  // The covariance within the span of the basis B is B·C·Bᵀ, C the covariance of the scores. With C = L·Lᵀ the columns of B·L are
  // components whose outer products add up to it.
  const all = new Float64Array(count * k);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < k; i++) all[row * k + i] = dot(rows, row * n, basis.subarray(i * n, (i + 1) * n), n);
    if (row % 64 === 0) yield;
  }
  const covariance = new Float64Array(k * k);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < k; i++) {
      const factor = all[row * k + i]!;
      for (let j = 0; j <= i; j++) covariance[i * k + j]! += factor * all[row * k + j]!;
    }
    if (row % 64 === 0) yield;
  }
  const components = new Float64Array(k * n);
  let trace = 0;
  for (let i = 0; i < k; i++) trace += covariance[i * k + i]!;
  // Rows may have fewer directions than the basis.
  for (let i = 0; i < k; i++) covariance[i * k + i]! += LEAST * trace;
  const factor = choleskyFactor(covariance, k);
  if (!factor) return components;
  yield;
  for (let j = 0; j < k; j++) {
    const component = components.subarray(j * n, (j + 1) * n);
    for (let i = j; i < k; i++) addTimes(component, factor[i * k + j]!, basis, i * n);
  }
  return components;
}

function dot(a: Float64Array, from: number, b: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[from + i]! * b[i]!;
  return sum;
}

function addTimes(to: Float64Array, factor: number, values: Float64Array, from: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * values[from + i]!;
}

/** Makes rows of n numbers orthonormal, in place, each by two passes of Gram and Schmidt; rows that depend on others become 0. */
function* makeOrthonormal(rows: Float64Array, n: number): Generator<undefined, void> {
  const count = rows.length / n;
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * n, (i + 1) * n);
    const before = Math.sqrt(dot(rows, i * n, row, n));
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) addTimes(row, -dot(rows, j * n, row, n), rows, j * n);
    }
    const norm = Math.sqrt(dot(rows, i * n, row, n));
    const factor = norm > 1e-10 * before ? 1 / norm : 0;
    for (let a = 0; a < n; a++) row[a]! *= factor;
    yield;
  }
}

import type { Numbers } from "./values.ts";

// Regularised iterative principal component analysis (Josse and Husson 2012, missMDA): the missing values of standardised data are
// replaced by a low-rank approximation of the data, again and again, whose components are shrunk by the variance of the rest. A
// decoder has to be better to be worth its while.

/** Largest number of rounds. */
const MOST_ROUNDS = 200;
/** Change of the replaced values, relative to their size, that ends the rounds. */
const TOLERANCE = 1e-4;

/**
 * Fills missing values by `rank` principal components of the data, a round of subspace iteration each time. Pauses after each
 * round.
 *
 * @returns the approximation of all values, [rows, columns]
 */
export function* fillByComponents(
  { values, rows, columns }: Numbers,
  rank: number,
): Generator<undefined, Float32Array> {
  const filled = Float64Array.from(values, (value) => (Number.isNaN(value) ? 0 : value));
  const missing = Uint32Array.from(values.keys()).filter((i) => Number.isNaN(values[i]!));
  const means = new Float64Array(columns);
  /** Orthonormal components, [columns, rank]. */
  const basis = new Float64Array(columns * rank).map((_, i) => ((7 * i) % 11) - 5);
  const scores = new Float64Array(rows * rank);
  const low = new Float64Array(rows * columns);
  makeOrthonormal(basis, columns, rank);

  /** Calls `use` with each value less its column's mean, and the first indices of its row of scores and its row of the basis. */
  function each(use: (value: number, score: number, component: number) => void): void {
    for (let i = 0, row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, i++) {
        use(filled[i]! - means[column]!, row * rank, column * rank);
      }
    }
  }

  function project(): void {
    scores.fill(0);
    each((value, score, component) => {
      for (let k = 0; k < rank; k++) scores[score + k]! += value * basis[component + k]!;
    });
  }

  /** Multiplies the scores of each component by (λ - σ²)/λ, λ its variance and σ² the mean variance of what no component explains. */
  function shrink(): void {
    const variances = new Float64Array(rank);
    for (const [i, score] of scores.entries()) variances[i % rank]! += score ** 2 / rows;
    let total = 0;
    each((value) => {
      total += value ** 2 / rows;
    });
    const explained = variances.reduce((sum, variance) => sum + variance, 0);
    const noise = Math.max(0, total - explained) / Math.max(1, columns - rank);
    for (let i = 0; i < scores.length; i++) scores[i]! *= Math.max(0, 1 - noise / variances[i % rank]!);
  }

  for (let round = 0; round < MOST_ROUNDS; round++) {
    means.fill(0);
    for (const [i, value] of filled.entries()) means[i % columns]! += value / rows;
    project();
    basis.fill(0);
    each((value, score, component) => {
      for (let k = 0; k < rank; k++) basis[component + k]! += value * scores[score + k]!;
    });
    makeOrthonormal(basis, columns, rank);
    project();
    shrink();
    for (let i = 0; i < low.length; i++) {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = means[column]!;
      for (let k = 0; k < rank; k++) sum += scores[row * rank + k]! * basis[column * rank + k]!;
      low[i] = sum;
    }
    let [change, size] = [0, 0];
    for (const at of missing) {
      change += (filled[at]! - low[at]!) ** 2;
      size += low[at]! ** 2;
      filled[at] = low[at]!;
    }
    if (change <= TOLERANCE ** 2 * size) break;
    yield;
  }
  return Float32Array.from(low);
}

/** Makes the columns of a matrix, [size, count], orthonormal in place, one after the other (modified Gram-Schmidt). */
function makeOrthonormal(matrix: Float64Array, size: number, count: number): void {
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += matrix[i * count + a]! * matrix[i * count + b]!;
    return sum;
  };
  for (let k = 0; k < count; k++) {
    for (let before = 0; before < k; before++) {
      const share = dot(k, before);
      for (let i = 0; i < size; i++) matrix[i * count + k]! -= share * matrix[i * count + before]!;
    }
    const norm = Math.sqrt(dot(k, k)) || 1;
    for (let i = 0; i < size; i++) matrix[i * count + k]! /= norm;
  }
}

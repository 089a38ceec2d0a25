// Linear completion: the best linear prediction of the other letters' coefficients from the given ones, with a ridge.
import { COMPONENTS } from "./basis.ts";
import { LETTERS } from "./geometry/cell.ts";

/** Covariance of coefficients, [size, size]; coefficients have mean 0. */
export interface Covariance {
  readonly size: number;
  readonly values: Float64Array;
}

/**
 * Computes the covariance of rows' first `size` numbers.
 *
 * @param rows [count, length]
 */
export function covarianceOf(rows: Float32Array, length: number, size: number): Covariance {
  const count = rows.length / length;
  const values = new Float64Array(size * size);
  for (let start = 0; start < rows.length; start += length) {
    for (let i = 0; i < size; i++) {
      const factor = rows[start + i]! / count;
      for (let j = 0; j <= i; j++) values[i * size + j]! += factor * rows[start + j]!;
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) values[j * size + i] = values[i * size + j]!;
  }
  return { size, values };
}

/**
 * Creates the linear completion from some letters: C_ug (C_gg + λI)⁻¹ x_g, with the covariance C of given and other
 * coefficients.
 *
 * @param ridge λ, > 0
 * @returns a function of a row of coefficients to a row of completed ones; the given letters', too, are predictions
 */
export function linearCompletion(
  { size, values }: Covariance,
  given: string,
  ridge: number,
): (row: Float32Array) => Float32Array {
  const known = [...given].flatMap((letter) => {
    const first = LETTERS.indexOf(letter) * COMPONENTS;
    return Array.from({ length: COMPONENTS }, (_, k) => first + k);
  });
  const matrix = new Float64Array(known.length ** 2);
  for (const [i, a] of known.entries()) {
    for (const [j, b] of known.entries()) matrix[i * known.length + j] = values[a * size + b]!;
    matrix[i * known.length + i]! += ridge;
  }
  factorise(matrix, known.length);
  return (row) => {
    const solved = solve(
      matrix,
      Float64Array.from(known, (at) => row[at]!),
    );
    const completed = new Float64Array(size);
    for (const [i, at] of known.entries()) {
      for (let j = 0; j < size; j++) completed[j]! += values[at * size + j]! * solved[i]!;
    }
    return Float32Array.from(completed);
  };
}

/** Replaces the lower triangle of a positive definite matrix by its Cholesky factor. */
function factorise(matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j]!;
    }
  }
}

/** Solves L Lᵀ x = b in place, L the lower triangle of `factor`. */
function solve(factor: Float64Array, b: Float64Array): Float64Array {
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

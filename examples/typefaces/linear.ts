// Linear completion: the best linear prediction of the other letters' coefficients from the given ones, with a ridge. Runs
// in browsers too.
import { COEFFICIENTS, COMPONENTS } from "./basis.ts";
import { LETTERS } from "./geometry/cell.ts";
import { factorise, solve } from "./positive-definite.ts";

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
  const known = placesOf(given);
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

/**
 * The same completion of one row, from the rows that the covariance is of: only the given letters' part of it is computed,
 * which takes a fraction of a second where the whole takes some.
 *
 * @param rows [count, COEFFICIENTS], of mean 0
 * @param row coefficients of the given letters at their places
 */
export function completeFromRows(
  rows: Float32Array,
  given: string,
  ridge: number,
  row: Float32Array,
): Float32Array {
  const count = rows.length / COEFFICIENTS;
  const known = placesOf(given);
  const matrix = new Float64Array(known.length ** 2);
  const own = new Float64Array(known.length);
  const gather = (start: number) => {
    for (const [i, at] of known.entries()) own[i] = rows[start + at]!;
  };
  for (let start = 0; start < rows.length; start += COEFFICIENTS) {
    gather(start);
    for (let i = 0; i < own.length; i++) {
      const factor = own[i]! / count;
      for (let j = 0; j <= i; j++) matrix[i * own.length + j]! += factor * own[j]!;
    }
  }
  for (let i = 0; i < own.length; i++) matrix[i * own.length + i]! += ridge;
  factorise(matrix, own.length);
  const solved = solve(
    matrix,
    Float64Array.from(known, (at) => row[at]!),
  );
  const completed = new Float64Array(COEFFICIENTS);
  for (let start = 0; start < rows.length; start += COEFFICIENTS) {
    gather(start);
    const factor = own.reduce((sum, value, i) => sum + value * solved[i]!, 0) / count;
    for (let j = 0; j < COEFFICIENTS; j++) completed[j]! += factor * rows[start + j]!;
  }
  return Float32Array.from(completed);
}

/** Places of letters' coefficients in a row. */
function placesOf(letters: string): number[] {
  return [...letters].flatMap((letter) => {
    const first = LETTERS.indexOf(letter) * COMPONENTS;
    return Array.from({ length: COMPONENTS }, (_, k) => first + k);
  });
}

// The nearest training style, looked up among coefficients. Runs in browsers too.
import { type Basis, COEFFICIENTS, COMPONENTS, fieldFrom, projected } from "./basis.ts";
import { FIELD_SIZE, letterIndex } from "./geometry/cell.ts";
import { overlapOf } from "./geometry/ink.ts";

/** Rows whose ink is compared: those with the least squared error. */
const SHORTLIST = 60;

/**
 * Finds the row whose letters share most ink with given ones, among the rows with the least squared error.
 *
 * @param rows [count, COEFFICIENTS]
 * @param fields a field for each of the letters, one after the other
 * @param shortlist number of rows whose ink is compared
 * @returns its index, and the intersection over union of the ink
 */
export function nearestRow(
  rows: Float32Array,
  basis: Basis,
  letters: string,
  fields: Float32Array,
  shortlist = SHORTLIST,
): { row: number; likeness: number } {
  const given = [...letters].map((letter, i) => {
    const [field, index] = [fields.subarray(i * FIELD_SIZE, (i + 1) * FIELD_SIZE), letterIndex(letter)];
    return { index, field, coefficients: projected(field, index, basis) };
  });
  const errors = Float64Array.from({ length: rows.length / COEFFICIENTS }, (_, row) => {
    let sum = 0;
    for (const { index, coefficients } of given) {
      const first = row * COEFFICIENTS + index * COMPONENTS;
      for (let k = 0; k < COMPONENTS; k++) sum += (rows[first + k]! - coefficients[k]!) ** 2;
    }
    return sum;
  });
  const closest = [...errors.keys()].sort((i, j) => errors[i]! - errors[j]!).slice(0, shortlist);
  let nearest = { row: -1, likeness: -1 };
  for (const row of closest) {
    const own = rows.subarray(row * COEFFICIENTS, (row + 1) * COEFFICIENTS);
    let [common, either] = [0, 0];
    for (const { index, field } of given) {
      const overlap = overlapOf(field, fieldFrom(own, index, basis));
      common += overlap.common;
      either += overlap.either;
    }
    if (common / either > nearest.likeness) nearest = { row, likeness: common / either };
  }
  return nearest;
}

// Functions on arrays of rows, each of `size` numbers, one after the other.

type Floats = Float32Array | Float64Array;

/**
 * Copies the rows of `values` with the indices `rows`, one after the other, to the start of `into`; returns `into`.
 *
 * @param size number of values in a row
 */
export function gatherRows<Into extends Floats>(
  values: Floats,
  size: number,
  rows: ArrayLike<number>,
  into: Into,
): Into {
  for (let i = 0; i < rows.length; i++) {
    into.set(values.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size);
  }
  return into;
}

/**
 * Copies the rows of `values`, in order, to the rows of `into` with the indices `rows`.
 *
 * @param size number of values in a row
 */
export function scatterRows(values: Floats, size: number, rows: ArrayLike<number>, into: Floats): void {
  for (let i = 0; i < rows.length; i++) into.set(values.subarray(i * size, (i + 1) * size), rows[i]! * size);
}

/** Returns a copy of the rows of the given samples, each of `size` values; or of the single row if all samples share it. */
export function rowsOfSamples(values: Float32Array, size: number, samples: ArrayLike<number>): Float32Array {
  if (values.length === size) return values.slice();
  return gatherRows(values, size, samples, new Float32Array(samples.length * size));
}

// Rows of `size` numbers each, one after the other in an array.

type Floats = Float32Array | Float64Array;

/** Copies the chosen rows into `into`, one after the other, and returns it. */
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

/** Copies rows that lie one after the other to the chosen places of `into`. */
export function scatterRows(values: Floats, size: number, rows: ArrayLike<number>, into: Floats): void {
  for (let i = 0; i < rows.length; i++) into.set(values.subarray(i * size, (i + 1) * size), rows[i]! * size);
}

/** Copies the rows of some samples, or the one row if all samples share it. */
export function rowsOfSamples(values: Float32Array, size: number, samples: ArrayLike<number>): Float32Array {
  if (values.length === size) return values.slice();
  return gatherRows(values, size, samples, new Float32Array(samples.length * size));
}

// Numbers of a table, [rows, columns], NaN where a value is missing.

/** Numbers of a table. */
export interface Numbers {
  /** [rows, columns]; NaN where a value is missing. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Mean and standard deviation of each column, [columns]. */
export interface Moments {
  readonly means: Float64Array;
  readonly deviations: Float64Array;
}

/**
 * Returns mean and standard deviation of each column over the values that are seen. A deviation of 0 is taken as 1; the mean of a
 * column without values is 0.
 */
export function momentsOf({ values, columns }: Numbers): Moments {
  const counts = new Float64Array(columns);
  const means = new Float64Array(columns);
  const squares = new Float64Array(columns);
  // Welford's update, in place of sums that cancel.
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    const column = i % columns;
    const deviation = value - means[column]!;
    means[column]! += deviation / ++counts[column]!;
    squares[column]! += deviation * (value - means[column]!);
  }
  const deviations = squares.map((sum, column) => Math.sqrt(sum / counts[column]!) || 1);
  return { means, deviations };
}

/** Returns the numbers less their column's mean, divided by its deviation. */
export function standardise({ values, rows, columns }: Numbers, { means, deviations }: Moments): Numbers {
  const scaled = values.map((value, i) => (value - means[i % columns]!) / deviations[i % columns]!);
  return { values: scaled, rows, columns };
}

/** Returns standardised values in their columns' own units. */
export function inOwnUnits(values: Float32Array, { means, deviations }: Moments): Float32Array {
  const columns = means.length;
  return values.map((value, i) => means[i % columns]! + deviations[i % columns]! * value);
}

/** Returns the root mean square of the differences of two tables at the given places; NaN without any. */
export function distanceAt(a: Float32Array, b: Float32Array, places: Uint32Array): number {
  const sum = places.reduce((total, at) => total + (a[at]! - b[at]!) ** 2, 0);
  return Math.sqrt(sum / places.length);
}

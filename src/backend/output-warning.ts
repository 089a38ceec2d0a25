// Warnings about single outputs of a decoder, which are columns of a table.

/** Number of outputs that a warning lists by their indices. */
const MOST_LISTED = 5;

/** Returns a warning about outputs, by their indices, which are counted from 0; [] if there are none. */
export function outputWarning(outputs: readonly number[], problem: string): string[] {
  if (outputs.length === 0) return [];
  const listed = outputs.slice(0, MOST_LISTED).join(", ");
  const more = outputs.length > MOST_LISTED ? ` and ${outputs.length - MOST_LISTED} more` : "";
  return [`${outputs.length === 1 ? "output" : "outputs"} ${listed}${more} (counted from 0): ${problem}`];
}

/** Returns the indices of the values for which `test` is true. */
export function indicesWhere(values: ArrayLike<number>, test: (value: number) => boolean): number[] {
  return Array.from(values, (value, i) => (test(value) ? i : -1)).filter((i) => i >= 0);
}

/** Maximum number of significant digits that a float32 needs to be read back exactly. */
const MOST_DIGITS = 9;

/** Formats a float32 in the fewest significant digits that read back exactly: 0.1, not 0.10000000149011612. */
export function showFloat32(value: number): string {
  let digits = 1;
  while (digits < MOST_DIGITS && Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return `${Number(value.toPrecision(digits))}`;
}

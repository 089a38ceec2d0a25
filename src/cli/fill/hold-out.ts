import { createRandom } from "../../base/random.ts";
import type { Numbers } from "./values.ts";

/** Share of the seen values that is held out. */
const SHARE = 0.1;
/** Least number of seen values that a column keeps. */
const LEAST = 3;

/**
 * Draws the places of a tenth of the seen values, to be hidden and compared with. A row keeps one value at least, a column
 * three.
 *
 * @param groups first column of each cell, and the column behind its last: all values of a category are held out together
 */
export function holdOut(
  { values, rows, columns }: Numbers,
  groups: readonly (readonly [first: number, end: number])[],
  seed: number,
): Uint32Array {
  const random = createRandom(seed, 0);
  const isSeen = (row: number, [first]: readonly [number, number]) =>
    !Number.isNaN(values[row * columns + first]!);
  const inColumns = groups.map((group) => {
    let count = 0;
    for (let row = 0; row < rows; row++) if (isSeen(row, group)) count++;
    return count;
  });
  const held: number[] = [];
  for (let row = 0; row < rows; row++) {
    let left = groups.filter((group) => isSeen(row, group)).length;
    for (const [g, group] of groups.entries()) {
      if (!isSeen(row, group) || random.uniform() >= SHARE || left === 1 || inColumns[g]! <= LEAST) continue;
      left--;
      inColumns[g]!--;
      for (let column = group[0]; column < group[1]; column++) held.push(row * columns + column);
    }
  }
  return Uint32Array.from(held);
}

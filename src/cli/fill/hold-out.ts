import { createRandom } from "../../base/random.ts";
import type { Numbers } from "./values.ts";

/** Share of the seen cells that is held out. */
const SHARE = 0.1;
/** Number of cells that are held out of a small table, whose tenth would choose nothing; at most three times its SHARE. */
const ENOUGH = 20;
/** Least number of seen values that a column keeps. */
const LEAST = 3;

/**
 * Draws the places of the values of a tenth of the seen cells, more in a small table, to be hidden and compared with. A row keeps one
 * cell at least, a column three. At least one cell is drawn, unless all rows have a single one or all columns three.
 *
 * @param groups first column of each cell, and the column behind its last: all values of a category are held out together
 */
export function holdOut(
  { values, rows, columns }: Numbers,
  groups: readonly (readonly [first: number, end: number])[],
  seed: number,
): Uint32Array {
  const isSeen = (row: number, [first]: readonly [number, number]) =>
    !Number.isNaN(values[row * columns + first]!);
  const seenIn = groups.map((group) => {
    let count = 0;
    for (let row = 0; row < rows; row++) if (isSeen(row, group)) count++;
    return count;
  });
  const draw = (share: number, most: number): number[] => {
    const random = createRandom(seed, 0);
    const held: number[] = [];
    const inColumns = [...seenIn];
    let cells = 0;
    for (let row = 0; row < rows; row++) {
      let left = groups.filter((group) => isSeen(row, group)).length;
      for (const [g, group] of groups.entries()) {
        if (!isSeen(row, group) || random.uniform() >= share || left === 1 || inColumns[g]! <= LEAST)
          continue;
        if (cells === most) return held;
        cells++;
        left--;
        inColumns[g]!--;
        for (let column = group[0]; column < group[1]; column++) held.push(row * columns + column);
      }
    }
    return held;
  };
  const seen = seenIn.reduce((a, b) => a + b, 0);
  const share = Math.min(3 * SHARE, Math.max(SHARE, ENOUGH / seen));
  const held = draw(share, Number.POSITIVE_INFINITY);
  // By chance none of a small table is drawn: one cell is, if any may be.
  return Uint32Array.from(held.length > 0 ? held : draw(1, 1));
}

import { multiplyByTwoPanels, TALLEST_TILE, Tile } from "./tiles";

// Matrix products summed over taps, in the order of `multiply` in product.ts, tap after tap.

/**
 * Computes, for each row, bias + Σ over taps of the tap's matrix, packed into panels (blocks of 8 columns), times the row's
 * source for that tap.
 *
 * @param count number of rows
 * @param sources usize[count], pointers to the first tap's source rows of `depth` floats; Tap.move leads to the next tap's
 * @param destinations usize[count], pointers to rows of 8·panels floats
 * @param matrices f32[taps][panels][depth][8]
 * @param bias f32[8·panels]
 * @param taps Tap[] up to address `tapsEnd`, at least one
 */
export function multiplyOverTaps(
  count: i32,
  sources: usize,
  destinations: usize,
  matrices: usize,
  bias: usize,
  depth: i32,
  panels: i32,
  taps: usize,
  tapsEnd: usize,
): void {
  const panelSize = (<usize>depth) << 5;
  let column: usize = 0;
  let left = panels;
  if (IS_WIDE) {
    for (; left >= 2; left -= 2, column += 64, matrices += panelSize << 1) {
      multiplyByTwoPanels(count, sources, destinations, matrices, bias, panelSize, column, taps, tapsEnd);
    }
  }
  for (; left > 0; left--, column += 32, matrices += panelSize) {
    let row: i32 = 0;
    for (let tiles = (count + TALLEST_TILE - 1) / TALLEST_TILE; tiles > 0; tiles--) {
      const height = (count - row + tiles - 1) / tiles;
      const offset = (<usize>row) << 2;
      tile(height, sources + offset, destinations + offset, matrices, bias, panelSize, column, taps, tapsEnd);
      row += height;
    }
  }
}

function tile(
  height: i32,
  sources: usize,
  destinations: usize,
  panel: usize,
  bias: usize,
  panelSize: usize,
  column: usize,
  taps: usize,
  tapsEnd: usize,
): void {
  Tile.multiplyOfHeight(height, 1, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
}

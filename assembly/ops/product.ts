import { multiplyByTwoPanels, TALLEST_TILE, Tile } from "./tiles";

/**
 * Computes Y = X·M + bias for rows reached by pointers and a matrix M packed into panels, blocks of 8 columns.
 *
 *            panel: [depth][8]              every output of a row is
 *            b0 b0 b0 b0 │ b1 b1 b1 b1        bias + x[0]·m[0] + x[1]·m[1] + …   in ascending order,
 *   x0 ──▶   a00         │ a01              by one kind of multiply-add, whichever tile computes it,
 *   x1 ──▶   a10         │ a11              so a row's bits never depend on the rows beside it.
 *   …        …           │ …
 *
 * Which tile computes a panel:
 *
 *   rows                  plain            relaxed            wide
 *   1                     1 × 4 panels     1 × 4 panels       1 × 4 panels
 *   2                     2 × 2            2 × 2              2 × 2
 *   3                     3 × 1            3 × 2              3 × 2
 *   more                  2 × 2, 3 × 1     up to 6 × 1        up to 4 × 2 (plain), 6 × 2 (relaxed)
 *   panels that are left  up to 4 × 1      up to 6 × 1        as plain and relaxed
 *
 * Without a bias the narrow builds and one row take the last line's tiles: the others start from the bias.
 *
 * @param count number of rows
 * @param sources usize[count], pointers to rows of `depth` floats
 * @param destinations usize[count], pointers to rows of 8·panels floats
 * @param matrix f32[panels][depth][8]
 * @param bias f32[8·panels]; 0 adds the products to the numbers at the destinations
 */
export function multiply(
  count: i32,
  sources: usize,
  destinations: usize,
  matrix: usize,
  bias: usize,
  depth: i32,
  panels: i32,
): void {
  const panelSize = (<usize>depth) << 5;
  let column: usize = 0; // bytes into a destination row and into the bias
  let left = panels;
  if (bias !== 0 && count === 1) {
    // One row cannot fill a tile's accumulators; several panels at once can.
    for (; left >= 4; left -= 4, column += 128, matrix += panelSize << 2) {
      Tile.oneRowFourPanels(sources, destinations, matrix, bias, panelSize, column);
    }
  } else if (IS_WIDE) {
    for (; count > 1 && left >= 2; left -= 2, column += 64, matrix += panelSize << 1) {
      multiplyByTwoPanels(count, sources, destinations, matrix, bias, panelSize, column, 0, 0);
    }
  } else if (bias !== 0 && (count === 2 || !ASC_FEATURE_RELAXED_SIMD)) {
    for (; left >= 2; left -= 2, column += 64, matrix += panelSize << 1) {
      multiplyTwoByTwo(count, sources, destinations, matrix, bias, panelSize, column);
    }
  } else if (bias !== 0 && count === 3) {
    for (; left >= 2; left -= 2, column += 64, matrix += panelSize << 1) {
      Tile.threeRowsTwoPanels(sources, destinations, matrix, bias, panelSize, column);
    }
  }
  for (; left > 0; left--, column += 32, matrix += panelSize) {
    // The panel stays in the first-level cache while all rows are multiplied by it, in tiles of nearly equal height.
    let row: i32 = 0;
    for (let tiles = (count + TALLEST_TILE - 1) / TALLEST_TILE; tiles > 0; tiles--) {
      const height = (count - row + tiles - 1) / tiles;
      const offset = (<usize>row) << 2;
      multiplyTile(height, sources + offset, destinations + offset, matrix, bias, panelSize, column);
      row += height;
    }
  }
}

/**
 * Multiplies `count` rows by two panels (packed blocks of 8 columns), in tiles of two rows by two panels; if the number of
 * rows is odd, the last three rows in tiles of three rows by one panel.
 *
 * Without fused multiply-adds two by two is the fastest tile with Node 20, and as fast as any with Node 24: it has as many
 * accumulators as four rows by one panel, and fewer pointers to advance.
 *
 * @param count number of rows, 2 or more
 */
function multiplyTwoByTwo(
  count: i32,
  sources: usize,
  destinations: usize,
  panels: usize,
  bias: usize,
  panelSize: usize,
  column: usize,
): void {
  let left = count;
  for (; left > 3 || left === 2; left -= 2, sources += 8, destinations += 8) {
    Tile.multiply(2, 2, sources, destinations, panels, bias, panelSize, column, 0, 0);
  }
  if (left === 0) return;
  multiplyTile(3, sources, destinations, panels, bias, panelSize, column);
  multiplyTile(3, sources, destinations, panels + panelSize, bias, panelSize, column + 32);
}

function multiplyTile(
  height: i32,
  sources: usize,
  destinations: usize,
  panel: usize,
  bias: usize,
  panelSize: usize,
  column: usize,
): void {
  Tile.multiplyOfHeight(height, 1, sources, destinations, panel, bias, panelSize, column, 0, 0);
}

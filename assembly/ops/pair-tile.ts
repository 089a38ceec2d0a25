import { F32x4 } from "../simd";
import { TALLEST_TILE, TAP_SIZE } from "./tiles";

/** Register tile of the matrix product: sums of a few rows by two adjacent panels (packed blocks of 8 columns). */
class PairTile {
  /**
   * Multiplies `height` rows, 1 to 6, by two panels of 8 columns each. Inlined, so that `height` is a constant and code for rows
   * beyond it is removed.
   *
   * @param sources usize[height], pointers to the rows
   * @param destinations usize[height], pointers to the result rows, written `column` bytes from their start
   * @param panel address of the first panel, which the second follows; with taps, of the panel in the kernel's first matrix
   * @param bias address of the bias; 0 adds to the numbers at the destinations
   * @param panelSize bytes of a panel
   * @param taps Tap[] up to address `tapsEnd`, whose products are summed; 0 for a single product
   */
  @inline
  static multiply(
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
    // Initial sums of the rows: the bias, or the numbers at the destinations.
    const first = bias !== 0 ? bias + column : load<usize>(destinations) + column;
    let a00 = v128.load(first);
    let a01 = v128.load(first, 16);
    let a02 = v128.load(first, 32);
    let a03 = v128.load(first, 48);
    let a10 = a00;
    let a11 = a01;
    let a12 = a02;
    let a13 = a03;
    let a20 = a00;
    let a21 = a01;
    let a22 = a02;
    let a23 = a03;
    let a30 = a00;
    let a31 = a01;
    let a32 = a02;
    let a33 = a03;
    let a40 = a00;
    let a41 = a01;
    let a42 = a02;
    let a43 = a03;
    let a50 = a00;
    let a51 = a01;
    let a52 = a02;
    let a53 = a03;
    if (bias === 0) {
      if (height > 1) {
        const y = load<usize>(destinations, 4) + column;
        a10 = v128.load(y);
        a11 = v128.load(y, 16);
        a12 = v128.load(y, 32);
        a13 = v128.load(y, 48);
      }
      if (height > 2) {
        const y = load<usize>(destinations, 8) + column;
        a20 = v128.load(y);
        a21 = v128.load(y, 16);
        a22 = v128.load(y, 32);
        a23 = v128.load(y, 48);
      }
      if (height > 3) {
        const y = load<usize>(destinations, 12) + column;
        a30 = v128.load(y);
        a31 = v128.load(y, 16);
        a32 = v128.load(y, 32);
        a33 = v128.load(y, 48);
      }
      if (height > 4) {
        const y = load<usize>(destinations, 16) + column;
        a40 = v128.load(y);
        a41 = v128.load(y, 16);
        a42 = v128.load(y, 32);
        a43 = v128.load(y, 48);
      }
      if (height > 5) {
        const y = load<usize>(destinations, 20) + column;
        a50 = v128.load(y);
        a51 = v128.load(y, 16);
        a52 = v128.load(y, 32);
        a53 = v128.load(y, 48);
      }
    }
    let x0 = load<usize>(sources);
    let x1 = height > 1 ? load<usize>(sources, 4) : 0;
    let x2 = height > 2 ? load<usize>(sources, 8) : 0;
    let x3 = height > 3 ? load<usize>(sources, 12) : 0;
    let x4 = height > 4 ? load<usize>(sources, 16) : 0;
    let x5 = height > 5 ? load<usize>(sources, 20) : 0;
    const firstPanel = panel;
    if (taps !== 0) panel = firstPanel + load<usize>(taps, 4);
    do {
      let panel1 = panel + panelSize;
      const end = panel1;
      do {
        const b0 = v128.load(panel);
        const b1 = v128.load(panel, 16);
        panel += 32;
        const b2 = v128.load(panel1);
        const b3 = v128.load(panel1, 16);
        panel1 += 32;
        let x = v128.load_splat<f32>(x0);
        x0 += 4;
        a00 = F32x4.multiplyAdd(x, b0, a00);
        a01 = F32x4.multiplyAdd(x, b1, a01);
        a02 = F32x4.multiplyAdd(x, b2, a02);
        a03 = F32x4.multiplyAdd(x, b3, a03);
        if (height > 1) {
          x = v128.load_splat<f32>(x1);
          x1 += 4;
          a10 = F32x4.multiplyAdd(x, b0, a10);
          a11 = F32x4.multiplyAdd(x, b1, a11);
          a12 = F32x4.multiplyAdd(x, b2, a12);
          a13 = F32x4.multiplyAdd(x, b3, a13);
        }
        if (height > 2) {
          x = v128.load_splat<f32>(x2);
          x2 += 4;
          a20 = F32x4.multiplyAdd(x, b0, a20);
          a21 = F32x4.multiplyAdd(x, b1, a21);
          a22 = F32x4.multiplyAdd(x, b2, a22);
          a23 = F32x4.multiplyAdd(x, b3, a23);
        }
        if (height > 3) {
          x = v128.load_splat<f32>(x3);
          x3 += 4;
          a30 = F32x4.multiplyAdd(x, b0, a30);
          a31 = F32x4.multiplyAdd(x, b1, a31);
          a32 = F32x4.multiplyAdd(x, b2, a32);
          a33 = F32x4.multiplyAdd(x, b3, a33);
        }
        if (height > 4) {
          x = v128.load_splat<f32>(x4);
          x4 += 4;
          a40 = F32x4.multiplyAdd(x, b0, a40);
          a41 = F32x4.multiplyAdd(x, b1, a41);
          a42 = F32x4.multiplyAdd(x, b2, a42);
          a43 = F32x4.multiplyAdd(x, b3, a43);
        }
        if (height > 5) {
          x = v128.load_splat<f32>(x5);
          x5 += 4;
          a50 = F32x4.multiplyAdd(x, b0, a50);
          a51 = F32x4.multiplyAdd(x, b1, a51);
          a52 = F32x4.multiplyAdd(x, b2, a52);
          a53 = F32x4.multiplyAdd(x, b3, a53);
        }
      } while (panel < end);
      if (taps !== 0) {
        taps += TAP_SIZE;
        if (taps < tapsEnd) {
          panel = firstPanel + load<usize>(taps, 4);
          const move = load<usize>(taps);
          x0 += move;
          if (height > 1) x1 += move;
          if (height > 2) x2 += move;
          if (height > 3) x3 += move;
          if (height > 4) x4 += move;
          if (height > 5) x5 += move;
        }
      }
    } while (taps !== 0 && taps < tapsEnd);
    PairTile.store(load<usize>(destinations) + column, a00, a01, a02, a03);
    if (height > 1) PairTile.store(load<usize>(destinations, 4) + column, a10, a11, a12, a13);
    if (height > 2) PairTile.store(load<usize>(destinations, 8) + column, a20, a21, a22, a23);
    if (height > 3) PairTile.store(load<usize>(destinations, 12) + column, a30, a31, a32, a33);
    if (height > 4) PairTile.store(load<usize>(destinations, 16) + column, a40, a41, a42, a43);
    if (height > 5) PairTile.store(load<usize>(destinations, 20) + column, a50, a51, a52, a53);
  }

  @inline
  static store(pointer: usize, a: v128, b: v128, c: v128, d: v128): void {
    v128.store(pointer, a);
    v128.store(pointer, b, 16);
    v128.store(pointer, c, 32);
    v128.store(pointer, d, 48);
  }
}

/**
 * Multiplies `count` rows by two adjacent panels (packed blocks of 8 columns), in tiles of nearly equal height.
 *
 * @param count number of rows
 * @param sources usize[count], pointers to the rows
 * @param destinations usize[count], pointers to the result rows, written `column` bytes from their start
 * @param panel address of the first panel; with taps, of the panel in the kernel's first matrix
 * @param bias address of the bias; 0 adds to the numbers at the destinations
 * @param panelSize bytes of a panel
 * @param taps Tap[] up to address `tapsEnd`, whose products are summed; 0 for a single product
 */
export function multiplyPair(
  count: i32,
  sources: usize,
  destinations: usize,
  panel: usize,
  bias: usize,
  panelSize: usize,
  column: usize,
  taps: usize,
  tapsEnd: usize,
): void {
  let row: i32 = 0;
  for (let tiles = (count + TALLEST_TILE - 1) / TALLEST_TILE; tiles > 0; tiles--) {
    const height = (count - row + tiles - 1) / tiles;
    const from = sources + ((<usize>row) << 2);
    const to = destinations + ((<usize>row) << 2);
    if (TALLEST_TILE >= 6 && height === 6) {
      PairTile.multiply(6, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (TALLEST_TILE >= 5 && height === 5) {
      PairTile.multiply(5, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 4) {
      PairTile.multiply(4, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 3) {
      PairTile.multiply(3, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 2) {
      PairTile.multiply(2, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    } else {
      PairTile.multiply(1, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    }
    row += height;
  }
}

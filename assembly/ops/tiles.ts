import { F32x4 } from "../simd";

/**
 * Maximum number of rows in a tile. With fused multiply-adds a tile of one panel (packed block of 8 columns) then fills the sixteen
 * vector registers of x86-64: 12 accumulators, 2 for 8 numbers of the panel, 1 for a number of the row, and 1 that V8 reserves.
 * A separate multiply and add needs 1 more, so that a tile has four rows, in 13 registers. The loops over the depth are not
 * unrolled: V8 would spill the accumulators.
 */
export const TALLEST_TILE: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/** Size of the struct Tap, one tap of a convolution in memory/graph.ts, in bytes. */
export const TAP_SIZE: usize = 20;

/**
 * Register tiles of the matrix product: sums of a few rows by a few panels (packed blocks of 8 columns), held in vector
 * registers. Inlined, so that a constant `height` and `width`, and `taps` of constant 0, remove the code for other rows, panels and
 * taps. Variables of absent rows and panels have arbitrary values and are never used.
 */
export class Tile {
  /**
   * Multiplies `height` rows, 1 to 6, by `width` adjacent panels of 8 columns each, 1 or 2.
   *
   * @param sources usize[height], pointers to the rows
   * @param destinations usize[height], pointers to the result rows, written `column` bytes from their start
   * @param panel address of the first panel; with taps, of the panel in the kernel's first matrix
   * @param bias address of the bias; 0 adds to the numbers at the destinations
   * @param panelSize bytes of a panel
   * @param taps Tap[] up to address `tapsEnd`, whose products are summed; 0 for a single product
   */
  @inline
  static multiply(
    height: i32,
    width: i32,
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
    let a02 = width > 1 ? v128.load(first, 32) : a00;
    let a03 = width > 1 ? v128.load(first, 48) : a01;
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
        if (width > 1) {
          a12 = v128.load(y, 32);
          a13 = v128.load(y, 48);
        }
      }
      if (height > 2) {
        const y = load<usize>(destinations, 8) + column;
        a20 = v128.load(y);
        a21 = v128.load(y, 16);
        if (width > 1) {
          a22 = v128.load(y, 32);
          a23 = v128.load(y, 48);
        }
      }
      if (height > 3) {
        const y = load<usize>(destinations, 12) + column;
        a30 = v128.load(y);
        a31 = v128.load(y, 16);
        if (width > 1) {
          a32 = v128.load(y, 32);
          a33 = v128.load(y, 48);
        }
      }
      if (height > 4) {
        const y = load<usize>(destinations, 16) + column;
        a40 = v128.load(y);
        a41 = v128.load(y, 16);
        if (width > 1) {
          a42 = v128.load(y, 32);
          a43 = v128.load(y, 48);
        }
      }
      if (height > 5) {
        const y = load<usize>(destinations, 20) + column;
        a50 = v128.load(y);
        a51 = v128.load(y, 16);
        if (width > 1) {
          a52 = v128.load(y, 32);
          a53 = v128.load(y, 48);
        }
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
      const end = panel + panelSize;
      let panel1 = end;
      do {
        const b0 = v128.load(panel);
        const b1 = v128.load(panel, 16);
        panel += 32;
        const b2 = width > 1 ? v128.load(panel1) : b0;
        const b3 = width > 1 ? v128.load(panel1, 16) : b1;
        if (width > 1) panel1 += 32;
        let x = v128.load_splat<f32>(x0);
        x0 += 4;
        a00 = F32x4.multiplyAdd(x, b0, a00);
        a01 = F32x4.multiplyAdd(x, b1, a01);
        if (width > 1) {
          a02 = F32x4.multiplyAdd(x, b2, a02);
          a03 = F32x4.multiplyAdd(x, b3, a03);
        }
        if (height > 1) {
          x = v128.load_splat<f32>(x1);
          x1 += 4;
          a10 = F32x4.multiplyAdd(x, b0, a10);
          a11 = F32x4.multiplyAdd(x, b1, a11);
          if (width > 1) {
            a12 = F32x4.multiplyAdd(x, b2, a12);
            a13 = F32x4.multiplyAdd(x, b3, a13);
          }
        }
        if (height > 2) {
          x = v128.load_splat<f32>(x2);
          x2 += 4;
          a20 = F32x4.multiplyAdd(x, b0, a20);
          a21 = F32x4.multiplyAdd(x, b1, a21);
          if (width > 1) {
            a22 = F32x4.multiplyAdd(x, b2, a22);
            a23 = F32x4.multiplyAdd(x, b3, a23);
          }
        }
        if (height > 3) {
          x = v128.load_splat<f32>(x3);
          x3 += 4;
          a30 = F32x4.multiplyAdd(x, b0, a30);
          a31 = F32x4.multiplyAdd(x, b1, a31);
          if (width > 1) {
            a32 = F32x4.multiplyAdd(x, b2, a32);
            a33 = F32x4.multiplyAdd(x, b3, a33);
          }
        }
        if (height > 4) {
          x = v128.load_splat<f32>(x4);
          x4 += 4;
          a40 = F32x4.multiplyAdd(x, b0, a40);
          a41 = F32x4.multiplyAdd(x, b1, a41);
          if (width > 1) {
            a42 = F32x4.multiplyAdd(x, b2, a42);
            a43 = F32x4.multiplyAdd(x, b3, a43);
          }
        }
        if (height > 5) {
          x = v128.load_splat<f32>(x5);
          x5 += 4;
          a50 = F32x4.multiplyAdd(x, b0, a50);
          a51 = F32x4.multiplyAdd(x, b1, a51);
          if (width > 1) {
            a52 = F32x4.multiplyAdd(x, b2, a52);
            a53 = F32x4.multiplyAdd(x, b3, a53);
          }
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
    Tile.store(width, load<usize>(destinations) + column, a00, a01, a02, a03);
    if (height > 1) Tile.store(width, load<usize>(destinations, 4) + column, a10, a11, a12, a13);
    if (height > 2) Tile.store(width, load<usize>(destinations, 8) + column, a20, a21, a22, a23);
    if (height > 3) Tile.store(width, load<usize>(destinations, 12) + column, a30, a31, a32, a33);
    if (height > 4) Tile.store(width, load<usize>(destinations, 16) + column, a40, a41, a42, a43);
    if (height > 5) Tile.store(width, load<usize>(destinations, 20) + column, a50, a51, a52, a53);
  }

  /** Calls `multiply` with a height that is known only at run time, 1 to TALLEST_TILE. */
  @inline
  static multiplyOfHeight(
    height: i32,
    width: i32,
    sources: usize,
    destinations: usize,
    panel: usize,
    bias: usize,
    panelSize: usize,
    column: usize,
    taps: usize,
    tapsEnd: usize,
  ): void {
    if (TALLEST_TILE >= 6 && height === 6) {
      Tile.multiply(6, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (TALLEST_TILE >= 5 && height === 5) {
      Tile.multiply(5, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 4) {
      Tile.multiply(4, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 3) {
      Tile.multiply(3, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    } else if (height === 2) {
      Tile.multiply(2, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    } else {
      Tile.multiply(1, width, sources, destinations, panel, bias, panelSize, column, taps, tapsEnd);
    }
  }

  /**
   * Multiplies three rows by two panels (packed blocks of 8 columns): three rows by one panel have too few accumulators to
   * hide the latency of a fused multiply-add.
   */
  @inline
  static threeRowsTwoPanels(
    sources: usize,
    destinations: usize,
    panel0: usize,
    bias: usize,
    panelSize: usize,
    column: usize,
  ): void {
    let a00 = v128.load(bias + column);
    let a01 = v128.load(bias + column, 16);
    let a02 = v128.load(bias + column, 32);
    let a03 = v128.load(bias + column, 48);
    let a10 = a00;
    let a11 = a01;
    let a12 = a02;
    let a13 = a03;
    let a20 = a00;
    let a21 = a01;
    let a22 = a02;
    let a23 = a03;
    let x0 = load<usize>(sources);
    let x1 = load<usize>(sources, 4);
    let x2 = load<usize>(sources, 8);
    let panel1 = panel0 + panelSize;
    const end = panel1;
    do {
      // Each number of x is loaded twice: caching it would take registers from the accumulators.
      let b0 = v128.load(panel0);
      let b1 = v128.load(panel0, 16);
      panel0 += 32;
      let x = v128.load_splat<f32>(x0);
      a00 = F32x4.multiplyAdd(x, b0, a00);
      a01 = F32x4.multiplyAdd(x, b1, a01);
      x = v128.load_splat<f32>(x1);
      a10 = F32x4.multiplyAdd(x, b0, a10);
      a11 = F32x4.multiplyAdd(x, b1, a11);
      x = v128.load_splat<f32>(x2);
      a20 = F32x4.multiplyAdd(x, b0, a20);
      a21 = F32x4.multiplyAdd(x, b1, a21);
      b0 = v128.load(panel1);
      b1 = v128.load(panel1, 16);
      panel1 += 32;
      x = v128.load_splat<f32>(x0);
      x0 += 4;
      a02 = F32x4.multiplyAdd(x, b0, a02);
      a03 = F32x4.multiplyAdd(x, b1, a03);
      x = v128.load_splat<f32>(x1);
      x1 += 4;
      a12 = F32x4.multiplyAdd(x, b0, a12);
      a13 = F32x4.multiplyAdd(x, b1, a13);
      x = v128.load_splat<f32>(x2);
      x2 += 4;
      a22 = F32x4.multiplyAdd(x, b0, a22);
      a23 = F32x4.multiplyAdd(x, b1, a23);
    } while (panel0 < end);
    let y = load<usize>(destinations) + column;
    Tile.store(2, y, a00, a01, a02, a03);
    y = load<usize>(destinations, 4) + column;
    Tile.store(2, y, a10, a11, a12, a13);
    y = load<usize>(destinations, 8) + column;
    Tile.store(2, y, a20, a21, a22, a23);
  }

  @inline
  static oneRowFourPanels(
    sources: usize,
    destinations: usize,
    panel0: usize,
    bias: usize,
    panelSize: usize,
    column: usize,
  ): void {
    let a0 = v128.load(bias + column);
    let a1 = v128.load(bias + column, 16);
    let a2 = v128.load(bias + column, 32);
    let a3 = v128.load(bias + column, 48);
    let a4 = v128.load(bias + column, 64);
    let a5 = v128.load(bias + column, 80);
    let a6 = v128.load(bias + column, 96);
    let a7 = v128.load(bias + column, 112);
    let x0 = load<usize>(sources);
    let panel1 = panel0 + panelSize;
    let panel2 = panel1 + panelSize;
    let panel3 = panel2 + panelSize;
    const end = panel1;
    do {
      const x = v128.load_splat<f32>(x0);
      x0 += 4;
      a0 = F32x4.multiplyAdd(x, v128.load(panel0), a0);
      a1 = F32x4.multiplyAdd(x, v128.load(panel0, 16), a1);
      panel0 += 32;
      a2 = F32x4.multiplyAdd(x, v128.load(panel1), a2);
      a3 = F32x4.multiplyAdd(x, v128.load(panel1, 16), a3);
      panel1 += 32;
      a4 = F32x4.multiplyAdd(x, v128.load(panel2), a4);
      a5 = F32x4.multiplyAdd(x, v128.load(panel2, 16), a5);
      panel2 += 32;
      a6 = F32x4.multiplyAdd(x, v128.load(panel3), a6);
      a7 = F32x4.multiplyAdd(x, v128.load(panel3, 16), a7);
      panel3 += 32;
    } while (panel0 < end);
    const y = load<usize>(destinations) + column;
    Tile.store(2, y, a0, a1, a2, a3);
    Tile.store(2, y + 64, a4, a5, a6, a7);
  }

  @inline
  static store(width: i32, pointer: usize, a: v128, b: v128, c: v128, d: v128): void {
    v128.store(pointer, a);
    v128.store(pointer, b, 16);
    if (width > 1) {
      v128.store(pointer, c, 32);
      v128.store(pointer, d, 48);
    }
  }
}

/**
 * Multiplies `count` rows by two adjacent panels (packed blocks of 8 columns), in tiles of nearly equal height. Called if IS_WIDE.
 * The other parameters are those of `Tile.multiply`.
 */
export function multiplyByTwoPanels(
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
    Tile.multiplyOfHeight(height, 2, from, to, panel, bias, panelSize, column, taps, tapsEnd);
    row += height;
  }
}

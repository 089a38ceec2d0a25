import { F32x4 } from "../simd";

/**
 * Maximum number of rows in a tile of one panel (packed block of 8 columns): as many as the sixteen vector registers of x86-64
 * allow in each build. Beside the accumulators a fused multiply-add needs 2 registers for 8 numbers of the panel and 1 for a
 * number of the row, a separate multiply and add one more, and V8 reserves one. The loops over the depth are not unrolled: V8
 * spills the accumulators then.
 */
export const TALLEST_TILE: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/** Size of the struct Tap, one tap of a convolution in memory/graph.ts, in bytes. */
export const TAP_SIZE: usize = 20;

/**
 * Register tiles of the matrix product: sums of a few rows by a few panels (packed blocks of 8 columns), held in vector
 * registers. Inlined, so that `height` is a constant and code for rows beyond it is removed.
 */
export class Tile {
  /**
   * Multiplies `height` rows, 1 to 6, by one panel (packed block) of 8 columns.
   *
   * @param sources usize[height], pointers to the rows
   * @param destinations usize[height], pointers to the result rows, written `column` bytes from their start
   * @param panel address of the matrix's panel; with taps, of the panel in the kernel's first matrix
   * @param bias address of the bias; 0 adds to the numbers at the destinations
   * @param panelSize bytes of a panel
   * @param taps Tap[] up to address `tapsEnd`, whose products are summed; constant 0 for a single product
   */
  @inline
  static onePanel(
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
    let a10 = a00;
    let a11 = a01;
    let a20 = a00;
    let a21 = a01;
    let a30 = a00;
    let a31 = a01;
    let a40 = a00;
    let a41 = a01;
    let a50 = a00;
    let a51 = a01;
    if (bias === 0) {
      if (height > 1) {
        const y = load<usize>(destinations, 4) + column;
        a10 = v128.load(y);
        a11 = v128.load(y, 16);
      }
      if (height > 2) {
        const y = load<usize>(destinations, 8) + column;
        a20 = v128.load(y);
        a21 = v128.load(y, 16);
      }
      if (height > 3) {
        const y = load<usize>(destinations, 12) + column;
        a30 = v128.load(y);
        a31 = v128.load(y, 16);
      }
      if (height > 4) {
        const y = load<usize>(destinations, 16) + column;
        a40 = v128.load(y);
        a41 = v128.load(y, 16);
      }
      if (height > 5) {
        const y = load<usize>(destinations, 20) + column;
        a50 = v128.load(y);
        a51 = v128.load(y, 16);
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
      do {
        const b0 = v128.load(panel);
        const b1 = v128.load(panel, 16);
        panel += 32;
        let x = v128.load_splat<f32>(x0);
        x0 += 4;
        a00 = F32x4.multiplyAdd(x, b0, a00);
        a01 = F32x4.multiplyAdd(x, b1, a01);
        if (height > 1) {
          x = v128.load_splat<f32>(x1);
          x1 += 4;
          a10 = F32x4.multiplyAdd(x, b0, a10);
          a11 = F32x4.multiplyAdd(x, b1, a11);
        }
        if (height > 2) {
          x = v128.load_splat<f32>(x2);
          x2 += 4;
          a20 = F32x4.multiplyAdd(x, b0, a20);
          a21 = F32x4.multiplyAdd(x, b1, a21);
        }
        if (height > 3) {
          x = v128.load_splat<f32>(x3);
          x3 += 4;
          a30 = F32x4.multiplyAdd(x, b0, a30);
          a31 = F32x4.multiplyAdd(x, b1, a31);
        }
        if (height > 4) {
          x = v128.load_splat<f32>(x4);
          x4 += 4;
          a40 = F32x4.multiplyAdd(x, b0, a40);
          a41 = F32x4.multiplyAdd(x, b1, a41);
        }
        if (height > 5) {
          x = v128.load_splat<f32>(x5);
          x5 += 4;
          a50 = F32x4.multiplyAdd(x, b0, a50);
          a51 = F32x4.multiplyAdd(x, b1, a51);
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
    Tile.storePair(load<usize>(destinations) + column, a00, a01);
    if (height > 1) Tile.storePair(load<usize>(destinations, 4) + column, a10, a11);
    if (height > 2) Tile.storePair(load<usize>(destinations, 8) + column, a20, a21);
    if (height > 3) Tile.storePair(load<usize>(destinations, 12) + column, a30, a31);
    if (height > 4) Tile.storePair(load<usize>(destinations, 16) + column, a40, a41);
    if (height > 5) Tile.storePair(load<usize>(destinations, 20) + column, a50, a51);
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
    Tile.storePair(y, a00, a01);
    Tile.storePair(y + 32, a02, a03);
    y = load<usize>(destinations, 4) + column;
    Tile.storePair(y, a10, a11);
    Tile.storePair(y + 32, a12, a13);
    y = load<usize>(destinations, 8) + column;
    Tile.storePair(y, a20, a21);
    Tile.storePair(y + 32, a22, a23);
  }

  @inline
  static twoRowsTwoPanels(
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
    let x0 = load<usize>(sources);
    let x1 = load<usize>(sources, 4);
    let panel1 = panel0 + panelSize;
    const end = panel1;
    do {
      const b0 = v128.load(panel0);
      const b1 = v128.load(panel0, 16);
      panel0 += 32;
      const b2 = v128.load(panel1);
      const b3 = v128.load(panel1, 16);
      panel1 += 32;
      let x = v128.load_splat<f32>(x0);
      x0 += 4;
      a00 = F32x4.multiplyAdd(x, b0, a00);
      a01 = F32x4.multiplyAdd(x, b1, a01);
      a02 = F32x4.multiplyAdd(x, b2, a02);
      a03 = F32x4.multiplyAdd(x, b3, a03);
      x = v128.load_splat<f32>(x1);
      x1 += 4;
      a10 = F32x4.multiplyAdd(x, b0, a10);
      a11 = F32x4.multiplyAdd(x, b1, a11);
      a12 = F32x4.multiplyAdd(x, b2, a12);
      a13 = F32x4.multiplyAdd(x, b3, a13);
    } while (panel0 < end);
    let y = load<usize>(destinations) + column;
    Tile.storePair(y, a00, a01);
    Tile.storePair(y + 32, a02, a03);
    y = load<usize>(destinations, 4) + column;
    Tile.storePair(y, a10, a11);
    Tile.storePair(y + 32, a12, a13);
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
    Tile.storePair(y, a0, a1);
    Tile.storePair(y + 32, a2, a3);
    Tile.storePair(y + 64, a4, a5);
    Tile.storePair(y + 96, a6, a7);
  }

  @inline
  static storePair(pointer: usize, a: v128, b: v128): void {
    v128.store(pointer, a);
    v128.store(pointer, b, 16);
  }
}

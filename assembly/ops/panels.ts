import { startOfPart } from "./parts";

/**
 * Packs a matrix into panels, blocks of 8 columns, for the register tiles of product.ts; columns that pad the last panel are
 * 0.
 *
 * @param matrix address; element (column c, depth k) is at matrix + c·columnStride + k·depthStride, strides in bytes
 * @param panels address of the panels to write: f32[⌈columns / 8⌉][depth][8]
 */
export function packPanels(
  matrix: usize,
  columns: i32,
  depth: i32,
  columnStride: usize,
  depthStride: usize,
  panels: usize,
): void {
  packPart(matrix, 1, 0, 1, columns, depth, columnStride, depthStride, panels, 0, 1);
}

/**
 * Packs one part of the matrices of groups and taps of a weight, as `packPanels` packs each of them, one matrix after the other.
 * The panels of all matrices are divided into `parts` contiguous ranges, of which number `part` is written.
 *
 * @param matrices address; the matrix of group g and tap t begins at matrices + g·groupStride + 4·t
 * @param panels address of the panels of all parts: f32[groups][taps][⌈columns / 8⌉][depth][8]
 */
export function packPart(
  matrices: usize,
  groups: i32,
  groupStride: usize,
  taps: i32,
  columns: i32,
  depth: i32,
  columnStride: usize,
  depthStride: usize,
  panels: usize,
  part: i32,
  parts: i32,
): void {
  const panelSize = (<usize>depth) << 5;
  const each = (columns + 7) >> 3;
  const count = groups * taps * each;
  const end = startOfPart(count, 1, part + 1, parts);
  for (let panel = startOfPart(count, 1, part, parts); panel < end; panel++) {
    const index = panel / each;
    const column = (panel % each) << 3;
    const matrix = matrices + <usize>(index / taps) * groupStride + ((<usize>(index % taps)) << 2);
    const from = matrix + <usize>column * columnStride;
    packPanel(from, columns - column, depth, columnStride, depthStride, panels + <usize>panel * panelSize);
  }
}

/** Packs the first 8 columns of a matrix, or fewer if only `columns` are there, into a panel [depth][8]; see `packPanels`. */
function packPanel(
  matrix: usize,
  columns: i32,
  depth: i32,
  columnStride: usize,
  depthStride: usize,
  panel: usize,
): void {
  let done: i32 = 0;
  if (columns >= 8 && columnStride === 4) {
    copyRows(matrix, depth, depthStride, panel);
    done = depth;
  } else if (columns >= 8 && depthStride === 4) {
    done = depth & ~3;
    transposeRows(matrix, done, columnStride, panel);
  }
  for (let k = done; k < depth; k++) {
    const values = matrix + <usize>k * depthStride;
    const row = panel + ((<usize>k) << 5);
    for (let c: usize = 0; c < 8; c++) {
      store<f32>(row + (c << 2), c < <usize>columns ? load<f32>(values + c * columnStride) : 0);
    }
  }
}

/**
 * Packs 8 columns of a matrix into a panel [depth][8], for a matrix whose columns are adjacent in memory (column stride 4
 * bytes); `stride` is the bytes from one depth to the next.
 */
function copyRows(matrix: usize, depth: i32, stride: usize, panel: usize): void {
  for (let k: i32 = 0; k < depth; k++, matrix += stride, panel += 32) {
    v128.store(panel, v128.load(matrix));
    v128.store(panel, v128.load(matrix, 16), 16);
  }
}

/**
 * Packs 8 columns of a matrix into a panel [depth][8], for a matrix whose columns are contiguous; `stride` is the bytes
 * from one column to the next, `depth` a multiple of 4.
 */
function transposeRows(matrix: usize, depth: i32, stride: usize, panel: usize): void {
  for (let k: i32 = 0; k < depth; k += 4, matrix += 16, panel += 128) {
    transposeBlock(matrix, stride, panel);
    transposeBlock(matrix + (stride << 2), stride, panel + 16);
  }
}

/**
 * Transposes a block of 4 × 4 floats: four columns, `stride` bytes apart, become half of four rows of a panel (packed block
 * of 8 columns), 32 bytes apart.
 */
function transposeBlock(matrix: usize, stride: usize, panel: usize): void {
  const a = v128.load(matrix);
  const b = v128.load(matrix + stride);
  const c = v128.load(matrix + (stride << 1));
  const d = v128.load(matrix + stride * 3);
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(panel, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(panel, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7), 32);
  v128.store(panel, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5), 64);
  v128.store(panel, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7), 96);
}

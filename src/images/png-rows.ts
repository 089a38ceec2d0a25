import { Unzlib } from "fflate";
import type { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { unpack } from "../files/unpack.ts";

// Rows of pixels in a PNG file. They are decompressed only up to the size that the header gives, then unfiltered.
// Sections are those of the W3C's "PNG Specification (Third Edition)".

/** Size of a PNG picture, and layout of its rows. */
export interface RowLayout {
  readonly width: number;
  readonly height: number;
  /** Bits per pixel, over all channels. */
  readonly bits: number;
  readonly isInterlaced: boolean;
}

/** A row of pixels in a PNG file. */
export interface PixelRow {
  /** Decompressed bytes of the whole picture. */
  readonly bytes: Uint8Array;
  /** Index in `bytes` of the row's first byte. */
  readonly start: number;
  /** Number of pixels in the row. */
  readonly count: number;
  /** Index in the picture of the row's first pixel; pixels are numbered row by row. */
  readonly first: number;
  /**
   * Difference between the indices, in the picture, of neighbouring pixels of the row: more than 1 in a pass of an interlaced
   * picture.
   */
  readonly step: number;
}

/** Pass of an interlaced PNG picture: column and row of its first pixel, and steps to the next column and row. */
type Pass = readonly [left: number, top: number, across: number, down: number];

const WHOLE: readonly Pass[] = [[0, 0, 1, 1]];

/** Passes of interlaced PNG pictures (Adam7): PNG Specification (Third Edition), section 8.2. */
const INTERLACED: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Makes the `invalid_file` error for a damaged PNG file. */
export function damagedPng(why: string, cause?: unknown): LatentflowError {
  return invalidFile(`the PNG file is damaged or cut short: ${why}`, cause);
}

/** Returns the passes of a picture that have pixels, with the number of pixels of a row, of rows, and of a row's bytes. */
function passesOf({ width, height, bits, isInterlaced }: RowLayout) {
  return (isInterlaced ? INTERLACED : WHOLE)
    .map((pass) => {
      const [left, top, across, down] = pass;
      const count = Math.ceil((width - left) / across);
      const rows = Math.ceil((height - top) / down);
      return { pass, count, rows, size: Math.ceil((count * bits) / 8) };
    })
    .filter(({ count, rows }) => count > 0 && rows > 0);
}

/**
 * Yields the rows of a picture's pixels, pass by pass.
 *
 * @param bytes decompressed bytes of the whole picture, whose filters are reversed in place
 * @throws LatentflowError `invalid_file` if a row's filter is unknown
 */
export function* rowsOf(bytes: Uint8Array, layout: RowLayout): Generator<PixelRow> {
  const distance = Math.ceil(layout.bits / 8);
  let start = 1;
  for (const { pass, count, rows, size } of passesOf(layout)) {
    const [left, top, across, down] = pass;
    for (let row = 0; row < rows; row++, start += 1 + size) {
      unfilter(bytes, start, size, distance, row === 0);
      yield { bytes, start, count, first: (top + row * down) * layout.width + left, step: across };
    }
  }
}

/**
 * Decompresses a picture's pixels.
 *
 * @param packed contents of all IDAT chunks
 * @throws LatentflowError `invalid_file` if the number of bytes does not match the layout
 */
export function* unpackRows(packed: Uint8Array, layout: RowLayout): Pausable<Uint8Array> {
  const size = passesOf(layout).reduce((sum, { rows, size }) => sum + rows * (1 + size), 0);
  const bytes = yield* unpack(new Unzlib(), packed, size);
  if (bytes.length === size) return bytes;
  throw damagedPng(`it has ${bytes.length > size ? "more" : "fewer"} pixels than its header says`);
}

/**
 * Reverses the filter of a row in place: PNG Specification (Third Edition), section 9.2.
 *
 * @param start index of the row's first byte, which follows the byte with its filter type
 * @param size number of bytes of the row
 * @param distance number of bytes from a byte back to the corresponding byte of the pixel to the left
 * @param isFirst true if the row is the first of its pass
 */
function unfilter(bytes: Uint8Array, start: number, size: number, distance: number, isFirst: boolean): void {
  const filter = bytes[start - 1]!;
  if (filter > 4) throw damagedPng(`a row has filter ${filter}, expected 0 to 4`);
  if (filter === 0) return;
  const above = start - size - 1;
  for (let i = 0; i < size; i++) {
    const left = i < distance ? 0 : bytes[start + i - distance]!;
    const up = isFirst ? 0 : bytes[above + i]!;
    const corner = isFirst || i < distance ? 0 : bytes[above + i - distance]!;
    let predicted = filter === 1 ? left : up;
    if (filter === 3) predicted = (left + up) >> 1;
    if (filter === 4) predicted = nearest(left, up, corner);
    bytes[start + i]! += predicted;
  }
}

/**
 * Paeth predictor (PNG Specification, Third Edition, section 9.4): returns the one of three neighbours that is nearest to
 * left + up - corner.
 */
function nearest(left: number, up: number, corner: number): number {
  const [toLeft, toUp, toCorner] = [
    Math.abs(up - corner),
    Math.abs(left - corner),
    Math.abs(left + up - 2 * corner),
  ];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

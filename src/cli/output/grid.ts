import { joinValues } from "../../files/array.ts";
import { type PictureDecoder, toImageData } from "../../images/index.ts";
import { findLayout } from "../../images/picture.ts";
import { encodePng } from "../../images/png.ts";

/**
 * Pixel values of an image from 0 (black) to 1 (white), in the layout of the decoder's output. NaN is drawn as a hidden
 * pixel.
 */
export type Tile = Float32Array;

/** Width in pixels of the white gaps between tiles and of the border around them. */
const gap = 4;

/** Approximate side length of a drawn tile in pixels; tiles are magnified by an integer factor. */
const tileLength = 84;

/**
 * Draws a grid of images as a PNG, with white gaps between them.
 *
 * @param rows rows of tiles, all of the same length
 * @param shape shape and layout of a tile
 * @returns the PNG file's bytes
 */
export function drawGrid(rows: readonly (readonly Tile[])[], shape: PictureDecoder): Uint8Array {
  const { height, width } = findLayout(shape)!;
  const scale = Math.max(1, Math.round(tileLength / Math.max(height, width)));
  const inner = toImageData(joinValues(rows.flat()), shape, { columns: rows[0]!.length, gap, scale });
  const outer = { width: inner.width + 2 * gap, height: inner.height + 2 * gap };
  const data = new Uint8ClampedArray(4 * outer.width * outer.height).fill(255);
  for (let row = 0; row < inner.height; row++) {
    const pixels = inner.data.subarray(4 * row * inner.width, 4 * (row + 1) * inner.width);
    data.set(pixels, 4 * ((row + gap) * outer.width + gap));
  }
  return encodePng({ ...outer, data });
}

/**
 * Returns a function that maps values of samples to tones from 0 (black) to 1 (white), and `span`, the width of the
 * mapped range. That range is [0, 1], widened to include all values of `samples`.
 */
export function tonesBy(samples: readonly Float32Array[]) {
  let [low, high] = [0, 1];
  for (const sample of samples) {
    for (const value of sample) {
      // NaN, a missing value, is skipped: both comparisons are false.
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const span = high - low;
  return {
    span,
    tones: (tiles: readonly Float32Array[]): Tile[] =>
      tiles.map((tile) => tile.map((value) => (value - low) / span)),
  };
}

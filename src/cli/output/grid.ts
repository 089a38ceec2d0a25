import { joinValues } from "../../files/array.ts";
import { type PictureDecoder, toImageData } from "../../images/index.ts";
import { findLayout } from "../../images/picture.ts";
import { encodePng } from "../../images/png.ts";

/** Pixels of an image from 0 (black) to 1 (white), in the order of its layout. NaN is drawn as hidden. */
export type Tile = Float32Array;

/** Width of the gaps between tiles and around all of them, in pixels. */
const gap = 4;

/** Approximate side of a tile in pixels, after a magnification by a whole number. */
const tileLength = 84;

/**
 * Draws rows of tiles as a PNG, white between them.
 *
 * @param rows all of the same length
 * @param shape of a tile
 * @returns the PNG's bytes
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

/** Makes the tones of samples: 0 to 1, widened to the range of some of them, becomes black to white. */
export function tonesBy(samples: readonly Float32Array[]) {
  let [low, high] = [0, 1];
  for (const sample of samples) {
    for (const value of sample) {
      // NaN, a missing value, fails both comparisons.
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

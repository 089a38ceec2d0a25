import { encode as encodePng } from "fast-png";
import type { ImageLayout } from "../../files/images.ts";

/** Pixels of an image from 0 (black) to 1 (white), in the order of its layout. NaN is drawn as 0.5. */
export type Tile = Float32Array;

/** Width of the gaps between tiles and around all of them, in pixels, and their grey. */
const gap = 4;
const background = 255;

/** Approximate side of a tile in pixels, after a magnification by a whole number. */
const tileLength = 84;

/**
 * Draws rows of tiles as a PNG.
 *
 * @param rows all of the same length
 * @returns the PNG's bytes
 */
export function drawGrid(rows: readonly (readonly Tile[])[], layout: ImageLayout): Uint8Array {
  const { height, width, channels } = layout;
  const zoom = Math.max(1, Math.round(tileLength / Math.max(height, width)));
  const [rowStep, columnStep] = [height * zoom + gap, width * zoom + gap];
  const picture = {
    height: rows.length * rowStep + gap,
    width: rows[0]!.length * columnStep + gap,
  };
  const data = new Uint8Array(picture.height * picture.width * channels).fill(background);
  for (const [row, tiles] of rows.entries()) {
    for (const [column, tile] of tiles.entries()) {
      const corner = (gap + row * rowStep) * picture.width + gap + column * columnStep;
      drawTile(tile, layout, zoom, data.subarray(corner * channels), picture.width);
    }
  }
  return encodePng({ ...picture, data, channels, depth: 8 });
}

function drawTile(
  tile: Tile,
  { height, width, channels, isChannelsFirst }: ImageLayout,
  zoom: number,
  target: Uint8Array,
  stride: number,
): void {
  for (let y = 0; y < height * zoom; y++) {
    for (let x = 0; x < width * zoom; x++) {
      const pixel = Math.floor(y / zoom) * width + Math.floor(x / zoom);
      for (let channel = 0; channel < channels; channel++) {
        const at = isChannelsFirst ? channel * height * width + pixel : pixel * channels + channel;
        target[(y * stride + x) * channels + channel] = level(tile[at]!);
      }
    }
  }
}

function level(value: number): number {
  if (Number.isNaN(value)) return 128;
  return Math.round(255 * Math.min(Math.max(value, 0), 1));
}

/** Value that is drawn black, and the span to white: those of 0 to 1, widened to the data's range. */
export function greyScale(tiles: readonly Float32Array[]): { low: number; span: number } {
  let [low, high] = [0, 1];
  for (const tile of tiles) {
    for (const value of tile) {
      // NaN, a missing value, fails both comparisons.
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, span: high - low };
}

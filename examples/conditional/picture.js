import { encode } from "fast-png";

const [SIZE, ZOOM, GAP] = [28, 2, 4];
const STEP = SIZE * ZOOM + GAP;

/**
 * The bytes of a PNG with rows of pictures beside each other, white around them.
 *
 * @param rows of pictures of 28 × 28 numbers, from 0 (black) to 1 (white)
 */
export function drawGrid(rows) {
  const [height, width] = [rows.length * STEP + GAP, rows[0].length * STEP + GAP];
  const data = new Uint8Array(height * width).fill(255);
  rows.forEach((pictures, row) => {
    pictures.forEach((picture, column) => {
      const corner = (row * STEP + GAP) * width + column * STEP + GAP;
      for (let y = 0; y < SIZE * ZOOM; y++) {
        for (let x = 0; x < SIZE * ZOOM; x++) {
          const value = picture[Math.floor(y / ZOOM) * SIZE + Math.floor(x / ZOOM)];
          data[corner + y * width + x] = Math.round(255 * Math.min(Math.max(value, 0), 1));
        }
      }
    });
  });
  return encode({ width, height, data, channels: 1, depth: 8 });
}

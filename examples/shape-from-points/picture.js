import { encode } from "fast-png";

/** Pixels of a slice's side, and white ones between slices. */
const [SIZE, GAP] = [128, 6];

/** The points of the slice z = 0, row by row. */
export const slice = Float32Array.from({ length: SIZE * SIZE * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  const at = [pixel % SIZE, SIZE - 1 - Math.floor(pixel / SIZE)][i % 3];
  return at === undefined ? 0 : (2 * at + 1) / SIZE - 1;
});

/**
 * The bytes of a PNG with rows of slices beside each other: blue inside of a shape, orange outside, a line every 0.1.
 *
 * @param rows of distances at the points of `slice`; NaN is left grey
 */
export function drawSlices(rows) {
  const [height, width] = [rows.length, rows[0].length].map((count) => count * (SIZE + GAP) + GAP);
  const data = new Uint8Array(height * width * 3).fill(255);
  rows.forEach((slices, row) => {
    slices.forEach((distances, column) => {
      distances.forEach((distance, pixel) => {
        const y = row * (SIZE + GAP) + GAP + Math.floor(pixel / SIZE);
        const x = column * (SIZE + GAP) + GAP + (pixel % SIZE);
        data.set(colour(distance), 3 * (y * width + x));
      });
    });
  });
  return encode({ width, height, data, channels: 3, depth: 8 });
}

function colour(distance) {
  if (Number.isNaN(distance)) return [200, 200, 200];
  if (Math.abs(distance) < 0.015) return [0, 0, 0];
  const isLine = Math.abs(distance / 0.1 - Math.round(distance / 0.1)) < 0.1;
  const [red, green, blue] = distance < 0 ? [110, 160, 230] : [250, 215, 170];
  return isLine ? [red * 0.8, green * 0.8, blue * 0.8] : [red, green, blue];
}

/** Pixels of a slice's side. */
export const SIDE = 128;

/** The points of the slice z = 0, row by row. */
export const slice = Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  const at = [pixel % SIDE, SIDE - 1 - Math.floor(pixel / SIDE)][i % 3];
  return at === undefined ? 0 : (2 * at + 1) / SIDE - 1;
});

/** Red, green and blue for distances: blue inside of a shape, orange outside, a line every 0.1; NaN stays NaN. */
export function coloursOf(distances) {
  return [...distances].flatMap((distance) => {
    if (Number.isNaN(distance)) return [distance, distance, distance];
    if (Math.abs(distance) < 0.015) return [0, 0, 0];
    const isLine = Math.abs(distance / 0.1 - Math.round(distance / 0.1)) < 0.1;
    const colour = distance < 0 ? [110, 160, 230] : [250, 215, 170];
    return colour.map((level) => (level / 255) * (isLine ? 0.8 : 1));
  });
}

// What the ink of a field amounts to. Runs in browsers too.
import { HEIGHT, RANGE, WIDTH } from "./cell.ts";

/** Share of a pixel that ink covers, from the distance at its centre: exact for straight vertical and horizontal edges. */
export function coverageOf(value: number): number {
  return Math.max(0, Math.min(1, 0.5 + RANGE * value));
}

/** Ink that two fields have in common, and ink that either has, in pixels: their quotient is the intersection over union. */
export function overlapOf(one: Float32Array, other: Float32Array): { common: number; either: number } {
  let [common, either] = [0, 0];
  for (let i = 0; i < one.length; i++) {
    const a = coverageOf(one[i]!);
    const b = coverageOf(other[i]!);
    common += Math.min(a, b);
    either += Math.max(a, b);
  }
  return { common, either };
}

/**
 * Counts the connected parts of a field's ink, diagonal neighbours joined.
 *
 * @param thicker pixels by which the ink is thickened before, so that lines thinner than a pixel hold together
 */
export function countParts(field: Float32Array, thicker = 0.25): number {
  const open = Array.from(field, (value) => RANGE * value + thicker > 0);
  let parts = 0;
  for (let start = 0; start < open.length; start++) {
    if (!open[start]) continue;
    parts++;
    open[start] = false;
    for (const stack = [start]; stack.length > 0; ) {
      const pixel = stack.pop()!;
      const [column, row] = [pixel % WIDTH, Math.floor(pixel / WIDTH)];
      for (let y = Math.max(0, row - 1); y <= Math.min(HEIGHT - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(WIDTH - 1, column + 1); x++) {
          if (!open[y * WIDTH + x]) continue;
          open[y * WIDTH + x] = false;
          stack.push(y * WIDTH + x);
        }
      }
    }
  }
  return parts;
}

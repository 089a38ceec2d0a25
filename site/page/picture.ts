import { distanceToLine, type Place } from "./place.ts";
import { uniformFrom } from "./random.ts";

export type { Place } from "./place.ts";

// Pictures of the page, as row-major arrays of levels from 0 to 1: strokes, hidden pixels, noise.

/** Side length in pixels of the pictures on the page. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** Levels of a drawing are multiples of 1/15, which four bits in an address store exactly. */
export const LEVELS = 15;

/** A picture with level 0 everywhere. */
export const BLANK = new Float32Array(PIXELS);

/** A straight stroke of a round brush, in pixels. */
export interface Stroke {
  readonly from: Place;
  readonly to: Place;
  /** Radius of the brush in pixels. */
  readonly radius: number;
}

/** Returns a picture with a stroke of level 1 and soft edges drawn over it. */
export function drawStroke(levels: Float32Array, stroke: Stroke): Float32Array {
  return levels.map((level, i) => {
    const ink = Math.min(1, Math.max(0, stroke.radius + 0.5 - distance(stroke, i)));
    return Math.max(level, Math.round(ink * LEVELS) / LEVELS);
  });
}

/** Hides the pixels under a stroke, or uncovers them if `hides` is false. */
export function coverStroke(hidden: Uint8Array, stroke: Stroke, hides: boolean): Uint8Array {
  return hidden.map((was, i) => (distance(stroke, i) <= stroke.radius ? Number(hides) : was));
}

/** Returns the distance of a pixel's centre from the line of a stroke, in pixels. */
function distance({ from, to }: Stroke, pixel: number): number {
  return distanceToLine({ x: (pixel % SIDE) + 0.5, y: Math.floor(pixel / SIDE) + 0.5 }, from, to);
}

/** Hides a fraction of the pixels at random. With the same seed, a larger fraction hides the same pixels and more. */
export function hideShare(share: number, seed: number): Uint8Array {
  const uniform = uniformFrom(seed);
  const order = Array.from({ length: PIXELS }, (_, pixel) => ({ pixel, rank: uniform() }));
  order.sort((a, b) => a.rank - b.rank);
  const hidden = new Uint8Array(PIXELS);
  for (const { pixel } of order.slice(0, Math.round(share * PIXELS))) hidden[pixel] = 1;
  return hidden;
}

/** Hides the rows from `from` up to `to` (exclusive). */
export function hideRows(from: number, to: number): Uint8Array {
  return Uint8Array.from({ length: PIXELS }, (_, i) => {
    const row = Math.floor(i / SIDE);
    return Number(row >= from && row < to);
  });
}

/** Returns the fraction of pixels that are hidden. */
export function shareOf(hidden: Uint8Array): number {
  return hidden.reduce((sum, one) => sum + one, 0) / hidden.length;
}

/** Returns a fraction as an integer percentage, which is 0 or 100 only for exactly none or all. */
export function percentOf(share: number): number {
  if (share === 0 || share === 1) return 100 * share;
  return Math.min(99, Math.max(1, Math.round(100 * share)));
}

/** Formats the fraction of hidden pixels for the beginning of a sentence: "Two thirds", "40 %". */
export function hiddenWords(share: number): string {
  const percent = percentOf(share);
  const words: Record<number, string> = {
    0: "Nothing",
    33: "A third",
    50: "Half",
    67: "Two thirds",
    100: "All",
  };
  return words[percent] ?? `${percent} %`;
}

/** Returns weights of a loss that ignores hidden pixels: 0 for these, 1 for others. */
export function weightsOf(hidden: Uint8Array): Float32Array {
  return Float32Array.from(hidden, (one) => 1 - one);
}

/** Adds Gaussian noise with a standard deviation, and clamps the result to [0, 1]. */
export function addNoise(levels: Float32Array, deviation: number, seed: number): Float32Array {
  if (deviation === 0) return levels;
  const uniform = uniformFrom(seed);
  return levels.map((level) => {
    // Box and Muller's transform, with 1 - u in (0, 1] under the logarithm.
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return Math.min(1, Math.max(0, level + deviation * normal));
  });
}

/**
 * Returns the mean squared error of a completed picture over the hidden pixels; over all pixels if none is hidden.
 *
 * @param x the completed picture
 * @param levels the true picture, without noise and with all pixels
 */
export function errorOf(x: Float32Array, levels: Float32Array, hidden: Uint8Array): number {
  const countsAll = !hidden.includes(1);
  let [sum, count] = [0, 0];
  levels.forEach((level, i) => {
    if (!countsAll && hidden[i] === 0) return;
    sum += (x[i]! - level) ** 2;
    count++;
  });
  return sum / count;
}

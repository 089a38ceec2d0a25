// The cell that every letter is drawn in, and where a letter lies in a sample. Fields are rows of distances in units of
// RANGE, positive inside, clipped to ±1. Runs in browsers too.

/** Letters of a typeface, in the order of their fields. */
export const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Size of a cell, in pixels. */
export const WIDTH = 32;
export const HEIGHT = 40;

/** Height of a capital H, in pixels: the scale of a typeface. */
export const CAP_HEIGHT = 21;

/** The baseline's distance from the cell's top, in pixels. */
export const BASELINE = 29;

/** Distance at which fields are clipped, in pixels. */
export const RANGE = 3;

/** Numbers of one field. */
export const FIELD_SIZE = WIDTH * HEIGHT;

/** Numbers of all fields of a typeface. */
export const FIELDS_SIZE = LETTERS.length * FIELD_SIZE;

/** Numbers of a sample: the fields, then advance and left side bearing of each letter, in units of RANGE. */
export const SAMPLE_SIZE = FIELDS_SIZE + 2 * LETTERS.length;

/** Index of a letter in `LETTERS`. */
export function letterIndex(letter: string): number {
  const index = LETTERS.indexOf(letter);
  if (letter.length !== 1 || index < 0) throw new Error(`letter is "${letter}", expected one of ${LETTERS}`);
  return index;
}

/** The field of a letter, a view of the sample. */
export function fieldOf(sample: Float32Array, letter: string): Float32Array {
  const start = letterIndex(letter) * FIELD_SIZE;
  return sample.subarray(start, start + FIELD_SIZE);
}

/** Horizontal metrics of a letter, in pixels. */
export interface Bearings {
  /** Distance from this letter's origin to the next one's. */
  readonly advance: number;
  /** Distance from the origin to the leftmost ink. */
  readonly left: number;
}

/** Advance and left side bearing of a letter. */
export function bearingsOf(sample: Float32Array, letter: string): Bearings {
  const at = FIELDS_SIZE + 2 * letterIndex(letter);
  return { advance: RANGE * sample[at]!, left: RANGE * sample[at + 1]! };
}

/** Sets the advance and the left side bearing of a letter. */
export function setBearings(sample: Float32Array, letter: string, { advance, left }: Bearings): void {
  sample.set([advance / RANGE, left / RANGE], FIELDS_SIZE + 2 * letterIndex(letter));
}

/** Weights for `encode`: 1 for the fields of the given letters, 0 for other fields and for all bearings. */
export function weightsOf(given: string): Float32Array {
  const weights = new Float32Array(SAMPLE_SIZE);
  for (const letter of given) fieldOf(weights, letter).fill(1);
  return weights;
}

// Text set in a sample's letters. Runs in browsers too.
import { bearingsOf, fieldOf, LETTERS, WIDTH } from "./cell.ts";

/** A letter of a line of text; lengths are in pixels, from the line's start. */
export interface PlacedLetter {
  readonly letter: string;
  /** The letter's origin. */
  readonly origin: number;
  /** Distance to the next letter's origin. */
  readonly advance: number;
  /** The left side of the letter's cell. */
  readonly cell: number;
}

/** Width of a space, in pixels: a quarter of an em, roughly. */
const SPACE = 7;

/**
 * Places the letters of a text by the sample's advances and left side bearings; characters without a field become spaces.
 *
 * @returns the letters, and the width of the line
 */
export function placeText(sample: Float32Array, text: string): { placed: PlacedLetter[]; width: number } {
  const placed: PlacedLetter[] = [];
  let origin = 0;
  for (const letter of text) {
    if (!LETTERS.includes(letter)) {
      origin += SPACE;
      continue;
    }
    const { advance, left } = bearingsOf(sample, letter);
    const cell = origin + left - leftOfInk(fieldOf(sample, letter));
    placed.push({ letter, origin, advance, cell });
    origin += advance;
  }
  return { placed, width: origin };
}

/** The leftmost ink of a field, in pixels from the cell's left side; its middle without ink. */
export function leftOfInk(field: Float32Array): number {
  let left = Infinity;
  for (let start = 0; start < field.length; start += WIDTH) {
    const column = field.subarray(start, start + WIDTH).findIndex((value) => value > 0);
    if (column < 0) continue;
    const before = column > 0 ? field[start + column - 1]! : -1;
    const inked = field[start + column]!;
    // Where the line through the two values is 0.
    left = Math.min(left, column + 0.5 - inked / (inked - before));
  }
  return left === Infinity ? WIDTH / 2 : left;
}

/** Width of a field's ink, in pixels; 0 without ink. */
export function widthOfInk(field: Float32Array): number {
  const mirrored = field.map((_, i) => field[i - (i % WIDTH) + WIDTH - 1 - (i % WIDTH)]!);
  return WIDTH - leftOfInk(mirrored) - leftOfInk(field);
}

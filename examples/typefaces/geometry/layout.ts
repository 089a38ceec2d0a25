// Text set in a sample's letters. Runs in browsers too.
import { bearingsOf, fieldOf, HEIGHT, LETTERS, WIDTH } from "./cell.ts";

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

/** Least distance between the ink of two letters side by side, in pixels: bold letters would run into each other. */
const LEAST_GAP = 1.5;
/** The same across a space. */
const LEAST_WORD_GAP = 5;

/**
 * Places the letters of a text by the sample's advances and left side bearings, and moves letters apart whose ink would come
 * closer than `LEAST_GAP` in a row, or across a space than `LEAST_WORD_GAP`. Characters without a field become spaces.
 *
 * @returns the letters, and the width of the line
 */
export function placeText(sample: Float32Array, text: string): { placed: PlacedLetter[]; width: number } {
  const placed: PlacedLetter[] = [];
  let origin = 0;
  /** Right edges of the ink of the letter before. */
  let before: Float64Array | undefined;
  let least = LEAST_GAP;
  for (const letter of text) {
    if (!LETTERS.includes(letter)) {
      origin += SPACE;
      least = LEAST_WORD_GAP;
      continue;
    }
    const field = fieldOf(sample, letter);
    const { advance, left } = bearingsOf(sample, letter);
    const { lefts, rights } = edgesOf(field);
    const move = origin + left - leftOfInk(field);
    const missing = before ? Math.max(0, least - (move + leastGap(before, lefts))) : 0;
    const last = placed.at(-1);
    if (last && missing > 0) placed[placed.length - 1] = { ...last, advance: last.advance + missing };
    origin += missing;
    const cell = move + missing;
    placed.push({ letter, origin, advance, cell });
    before = rights.map((right) => cell + right);
    least = LEAST_GAP;
    origin += advance;
  }
  return { placed, width: origin };
}

/** Least distance from right edges of ink to left ones, in the same row or in neighbouring ones. */
function leastGap(rights: Float64Array, lefts: Float64Array): number {
  let gap = Infinity;
  for (let row = 0; row < HEIGHT; row++) {
    for (let other = Math.max(0, row - 1); other <= Math.min(HEIGHT - 1, row + 1); other++) {
      gap = Math.min(gap, lefts[other]! - rights[row]!);
    }
  }
  return gap;
}

/**
 * Outermost edges of a field's ink in each row, in pixels from the cell's left side. Without ink a row's left edge is at
 * Infinity, its right one at −Infinity.
 */
function edgesOf(field: Float32Array): { lefts: Float64Array; rights: Float64Array } {
  const lefts = new Float64Array(HEIGHT).fill(Infinity);
  const rights = new Float64Array(HEIGHT).fill(-Infinity);
  for (let row = 0; row < HEIGHT; row++) {
    const values = [...field.subarray(row * WIDTH, (row + 1) * WIDTH)];
    const isInk = values.map((value) => value > 0);
    const [first, last] = [isInk.indexOf(true), isInk.lastIndexOf(true)];
    if (first < 0) continue;
    // Where the line through an inked pixel's value and its neighbour's is 0.
    const share = (inked: number, beside: number) =>
      values[inked]! / (values[inked]! - (values[beside] ?? -1));
    lefts[row] = first + 0.5 - share(first, first - 1);
    rights[row] = last + 0.5 + share(last, last + 1);
  }
  return { lefts, rights };
}

/** The leftmost ink of a field, in pixels from the cell's left side; its middle without ink. */
export function leftOfInk(field: Float32Array): number {
  const left = Math.min(...edgesOf(field).lefts);
  return left === Infinity ? WIDTH / 2 : left;
}

/** Width of a field's ink, in pixels; 0 without ink. */
export function widthOfInk(field: Float32Array): number {
  const { lefts, rights } = edgesOf(field);
  return Math.max(0, Math.max(...rights) - Math.min(...lefts));
}

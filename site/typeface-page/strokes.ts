import { HEIGHT, LETTERS, WIDTH } from "../../examples/typefaces/geometry/cell.ts";
import type { Stroke } from "../../examples/typefaces/geometry/fields.ts";
import { distanceToLine, type Place } from "../page/place.ts";

// Letters that a visitor draws, and their coding in bytes for the address.

/** A letter with the strokes that were drawn for it, in the pixels of a cell. */
export interface DrawnLetter {
  readonly letter: string;
  readonly strokes: readonly Stroke[];
  /** True if the strokes are those of a ready-made hand. */
  readonly isReadyMade?: boolean | undefined;
}

/** Strokes of a letter that a new one is added to. The first stroke by a visitor replaces a ready-made letter. */
export function keptStrokes({ strokes, isReadyMade }: DrawnLetter): readonly Stroke[] {
  return isReadyMade ? [] : strokes;
}

/** Steps of a pixel that places are rounded to: both sides of a cell then fit into a byte. */
const STEPS = 6;
/** Distance from the drawn line that a simplified one keeps to, in pixels. */
const TOLERANCE = 0.1;
/** Points of a stroke: their number is a byte. */
const MOST = 255;

/** Strokes that a letter may have. */
export const MOST_STROKES = 60;

/** A stroke within the cell with the points that its form needs, by Douglas and Peucker, at most 255, rounded. */
export function simplified(stroke: Stroke): Stroke {
  const places = placesOf(stroke);
  let kept = keptOf(places, TOLERANCE);
  for (let tolerance = TOLERANCE; kept.length > MOST; tolerance *= 2) kept = keptOf(places, tolerance);
  const rounded = (value: number, most: number) =>
    Math.round(Math.max(0, Math.min(most, value)) * STEPS) / STEPS;
  return kept.flatMap(({ x, y }) => [rounded(x, WIDTH), rounded(y, HEIGHT)]);
}

/** Places of a stroke, those left out that lie within a step of the one before: a slow pen reports many. */
function placesOf(stroke: Stroke): Place[] {
  const places: Place[] = [];
  for (let i = 0; i < stroke.length; i += 2) {
    const place = { x: stroke[i]!, y: stroke[i + 1]! };
    const last = places.at(-1);
    const isNear = last && Math.hypot(place.x - last.x, place.y - last.y) < 1 / STEPS;
    if (!isNear || i + 2 === stroke.length) places.push(place);
  }
  return places;
}

function keptOf(places: readonly Place[], tolerance: number): Place[] {
  const [first, last] = [places[0]!, places.at(-1)!];
  if (places.length < 3) return [...places];
  let farthest = 0;
  let distance = 0;
  for (let i = 1; i < places.length - 1; i++) {
    const own = distanceToLine(places[i]!, first, last);
    if (own > distance) [farthest, distance] = [i, own];
  }
  if (distance <= tolerance) return [first, last];
  const before = keptOf(places.slice(0, farthest + 1), tolerance);
  return [...before, ...keptOf(places.slice(farthest), tolerance).slice(1)];
}

/** Added to the index of a ready-made letter in the bytes. */
const READY_MADE = LETTERS.length;

/** Letters as bytes: of each its index (plus 26 for a ready-made one), its number of strokes, and of each stroke its number of points and their places. */
export function packLetters(drawn: readonly DrawnLetter[]): Uint8Array {
  const bytes: number[] = [];
  for (const { letter, strokes, isReadyMade } of drawn) {
    bytes.push(LETTERS.indexOf(letter) + (isReadyMade ? READY_MADE : 0), strokes.length);
    for (const stroke of strokes) {
      bytes.push(stroke.length / 2, ...stroke.map((value) => Math.round(value * STEPS)));
    }
  }
  return Uint8Array.from(bytes);
}

/** Letters of such bytes; undefined if the bytes are cut short, or have a letter twice or places outside the cell. */
export function unpackLetters(bytes: Uint8Array): DrawnLetter[] | undefined {
  const drawn: DrawnLetter[] = [];
  let at = 0;
  const take = (most: number) => {
    const value = bytes[at++];
    return value !== undefined && value <= most ? value : Number.NaN;
  };
  while (at < bytes.length) {
    const index = take(2 * READY_MADE - 1);
    const letter = LETTERS[index % READY_MADE];
    const count = take(MOST_STROKES);
    if (letter === undefined || Number.isNaN(count) || drawn.some((other) => other.letter === letter))
      return undefined;
    const strokes: Stroke[] = [];
    for (let k = 0; k < count; k++) {
      const points = take(MOST);
      const stroke: number[] = [];
      for (let i = 0; i < points; i++) stroke.push(take(WIDTH * STEPS) / STEPS, take(HEIGHT * STEPS) / STEPS);
      if (stroke.length === 0 || stroke.some(Number.isNaN)) return undefined;
      strokes.push(stroke);
    }
    drawn.push({ letter, strokes, ...(index >= READY_MADE && { isReadyMade: true }) });
  }
  return drawn;
}

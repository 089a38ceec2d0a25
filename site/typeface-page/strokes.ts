import { HEIGHT, LETTERS, WIDTH } from "../../examples/typefaces/geometry/cell.ts";
import type { Stroke } from "../../examples/typefaces/geometry/fields.ts";
import { distanceToLine, type Place } from "../page/place.ts";

// Letters that a visitor draws, and how they are encoded as bytes for the address.

/** A letter with its strokes, in pixels of its cell. */
export interface DrawnLetter {
  readonly letter: string;
  readonly strokes: readonly Stroke[];
  /** True if the strokes are ready-made. */
  readonly isReadyMade?: boolean | undefined;
}

/**
 * Returns the strokes that a new one is added to; none for a ready-made letter, which the visitor's first stroke
 * replaces.
 */
export function keptStrokes({ strokes, isReadyMade }: DrawnLetter): readonly Stroke[] {
  return isReadyMade ? [] : strokes;
}

/** Coordinates are rounded to 1/6 pixel, so that each fits into a byte. */
const STEPS = 6;
/** Maximum distance in pixels between a drawn line and its simplification. */
const TOLERANCE = 0.1;
/** Maximum number of points in a stroke, which is stored in a byte. */
const MOST = 255;

/** Maximum number of strokes in a letter. */
export const MOST_STROKES = 60;

/** Simplifies a stroke by the Douglas-Peucker algorithm, to at most 255 points, which are clamped to the cell and rounded. */
export function simplified(stroke: Stroke): Stroke {
  const places = placesOf(stroke);
  let kept = keptOf(places, TOLERANCE);
  for (let tolerance = TOLERANCE; kept.length > MOST; tolerance *= 2) kept = keptOf(places, tolerance);
  const rounded = (value: number, most: number) =>
    Math.round(Math.max(0, Math.min(most, value)) * STEPS) / STEPS;
  return kept.flatMap(({ x, y }) => [rounded(x, WIDTH), rounded(y, HEIGHT)]);
}

/** Returns the points of a stroke, without those closer than a rounding step to the one before; a slow pen reports many. */
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

/** Added to the index of a ready-made letter in the encoded bytes. */
const READY_MADE = LETTERS.length;

/**
 * Encodes letters as bytes: for each, its index (plus 26 if ready-made), its number of strokes and, for each stroke, the
 * number of points and their coordinates.
 */
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

/**
 * Decodes letters from bytes; undefined if the bytes are cut short, or contain a letter twice or a point outside of the
 * cell.
 */
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

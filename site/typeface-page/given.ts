import {
  type Bearings,
  bearingsOf,
  FIELD_SIZE,
  fieldOf,
  LETTERS,
  SAMPLE_SIZE,
  setBearings,
} from "../../examples/typefaces/geometry/cell.ts";
import { type Contour, contoursOf } from "../../examples/typefaces/geometry/contours.ts";
import {
  centredStrokes,
  fieldOfStrokes,
  type Pen,
  type Stroke,
} from "../../examples/typefaces/geometry/fields.ts";
import { widthOfInk } from "../../examples/typefaces/geometry/layout.ts";
import type { FontLetter } from "./engine/messages.ts";
import type { DrawnLetter } from "./strokes.ts";

// Given letters, which are drawn or taken from a font.

/** A given letter, centred in its cell. */
export interface GivenLetter {
  readonly letter: string;
  readonly field: Float32Array;
  /** Contours with which the letter is shown. */
  readonly contours: readonly Contour[];
  /** Spacing of a font's letter; undefined for a drawn letter, which takes the decoder's spacing. */
  readonly bearings?: Bearings | undefined;
}

/** Field samples per pixel side for strokes that are shown; with one, thin strokes break. */
const DETAIL = 3;

/** Returns the contours with which strokes are shown. */
export function contoursOfStrokes(strokes: readonly Stroke[], pen: Pen): Contour[] {
  return contoursOf(fieldOfStrokes(strokes, pen, DETAIL), DETAIL);
}

/** Returns the drawn letters that have strokes as given letters. */
export function drawnLetters(drawn: readonly DrawnLetter[], pen: Pen): GivenLetter[] {
  return drawn
    .filter(({ strokes }) => strokes.length > 0)
    .map(({ letter, strokes }) => {
      const centred = centredStrokes(strokes);
      return { letter, field: fieldOfStrokes(centred, pen), contours: contoursOfStrokes(centred, pen) };
    });
}

/** Returns letters of a font as given letters. */
export function fontLetters(letters: readonly FontLetter[]): GivenLetter[] {
  return letters.map((letter) => ({ ...letter, contours: contoursOf(letter.field) }));
}

/** Returns the contours of a letter: those given, or else those of the alphabet. */
export function contoursIn(alphabet: Float32Array, given: readonly GivenLetter[], letter: string) {
  return given.find((each) => each.letter === letter)?.contours ?? contoursOf(fieldOf(alphabet, letter));
}

/** Returns the letters of an alphabet that are empty. */
export function lettersWithoutInk(alphabet: Float32Array): string {
  return [...LETTERS].filter((letter) => fieldOf(alphabet, letter).every((value) => value <= 0)).join("");
}

/** Concatenates the fields of letters (rasters whose positive values are ink), for the worker. */
export function joinFields(given: readonly GivenLetter[]): Float32Array {
  const fields = new Float32Array(given.length * FIELD_SIZE);
  for (const [i, { field }] of given.entries()) fields.set(field, i * FIELD_SIZE);
  return fields;
}

/**
 * Returns an alphabet with the given letters in place of its own. Drawn letters keep the alphabet's distances to their
 * neighbours.
 */
export function withGiven(alphabet: Float32Array, given: readonly GivenLetter[]): Float32Array {
  const whole = alphabet.slice();
  for (const { letter, field, bearings } of given) {
    const own = fieldOf(whole, letter);
    // Computed before the letter's field is overwritten: `own` is a view of it.
    const wider = widthOfInk(field) - widthOfInk(own);
    own.set(field);
    if (whole.length < SAMPLE_SIZE) continue;
    const { advance, left } = bearingsOf(whole, letter);
    setBearings(whole, letter, bearings ?? { advance: advance + wider, left });
  }
  return whole;
}

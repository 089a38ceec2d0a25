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

// Letters that are given: drawn ones, or those of a font.

/** A given letter, centred in its cell. */
export interface GivenLetter {
  readonly letter: string;
  readonly field: Float32Array;
  /** Contours that the letter is shown by. */
  readonly contours: readonly Contour[];
  /** Undefined of a drawn letter, whose spacing is the decoder's. */
  readonly bearings?: Bearings | undefined;
}

/** Samples along a pixel's side for strokes that are shown: in a field of whole pixels thin ones break. */
const DETAIL = 3;

/** Contours of strokes as they are shown. */
export function contoursOfStrokes(strokes: readonly Stroke[], pen: Pen): Contour[] {
  return contoursOf(fieldOfStrokes(strokes, pen, DETAIL), DETAIL);
}

/** The letters that have strokes. */
export function drawnLetters(drawn: readonly DrawnLetter[], pen: Pen): GivenLetter[] {
  return drawn
    .filter(({ strokes }) => strokes.length > 0)
    .map(({ letter, strokes }) => {
      const centred = centredStrokes(strokes);
      return { letter, field: fieldOfStrokes(centred, pen), contours: contoursOfStrokes(centred, pen) };
    });
}

/** Letters of a font as given ones. */
export function fontLetters(letters: readonly FontLetter[]): GivenLetter[] {
  return letters.map((letter) => ({ ...letter, contours: contoursOf(letter.field) }));
}

/** Contours of a letter of an alphabet, its own or those of the letter that was given. */
export function contoursIn(alphabet: Float32Array, given: readonly GivenLetter[], letter: string) {
  return given.find((each) => each.letter === letter)?.contours ?? contoursOf(fieldOf(alphabet, letter));
}

/** Letters of an alphabet that came out without ink. */
export function lettersWithoutInk(alphabet: Float32Array): string {
  return [...LETTERS].filter((letter) => fieldOf(alphabet, letter).every((value) => value <= 0)).join("");
}

/** Fields of letters one after the other, as the worker takes them. */
export function joinFields(given: readonly GivenLetter[]): Float32Array {
  const fields = new Float32Array(given.length * FIELD_SIZE);
  for (const [i, { field }] of given.entries()) fields.set(field, i * FIELD_SIZE);
  return fields;
}

/** An alphabet with the given letters in place of its own. Drawn ones keep the distances to their neighbours that it has. */
export function withGiven(alphabet: Float32Array, given: readonly GivenLetter[]): Float32Array {
  const whole = alphabet.slice();
  for (const { letter, field, bearings } of given) {
    const own = fieldOf(whole, letter);
    // Before the field is overwritten, of which `own` is a view.
    const wider = widthOfInk(field) - widthOfInk(own);
    own.set(field);
    if (whole.length < SAMPLE_SIZE) continue;
    const { advance, left } = bearingsOf(whole, letter);
    setBearings(whole, letter, bearings ?? { advance: advance + wider, left });
  }
  return whole;
}

import {
  type Bearings,
  bearingsOf,
  FIELD_SIZE,
  fieldOf,
  SAMPLE_SIZE,
  setBearings,
} from "../../examples/typefaces/geometry/cell.ts";
import { centredStrokes, fieldOfStrokes, type Pen } from "../../examples/typefaces/geometry/fields.ts";
import { widthOfInk } from "../../examples/typefaces/geometry/layout.ts";
import type { DrawnLetter } from "./strokes.ts";

// Letters that are given: drawn ones, or those of a font.

/** A given letter, centred in its cell. */
export interface GivenLetter {
  readonly letter: string;
  readonly field: Float32Array;
  /** Undefined of a drawn letter, whose spacing is the decoder's. */
  readonly bearings?: Bearings | undefined;
}

/** The letters that have strokes. */
export function drawnLetters(drawn: readonly DrawnLetter[], pen: Pen): GivenLetter[] {
  return drawn
    .filter(({ strokes }) => strokes.length > 0)
    .map(({ letter, strokes }) => ({ letter, field: fieldOfStrokes(centredStrokes(strokes), pen) }));
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

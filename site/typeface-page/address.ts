import { HANDS, type Hand, strokesOf } from "../../examples/typefaces/geometry/drawn-letters.ts";
import { centredStrokes } from "../../examples/typefaces/geometry/fields.ts";
import {
  type Codings,
  fromText,
  numberBetween,
  readFields,
  toText,
  writeFields,
} from "../page/address-codings.ts";
import { type DrawnLetter, packLetters, simplified, unpackLetters } from "./strokes.ts";

// State of the page of typefaces, and how it is encoded after the # of its address, so that a link shows what its sender
// saw.

/**
 * Everything that a visitor can choose on the page, which determines what it shows, except letters from the visitor's own
 * font.
 */
export interface TypefaceState {
  /** Letters that have a box for drawing; those without strokes are not given to the decoder. */
  drawn: readonly DrawnLetter[];
  /** Half the thickness of a vertical line drawn by the pen, in pixels of a letter's cell. */
  pen: number;
  /** Ratio of the thickness of a vertical line to that of a horizontal one. */
  contrast: number;
  sentence: string;
  /** Increase of the thickness of lines, in pixels of a letter's cell. */
  weight: number;
  /** Slant: pixels to the right for each pixel upwards. */
  slant: number;
  /** Natural logarithm of the factor on the letters' widths. */
  width: number;
  /** Seed of the other completions, drawn from the posterior. */
  seed: number;
}

/**
 * Minimum, maximum and step of each number with a slider. Pen, weight and width are limited to values for which the
 * decoder's completions of the ready-made letters stay whole: lines thinner than 1.6 pixels break, those of narrow
 * letters merge when they get bolder, and condensed letters lose stems when they get wider.
 */
export const RANGES = {
  pen: { min: 0.8, max: 2.8, step: 0.1 },
  contrast: { min: 1, max: 2.5, step: 0.1 },
  weight: { min: -0.2, max: 0.8, step: 0.05 },
  slant: { min: -0.2, max: 0.3, step: 0.01 },
  width: { min: -0.12, max: 0.12, step: 0.01 },
} as const;

/**
 * Maximum number of bytes of the drawn letters in an address: some 10,000 points, ten times those of 26 letters drawn by
 * hand.
 */
const MOST_LETTER_BYTES = 20_000;

/** Maximum length of the sentence. */
export const MOST_CHARACTERS = 80;

/** Returns the initial state of the page of typefaces. */
export function firstState(): TypefaceState {
  return {
    ...drawnBy("noa", { radius: 1 }),
    sentence: "the quick brown fox jumps over a lazy dog",
    weight: 0,
    slant: 0,
    width: 0,
    seed: 1,
  };
}

/** Returns letters in a ready-made hand (a style of strokes), with its pen. */
export function drawnBy(letters: string, hand: Hand): Pick<TypefaceState, "drawn" | "pen" | "contrast"> {
  return {
    drawn: [...letters].map((letter) => readyMade(letter, hand)),
    pen: hand.radius,
    contrast: hand.contrast ?? 1,
  };
}

/** Returns a letter in a ready-made hand (a style of strokes). */
export function readyMade(letter: string, hand: Hand): DrawnLetter {
  return { letter, strokes: centredStrokes(strokesOf(letter, hand)).map(simplified), isReadyMade: true };
}

export { HANDS };

const MOST_SEED = 2 ** 31 - 1;

/** Version of the address format. A later version must refuse or read addresses of earlier ones. */
const VERSION = "1";

const inRange = ({ min, max, step }: { min: number; max: number; step: number }) =>
  numberBetween(min, max, step);

const CODINGS: Codings<TypefaceState> = {
  drawn: {
    write(drawn) {
      const bytes = packLetters(drawn);
      return bytes.length > MOST_LETTER_BYTES ? undefined : toText(bytes);
    },
    read(text) {
      const bytes = fromText(text);
      return bytes && bytes.length <= MOST_LETTER_BYTES ? unpackLetters(bytes) : undefined;
    },
  },
  pen: inRange(RANGES.pen),
  contrast: inRange(RANGES.contrast),
  sentence: {
    write: (sentence) => sentence,
    read: (text) => (text.length <= MOST_CHARACTERS ? text : undefined),
  },
  weight: inRange(RANGES.weight),
  slant: inRange(RANGES.slant),
  width: inRange(RANGES.width),
  seed: numberBetween(0, MOST_SEED, 1),
};

/** Returns the next seed; 0 after the largest. */
export function nextSeed(seed: number): number {
  return seed < MOST_SEED ? seed + 1 : 0;
}

/** Formats the state of the page as the part of its address after #. */
export function writeAddress(state: TypefaceState): string {
  return writeFields<TypefaceState>(VERSION, CODINGS, state);
}

/** Reads the state of the page from an address; undefined if it contains none, or one that is not valid. */
export function readAddress(hash: string): TypefaceState | undefined {
  return readFields(VERSION, CODINGS, hash, firstState());
}

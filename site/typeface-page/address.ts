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

// The page's state, and its coding after the # of the page's address, so that a link shows what its sender saw.

/** What a visitor has chosen: all that the page shows follows from it, but for letters of the visitor's own font. */
export interface TypefaceState {
  /** Letters that have a box; those without a stroke are not given. */
  drawn: readonly DrawnLetter[];
  /** Half the thickness of a vertical line of the pen, in pixels of a cell. */
  pen: number;
  /** Thickness of a vertical line over that of a horizontal one. */
  contrast: number;
  sentence: string;
  /** Pixels of a cell by which lines get thicker. */
  weight: number;
  /** Pixels to the right for each pixel up. */
  slant: number;
  /** Natural logarithm of the factor on widths. */
  width: number;
  /** Seed of the other completions. */
  seed: number;
}

/**
 * Least, largest and step of each number that has a slider. Pen, weight and width are limited to where the letters that the
 * decoder makes of the ready-made hands stay whole: lines thinner than 1.6 pixels break in its fields, those of narrow letters
 * run together when they get bolder, and a condensed hand loses stems when it gets wider.
 */
export const RANGES = {
  pen: { min: 0.8, max: 2.8, step: 0.1 },
  contrast: { min: 1, max: 2.5, step: 0.1 },
  weight: { min: -0.2, max: 0.8, step: 0.05 },
  slant: { min: -0.2, max: 0.3, step: 0.01 },
  width: { min: -0.12, max: 0.12, step: 0.01 },
} as const;

/** Size of the drawn letters in an address: some 10,000 points, of which 26 letters by hand take a tenth. */
const MOST_LETTER_BYTES = 20_000;

/** Length of the sentence. */
export const MOST_CHARACTERS = 80;

/** State of a page that nobody has touched. */
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

/** Letters of a ready-made hand, and its pen. */
export function drawnBy(letters: string, hand: Hand): Pick<TypefaceState, "drawn" | "pen" | "contrast"> {
  return {
    drawn: [...letters].map((letter) => readyMade(letter, hand)),
    pen: hand.radius,
    contrast: hand.contrast ?? 1,
  };
}

/** A letter of a ready-made hand. */
export function readyMade(letter: string, hand: Hand): DrawnLetter {
  return { letter, strokes: centredStrokes(strokesOf(letter, hand)).map(simplified), isReadyMade: true };
}

export { HANDS };

const MOST_SEED = 2 ** 31 - 1;

/** Version of the coding. A later one has to refuse or to read addresses of the earlier ones. */
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

/** The next seed. */
export function nextSeed(seed: number): number {
  return seed < MOST_SEED ? seed + 1 : 0;
}

/** The state as it stands after the # of an address. */
export function writeAddress(state: TypefaceState): string {
  return writeFields<TypefaceState>(VERSION, CODINGS, state);
}

/** The state that an address has; undefined if there is none, or a broken one. */
export function readAddress(hash: string): TypefaceState | undefined {
  return readFields(VERSION, CODINGS, hash, firstState());
}

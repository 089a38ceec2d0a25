// Letters as a pen draws them: strokes of a script, for pictures and tests. Runs in browsers too.
import { BASELINE, fieldOf, SAMPLE_SIZE } from "./cell.ts";
import { centredStrokes, fieldOfStrokes, type Pen, type Stroke } from "./fields.ts";

/** A hand: how letters are drawn. */
export interface Hand extends Pen {
  /** Factor on widths. Default 1. */
  readonly stretch?: number;
  /** Pixels to the right for each pixel up. Default 0. */
  readonly slant?: number;
  /** Length of the serifs at the feet of stems, in pixels. Default 0: none. */
  readonly serif?: number;
}

/** Hands that draw a few letters, from which the decoder makes the others. From a pen thinner than 1.6 pixels it makes broken ones. */
export const HANDS: readonly { readonly name: string; readonly letters: string; readonly hand: Hand }[] = [
  { name: "thin", letters: "noa", hand: { radius: 0.8 } },
  { name: "black", letters: "noa", hand: { radius: 2.2, stretch: 1.1 } },
  { name: "italic", letters: "noe", hand: { radius: 1, slant: 0.2, stretch: 0.85 } },
  { name: "condensed", letters: "noet", hand: { radius: 1.1, stretch: 0.6 } },
  { name: "slab", letters: "nohe", hand: { radius: 1, stretch: 1.1, serif: 5 } },
  { name: "broad nib", letters: "noa", hand: { radius: 1.5, contrast: 1.9 } },
];

/** Height of small letters, in pixels, from the middle of a line to the middle of a line. */
const X_HEIGHT = 14;

/** Points of an arc of an ellipse, from an angle to another, in degrees; 0 is to the right, 90 below. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): number[] {
  const points: number[] = [];
  for (let i = 0; i <= 24; i++) {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    points.push(cx + rx * Math.cos(angle), cy + ry * Math.sin(angle));
  }
  return points;
}

const shoulder = arc(0, -9.6, 4.5, 4.4, 190, 360);

/** Strokes of a letter, around x = 0 and upwards from y = 0 to negative numbers. */
interface LetterStrokes {
  /** Stems, from head to foot; feet have serifs. */
  readonly stems: readonly Stroke[];
  readonly bows: readonly Stroke[];
  /** True if the first stem has a serif at its head, to the left. */
  readonly hasHead?: boolean;
}

const LETTER_STROKES: Record<string, LetterStrokes> = {
  a: {
    stems: [[4.4, -9.8, 4.4, 0]],
    bows: [arc(0, -9.8, 4.4, 4.2, 205, 360), [4.4, -7.4, ...arc(0.2, -3.8, 4.4, 3.8, 285, 75), 4.4, -2]],
  },
  e: { stems: [], bows: [[-5, -7.2, 5, -7.2, ...arc(0, -7, 5, 7, 0, -310)]] },
  h: {
    stems: [
      [-4.5, -20.5, -4.5, 0],
      [4.5, -9.6, 4.5, 0],
    ],
    bows: [shoulder],
    hasHead: true,
  },
  n: {
    stems: [
      [-4.5, -X_HEIGHT, -4.5, 0],
      [4.5, -9.6, 4.5, 0],
    ],
    bows: [shoulder],
    hasHead: true,
  },
  o: { stems: [], bows: [arc(0, -X_HEIGHT / 2, 5.2, X_HEIGHT / 2, 0, 360)] },
  t: {
    stems: [],
    bows: [
      [-1, -18, -1, -3, ...arc(2, -3, 3, 3, 180, 70)],
      [-4.5, -X_HEIGHT, 4, -X_HEIGHT],
    ],
  },
};

/** Letters that a script draws. */
export const DRAWABLE = Object.keys(LETTER_STROKES).join("");

/** Draws letters into a sample: each one's ink is centred between the sides of its cell. Other fields are 0. */
export function drawLetters(letters: string, hand: Hand): Float32Array {
  const sample = new Float32Array(SAMPLE_SIZE);
  for (const letter of letters) {
    fieldOf(sample, letter).set(fieldOfStrokes(centredStrokes(strokesOf(letter, hand)), hand));
  }
  return sample;
}

/** Strokes of a letter, around x = 0, in the rows of a cell. */
export function strokesOf(
  letter: string,
  { radius, contrast = 1, stretch = 1, slant = 0, serif = 0 }: Hand,
): Stroke[] {
  const drawn = LETTER_STROKES[letter];
  if (drawn === undefined) throw new Error(`letter is "${letter}", expected one of ${DRAWABLE}`);
  const serifs = serif > 0 ? serifsOf(drawn, serif) : [];
  // The nib's lower edge stands on the baseline.
  const foot = BASELINE - radius / contrast;
  return [...drawn.stems, ...drawn.bows, ...serifs].map((stroke) =>
    stroke.map((value, i) => (i % 2 === 0 ? value * stretch - stroke[i + 1]! * slant : value + foot)),
  );
}

/** Short lines across the stems' feet, and to the left of the first one's head. */
function serifsOf({ stems, hasHead = false }: LetterStrokes, length: number): Stroke[] {
  const feet = stems.map((stem): Stroke => {
    const [x, y] = stem.slice(-2) as [number, number];
    return [x - length / 2, y, x + length / 2, y];
  });
  if (!hasHead) return feet;
  const [x, y] = stems[0]!.slice(0, 2) as [number, number];
  return [...feet, [x - length / 2, y, x, y]];
}

// Samples made of a font's outlines. Runs in browsers too.
import {
  BASELINE,
  type Bearings,
  CAP_HEIGHT,
  fieldOf,
  HEIGHT,
  LETTERS,
  SAMPLE_SIZE,
  setBearings,
  WIDTH,
} from "./cell.ts";
import { fieldOfOutline } from "./fields.ts";
import { boxOf, flatten, movedRight, type PathCommand } from "./outline.ts";

/** A letter of a font, in the font's units. */
export interface Glyph {
  readonly path: readonly PathCommand[];
  readonly advance: number;
}

/** The letters of one style of a font. */
export interface Typeface {
  /** Glyphs in the order of `LETTERS`. */
  readonly glyphs: readonly Glyph[];
  /** Height of a capital H, in the font's units. */
  readonly capHeight: number;
}

/** A change of a whole typeface, as another width, slant or weight. */
export interface Variation {
  /** Factor on widths. */
  readonly stretch: number;
  /** Pixels to the right for each pixel up. */
  readonly slant: number;
  /** Pixels by which outlines grow on all sides. */
  readonly thicker: number;
}

/** A typeface as it is. */
export const UNCHANGED: Variation = { stretch: 1, slant: 0, thicker: 0 };

/**
 * Makes the sample of a typeface: each letter's ink is centred between the sides of its cell, and stands on the baseline.
 * Undefined if a letter is empty or does not fit into its cell.
 */
export function sampleOf({ glyphs, capHeight }: Typeface, variation = UNCHANGED): Float32Array | undefined {
  const sample = new Float32Array(SAMPLE_SIZE);
  for (const [i, letter] of [...LETTERS].entries()) {
    const cell = cellOf(glyphs[i]!, capHeight, variation);
    if (cell === undefined) return undefined;
    fieldOf(sample, letter).set(cell.field);
    setBearings(sample, letter, cell.bearings);
  }
  return sample;
}

/** The field and the bearings of a glyph; undefined if it is empty or does not fit into a cell. */
export function cellOf(
  { path, advance }: Glyph,
  capHeight: number,
  { stretch, slant, thicker } = UNCHANGED,
): { field: Float32Array; bearings: Bearings } | undefined {
  const scale = CAP_HEIGHT / capHeight;
  const map = { xx: stretch * scale, xy: slant * scale, yx: 0, yy: -scale, dx: 0, dy: BASELINE };
  const segments = flatten(path, map);
  const box = boxOf(segments);
  if (box === undefined || box.right - box.left + 2 * thicker > WIDTH) return undefined;
  if (box.top - thicker < 0 || box.bottom + thicker > HEIGHT) return undefined;
  const centred = movedRight(segments, WIDTH / 2 - (box.left + box.right) / 2);
  return {
    field: fieldOfOutline(centred, thicker),
    bearings: { advance: advance * scale * stretch, left: box.left - thicker },
  };
}

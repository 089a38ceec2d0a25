// Letters of font files, as opentype.js reads them. Runs in browsers too.
import type { Font } from "opentype.js/dist/opentype.mjs";
import { LETTERS } from "./cell.ts";
import type { Glyph, Typeface } from "./typeface.ts";

/** The letters of a font that has them all. */
export function typefaceOf(font: Font): Typeface {
  return { glyphs: [...LETTERS].map((letter) => glyphOf(font, letter)!), capHeight: capHeightOf(font) };
}

/** A letter of a font; undefined if the font lacks it. */
export function glyphOf(font: Font, letter: string): Glyph | undefined {
  const { index, path, advanceWidth } = font.charToGlyph(letter);
  return index === 0 ? undefined : { path: path.commands, advance: advanceWidth };
}

/** Least height of an H, as a share of the em: letters are scaled by it. */
const LEAST_HEIGHT = 0.05;

/**
 * Height of a font's H, in its units.
 *
 * @throws Error if the font has no H, or one of next to no height
 */
export function capHeightOf(font: Font): number {
  const glyph = font.charToGlyph("H");
  const height = glyph.index === 0 ? 0 : glyph.getBoundingBox().y2;
  if (height >= LEAST_HEIGHT * font.unitsPerEm && height < Infinity) return height;
  throw new Error("the font has no capital H, by which its letters are scaled");
}

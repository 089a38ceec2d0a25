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

/** Height of a font's H, in its units. */
export function capHeightOf(font: Font): number {
  return font.charToGlyph("H").getBoundingBox().y2;
}

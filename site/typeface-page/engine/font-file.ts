import { LETTERS } from "../../../examples/typefaces/geometry/cell.ts";
import { capHeightOf, glyphOf } from "../../../examples/typefaces/geometry/font.ts";
import { cellOf } from "../../../examples/typefaces/geometry/typeface.ts";
import type { HandlersOf } from "../../page/engine/serve.ts";
import type { FontCalls, FontLetter } from "./messages.ts";

// Reads a visitor's font file. The only request to a server is for the code of the font reader.

/** Maximum file size in bytes. */
const MOST_BYTES = 30e6;

/** Maximum number of path commands of a letter: the time to compute its field grows with their square. */
const MOST_COMMANDS = 1000;

/** Handlers of the worker that reads a font. */
export const FONT_HANDLERS: HandlersOf<FontCalls, object> = { readFont: (_, { file }) => readFont(file) };

/**
 * Reads the lower-case letters of a TTF, OTF or WOFF file.
 *
 * @throws Error if the file is too large, is not a font, or has no letter that fits into a cell
 */
export async function readFont(file: File): Promise<FontLetter[]> {
  if (file.size > MOST_BYTES) {
    const megabytes = Math.ceil(file.size / 1e6);
    throw new Error(
      `${file.name} has ${megabytes} MB, expected at most ${MOST_BYTES / 1e6}. Choose a smaller font.`,
    );
  }
  const bytes = await file.arrayBuffer();
  const { parse } = await import("opentype.js/dist/opentype.mjs");
  let letters: FontLetter[];
  let hasCapital = true;
  try {
    const font = parse(bytes);
    hasCapital = font.charToGlyph("H").index > 0;
    const capHeight = capHeightOf(font);
    letters = [...LETTERS].flatMap((letter) => {
      const glyph = glyphOf(font, letter);
      if (!glyph || glyph.path.length > MOST_COMMANDS) return [];
      const cell = cellOf(glyph, capHeight);
      return cell ? [{ letter, ...cell }] : [];
    });
  } catch (cause) {
    const problem = hasCapital
      ? "cannot be read as a font. Choose a TTF, OTF or WOFF file (not WOFF2)"
      : "has no capital H, by which its letters are scaled. Choose a font with capitals";
    throw new Error(`${file.name} ${problem}.`, { cause });
  }
  if (letters.length > 0) return letters;
  throw new Error(
    `${file.name} has none of the letters a to z, or they are too wide. Choose a font with Latin letters.`,
  );
}

// Styles of the installed families, and their outlines.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Family } from "./families.ts";
import { LETTERS } from "./geometry/cell.ts";
import type { PathCommand } from "./geometry/outline.ts";
import type { Typeface } from "./geometry/typeface.ts";
import { folder } from "./install.ts";

/** A style of a family: one font file. */
export interface Style {
  readonly family: Family;
  /** Weight as CSS has it, 100 to 900. */
  readonly weight: number;
  readonly isItalic: boolean;
  readonly file: string;
}

/** Weights taken of a family, beside its lightest and its heaviest; those between are nearly means of their neighbours. */
const WEIGHTS = [300, 400, 700];

/** Lists the styles of installed families, each family's by slope and weight. */
export function stylesOf(families: readonly Family[]): Style[] {
  return families.flatMap((family) => {
    const files = join(folder, "node_modules", family.package, "files");
    const all = readdirSync(files).flatMap((name): Style[] => {
      const match = /-latin-(\d+)-(normal|italic)\.woff$/.exec(name);
      if (!match) return [];
      const [, weight, slope] = match;
      return [{ family, weight: Number(weight), isItalic: slope === "italic", file: join(files, name) }];
    });
    return [false, true].flatMap((isItalic) => {
      const some = all.filter((style) => style.isItalic === isItalic).sort((a, b) => a.weight - b.weight);
      return some.filter((style, i) => i === 0 || i === some.length - 1 || WEIGHTS.includes(style.weight));
    });
  });
}

/** The part of opentype.js that is used; it is installed beside the fonts, without types. */
interface OpenType {
  parse(file: ArrayBuffer): { charToGlyph(letter: string): OpenTypeGlyph };
}

interface OpenTypeGlyph {
  readonly path: { readonly commands: readonly PathCommand[] };
  readonly advanceWidth: number;
  getBoundingBox(): { readonly y2: number };
}

let openType: Promise<OpenType> | undefined;

/** Reads the outlines of a style. */
export async function readTypeface({ file }: Style): Promise<Typeface> {
  const module = pathToFileURL(join(folder, "node_modules/opentype.js/dist/opentype.mjs"));
  openType ??= import(module.href) as Promise<OpenType>;
  const { parse } = await openType;
  const font = parse(Uint8Array.from(readFileSync(file)).buffer);
  const glyphs = [...LETTERS].map((letter) => {
    const { path, advanceWidth } = font.charToGlyph(letter);
    return { path: path.commands, advance: advanceWidth };
  });
  return { glyphs, capHeight: font.charToGlyph("H").getBoundingBox().y2 };
}

// Styles of the installed families, and their outlines.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "opentype.js/dist/opentype.mjs";
import type { Family } from "./families.ts";
import { typefaceOf } from "./geometry/font.ts";
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

/** Reads the outlines of a style. */
export function readTypeface({ file }: Style): Typeface {
  return typefaceOf(parse(Uint8Array.from(readFileSync(file)).buffer));
}

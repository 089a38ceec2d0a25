/** The part of opentype.js that is used: the package has no types. */
declare module "opentype.js/dist/opentype.mjs" {
  interface Point {
    readonly x: number;
    readonly y: number;
  }

  interface Glyph {
    /** 0 for the glyph in place of characters that a font lacks. */
    readonly index: number;
    readonly path: {
      readonly commands: readonly (
        | ({ readonly type: "M" | "L" } & Point)
        | ({ readonly type: "Q"; readonly x1: number; readonly y1: number } & Point)
        | ({
            readonly type: "C";
            readonly x1: number;
            readonly y1: number;
            readonly x2: number;
            readonly y2: number;
          } & Point)
        | { readonly type: "Z" }
      )[];
    };
    readonly advanceWidth: number;
    getBoundingBox(): { readonly y2: number };
  }

  export interface Font {
    readonly unitsPerEm: number;
    charToGlyph(letter: string): Glyph;
  }

  /** Reads a TTF, OTF or WOFF file. Glyphs are read on first use, so that they may throw, too. */
  export function parse(file: ArrayBuffer): Font;
}

import type { Bearings } from "../../../examples/typefaces/geometry/cell.ts";

/** Bytes of a file that have arrived. */
export interface Loaded {
  readonly bytes: number;
  /** Undefined if the server does not say how many there are. */
  readonly total: number | undefined;
}

/** Letters that are given. */
export interface Given {
  readonly letters: string;
  /** letters.length × FIELD_SIZE: a field for each. */
  readonly fields: Float32Array;
}

/** Letters of a visitor's font. */
export interface FontLetter {
  readonly letter: string;
  readonly field: Float32Array;
  readonly bearings: Bearings;
}

/** A training style that was looked up. */
export interface Nearest {
  /** Index of the style. */
  readonly style: number;
  /** Ink that its letters and the given ones have in common, as a share of what either has. */
  readonly likeness: number;
  /** FIELDS_SIZE: its letters, as the components have them. */
  readonly fields: Float32Array;
}

/** Other completions. */
export interface Samples {
  /** count × SAMPLE_SIZE, the one of the largest weight first. */
  readonly alphabets: Float32Array;
  /** Code of each. */
  readonly codes: readonly Float32Array[];
  /** Share of each among all draws. */
  readonly weights: readonly number[];
}

/** Calls of the page's worker. An alphabet has SAMPLE_SIZE numbers. */
export interface TypefaceCalls {
  /** Loads the decoder. */
  load: { arguments: { url: string }; reply: undefined; progress: Loaded };
  /** Finds the code of given letters; a quick search starts at z0, a whole one at the mean of each of the prior's Gaussians. */
  complete: {
    arguments: Given & { z0?: Float32Array | undefined; quick?: boolean | undefined };
    reply: { readonly z: Float32Array; readonly alphabet: Float32Array };
    progress: never;
  };
  /** Alphabet of a code. */
  decode: { arguments: { z: Float32Array }; reply: Float32Array; progress: never };
  /** Samples other completions about a code that was found, and returns those of the largest weights. */
  sample: {
    arguments: Given & { z: Float32Array; count: number; seed: number };
    reply: Samples;
    progress: never;
  };
  /** Loads the training styles, for `nearest` and `linear`. */
  loadStyles: { arguments: { url: string }; reply: undefined; progress: Loaded };
  /** The training style whose ink has most in common with the given letters'. */
  nearest: { arguments: Given; reply: Nearest; progress: never };
  /** Linear completion, FIELDS_SIZE. */
  linear: { arguments: Given & { ridge: number }; reply: Float32Array; progress: never };
}

/** Calls of the worker that reads a font. */
export interface FontCalls {
  /** Reads the small letters of a font file, those that fit into their cells. */
  readFont: { arguments: { file: File }; reply: readonly FontLetter[]; progress: never };
}

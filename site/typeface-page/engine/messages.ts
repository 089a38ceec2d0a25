import type { Bearings } from "../../../examples/typefaces/geometry/cell.ts";

/** Number of bytes of a file that have been received. */
export interface Loaded {
  readonly bytes: number;
  /** Size of the file; undefined if the server does not state it. */
  readonly total: number | undefined;
}

/** Letters that are given, to be completed to an alphabet. */
export interface Given {
  readonly letters: string;
  /** Field of each letter, a raster whose positive values are ink: letters.length × FIELD_SIZE values. */
  readonly fields: Float32Array;
}

/** A letter of a visitor's font. */
export interface FontLetter {
  readonly letter: string;
  readonly field: Float32Array;
  readonly bearings: Bearings;
}

/** The training style that is most similar to the given letters. */
export interface Nearest {
  /** Index of the style. */
  readonly style: number;
  /** Similarity: ink common to the style's letters and the given ones, relative to the ink of their union. */
  readonly likeness: number;
  /**
   * Fields (rasters whose positive values are ink) of the style's letters, FIELDS_SIZE values, approximated by the
   * components.
   */
  readonly fields: Float32Array;
}

/** Other completions of the given letters, drawn from the posterior. */
export interface Samples {
  /** Completed alphabets, count × SAMPLE_SIZE, that of the largest weight first. */
  readonly alphabets: Float32Array;
  /** Latent code of each completion. */
  readonly codes: readonly Float32Array[];
  /** Weight of each completion, as a fraction of that of all draws. */
  readonly weights: readonly number[];
}

/** Calls of the page's worker. An alphabet has SAMPLE_SIZE values. */
export interface TypefaceCalls {
  /** Loads the decoder. */
  load: { arguments: { url: string }; reply: undefined; progress: Loaded };
  /** Encodes the given letters. A quick search starts at z0, a full one at the mean of each Gaussian of the prior. */
  complete: {
    arguments: Given & { z0?: Float32Array | undefined; quick?: boolean | undefined };
    reply: { readonly z: Float32Array; readonly alphabet: Float32Array };
    progress: never;
  };
  /** Decodes a code to an alphabet. */
  decode: { arguments: { z: Float32Array }; reply: Float32Array; progress: never };
  /** Draws other completions around a code, and returns those with the largest weights. */
  sample: {
    arguments: Given & { z: Float32Array; count: number; seed: number };
    reply: Samples;
    progress: never;
  };
  /** Loads the training styles, for `nearest` and `linear`. */
  loadStyles: { arguments: { url: string }; reply: undefined; progress: Loaded };
  /** Returns the training style whose ink has most in common with that of the given letters. */
  nearest: { arguments: Given; reply: Nearest; progress: never };
  /** Completes the given letters by linear regression on the training styles, to FIELDS_SIZE values. */
  linear: { arguments: Given & { ridge: number }; reply: Float32Array; progress: never };
}

/** Calls of the worker that reads a font. */
export interface FontCalls {
  /** Reads the lower-case letters of a font file that fit into their cells. */
  readFont: { arguments: { file: File }; reply: readonly FontLetter[]; progress: never };
}

import type { EncodeResult, LossName } from "latentflow";
import type { NetworkDescription } from "../engine/messages.ts";

/** Calls of the worker for a visitor's files, which holds one decoder and the samples read last. */
export interface FileCalls {
  /** Reads a decoder's file, and replaces the decoder and the samples. If it fails or is cancelled, these are kept. */
  readDecoder: { arguments: { file: File }; reply: NetworkDescription; progress: never };
  /**
   * Reads a picture or an array as samples of the decoder, and replaces the current samples. If it fails or is cancelled,
   * these are kept.
   */
  readSamples: { arguments: { file: File }; reply: Samples; progress: never };
  /** Encodes the samples; fails if cancelled. */
  encode: { arguments: { loss?: LossName | undefined }; reply: Codes; progress: Progress };
}

/** Samples that were read from a file. */
export interface Samples {
  readonly count: number;
  /** The samples, count × outputSize; NaN is a missing value. */
  readonly y: Float32Array;
  /** Number of missing values. */
  readonly missing: number;
}

/** Result of encoding the samples. */
export interface Codes {
  /** Codes, count × latentSize. */
  readonly z: Float32Array;
  /** Decoded samples D(z), count × outputSize. */
  readonly x: Float32Array;
  readonly loss: EncodeResult["loss"];
  readonly status: EncodeResult["status"];
  readonly warnings: EncodeResult["warnings"];
  readonly seconds: number;
}

/** Number of samples encoded so far, out of the total. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

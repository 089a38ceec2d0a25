import type { EncodeResult, LossName } from "latentflow";
import type { NetworkDescription } from "../engine/messages.ts";

/** Calls of the worker that works with a visitor's files, one decoder and the samples read last. */
export interface FileCalls {
  /** Reads a decoder's file, in place of the decoder and the samples before. Failed or cancelled, it leaves both. */
  readDecoder: { arguments: { file: File }; reply: NetworkDescription; progress: never };
  /** Reads a picture or an array as samples of the decoder, in place of those before. Failed or cancelled, it leaves those. */
  readSamples: { arguments: { file: File }; reply: Samples; progress: never };
  /** Finds the codes of the samples. Cancelled, it fails. */
  encode: { arguments: { loss?: LossName | undefined }; reply: Codes; progress: Progress };
}

/** Samples that were read. */
export interface Samples {
  readonly count: number;
  /** count × outputSize. */
  readonly y: Float32Array;
}

/** Codes that were found. */
export interface Codes {
  /** count × latentSize. */
  readonly z: Float32Array;
  /** count × outputSize. */
  readonly x: Float32Array;
  readonly loss: EncodeResult["loss"];
  readonly status: EncodeResult["status"];
  readonly seconds: number;
}

/** Number of samples that have ended, of all. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

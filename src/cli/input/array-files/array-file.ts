import type { ValueType } from "../../../base/values.ts";
import type { DataArray } from "../../../files/array.ts";
import type { Box, Size } from "../../../images/resample.ts";

/** Facts about pictures that were read as samples. */
export interface PicturesRead {
  /** Number of transparent pixels of each picture; 0 if the decoder has an opacity channel. */
  readonly transparent: readonly number[];
  /** Number of pixels of padding around each picture, which `--fit contain` adds. */
  readonly padded: readonly number[];
  /** Weights in the samples' shape: 0 for transparent pixels and padding, 1 elsewhere; undefined if no pixel is either. */
  readonly seen: ArrayFile | undefined;
  /** Weights in the samples' shape: 0 for padding, 1 elsewhere; undefined if no picture has padding. */
  readonly unpadded: ArrayFile | undefined;
  /** For each picture file: true if it has colours but was read as greyscale. */
  readonly madeGrey: readonly boolean[];
  /** Rectangle of each sample that its picture covers; the rest is padding. */
  readonly boxes: readonly Box[];
}

/** An array in a file, read piece by piece. */
export interface ArrayFile {
  readonly shape: readonly number[];
  /** Number type of the values in the file. */
  readonly type: ValueType;
  /** File names of the pictures, one per row of the array; undefined if the array was not read from pictures. */
  readonly names?: readonly string[];
  /** Size of each picture in its file, one per row of the array; undefined if the array was not read from pictures. */
  readonly sizes?: readonly Size[];
  /**
   * Facts about the pictures, if they were read as samples; undefined for other files, and for pictures read as weights
   * or masks.
   */
  readonly pictures?: PicturesRead;
  /**
   * Reads the values with indices from `start` up to `end` (exclusive) in row-major order: a Uint8Array for uint8, else a
   * Float32Array.
   *
   * @throws LatentflowError `invalid_file` if float32 cannot represent a value, or the file has changed since it was
   *   opened
   */
  read(start: number, end: number): Promise<DataArray["data"]>;
  /** Returns the SHA-256 of the contents in hexadecimal; of large files, a sample of the bytes (fingerprint.ts). */
  fingerprint(): Promise<string>;
}

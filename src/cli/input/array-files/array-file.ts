import type { ValueType } from "../../../base/values.ts";
import type { DataArray } from "../../../files/array.ts";
import type { Box, Size } from "../../../images/resample.ts";

/** Facts on pictures that are read as samples. */
export interface PicturesRead {
  /** Numbers of transparent pixels, one a picture; 0 where the decoder has a channel of opacity. */
  readonly transparent: readonly number[];
  /** Numbers of pixels of padding, by `--fit contain`, one a picture. */
  readonly padded: readonly number[];
  /** Weights in the samples' shape, 0 at transparent pixels and padding, else 1; undefined if there are neither. */
  readonly seen: ArrayFile | undefined;
  /** Weights in the samples' shape, 0 at padding, else 1; undefined without padding. */
  readonly unpadded: ArrayFile | undefined;
  /** True for each file with colours that is read in grey. */
  readonly madeGrey: readonly boolean[];
  /** Part of each sample that its picture fills; beside it is padding. */
  readonly boxes: readonly Box[];
}

/** An array in a file that is read in parts. */
export interface ArrayFile {
  readonly shape: readonly number[];
  /** Type of the values in the file. */
  readonly type: ValueType;
  /** Names of the files of pictures, one a row; undefined for other files. */
  readonly names?: readonly string[];
  /** Sizes of the pictures in their files, one a row; undefined for other files. */
  readonly sizes?: readonly Size[];
  /** Facts on the pictures read as samples; undefined for other files, and for pictures read as weights or masks. */
  readonly pictures?: PicturesRead;
  /**
   * Reads the values from `start` up to `end`, in row-major order: bytes for uint8, else float32.
   *
   * @throws LatentflowError `invalid_file` if float32 cannot represent a value, or the file has changed
   */
  read(start: number, end: number): Promise<DataArray["data"]>;
  /** SHA-256 of the contents, in hexadecimal digits: see fingerprint.ts. */
  fingerprint(): Promise<string>;
}

import type { ValueType } from "../../../base/values.ts";
import type { DataArray } from "../../../files/array.ts";

/** An array in a file that is read in parts. */
export interface ArrayFile {
  readonly shape: readonly number[];
  /** Type of the values in the file. */
  readonly type: ValueType;
  /** Names of the files of pictures, one a row; undefined for other files. */
  readonly names?: readonly string[];
  /**
   * Reads the values from `start` up to `end`, in row-major order: bytes for uint8, else float32.
   *
   * @throws LatentflowError `invalid_file` if float32 cannot represent a value, or the file has changed
   */
  read(start: number, end: number): Promise<DataArray["data"]>;
  /** SHA-256 of the contents, in hexadecimal digits: see fingerprint.ts. */
  fingerprint(): Promise<string>;
}

import type { ValueType } from "../../../base/values.ts";
import type { DataArray } from "../../../files/array.ts";

/** An array in a file, of which parts are read. */
export interface ArrayFile {
  readonly shape: readonly number[];
  /** The values' type in the file. */
  readonly type: ValueType;
  /**
   * Reads its values from `start` up to `end`, in row-major order: bytes where the file has uint8, else float32.
   *
   * @throws LatentflowError `invalid_file` where a value is not what float32 can stand for, or the file has changed
   */
  read(start: number, end: number): Promise<DataArray["data"]>;
  /** A SHA-256 of what it holds, in hexadecimal digits: see fingerprint.ts. */
  fingerprint(): Promise<string>;
}

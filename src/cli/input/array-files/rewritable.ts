// Files of samples that can be written again, in their own format, with other values in place of some.

/** Values for consecutive rows of a file, in row-major order: NaN where the file's own value stays. */
export type Filling = Float32Array;

/** A file of samples that can be written again with some values replaced. */
export interface Rewritable {
  /** Format for messages, with its article: `a .npy file`. */
  readonly kind: string;
  /** Endings of file names that fit the format; the first is for a file without a name. */
  readonly endings: readonly string[];
  /** True if the file is packed by gzip as a whole; undefined for a format that is packed within. */
  readonly isPacked: boolean | undefined;
  /** Number of rows, a sample each. */
  readonly rows: number;
  /** Format of the list of the values that are replaced. */
  readonly list: FilledList;
  /**
   * Returns the bytes of the file, unpacked, with its values replaced.
   *
   * @param fillings values for all rows, in order, some rows at a time
   * @param onClipped called for each value outside of the range of the file's type, in whose place the nearest one is written
   */
  rewrite(fillings: AsyncIterable<Filling>, onClipped: () => void): AsyncIterable<Uint8Array>;
}

/** Format of a list of the values that are replaced in a file, which is written piece by piece. */
export interface FilledList {
  /** Ending that is appended to the name of the file. */
  readonly ending: string;
  /** Description for the list of output files. */
  readonly content: string;
  readonly header: string | Uint8Array;
  /** Returns the piece of the list for rows from index `first` on. */
  piece(first: number, filling: Filling): string | Uint8Array;
}

import { option, words } from "../../../base/message.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import type { ParquetColumn } from "./parquet-columns.ts";
import { damaged, isKnownCodec, type ParquetFile, reading } from "./parquet-file.ts";

// Access to the rows of a Parquet file. A row group is decoded as a whole, and kept until another row group is read.

/** Rows that the file stores together: `count` rows from row `first` of the file. */
interface RowGroup {
  readonly first: number;
  readonly count: number;
  /** Number of values in the chosen columns, missing values included. */
  readonly values: number;
}

/** Reads rows of the chosen columns of a Parquet file. */
export class ParquetRows {
  readonly count: number;
  readonly groups: readonly RowGroup[];

  /**
   * Checks the file's metadata of the chosen columns, before any of them is read.
   *
   * @throws LatentflowError `invalid_file` if a row group cannot be read, or unpacks to more than `maxBytes`
   */
  constructor(
    readonly file: ParquetFile,
    readonly columns: readonly ParquetColumn[],
  ) {
    let first = 0;
    this.groups = file.metadata.row_groups.map(({ num_rows }, index) => {
      const group = { first, count: Number(num_rows), values: checkChunks(file, columns, index) };
      first += group.count;
      return group;
    });
    this.count = first;
    const { num_rows } = file.metadata;
    // A damaged number of rows may be no number.
    if (first !== Number(num_rows)) {
      throw damaged(file.where, `it is to have ${num_rows} rows, and its row groups have ${first}`);
    }
  }

  /**
   * Calls `take` for each row from `start` up to `end` (exclusive).
   *
   * @param take gets the row's index in the file, the columns of its row group, and its index within the row group
   */
  async each(
    start: number,
    end: number,
    take: (row: number, columns: readonly ArrayLike<unknown>[], at: number) => void,
  ): Promise<void> {
    for (const { first, count } of this.groups) {
      const [from, to] = [Math.max(start, first), Math.min(end, first + count)];
      if (from >= to) continue;
      const columns: ArrayLike<unknown>[] = [];
      for (const { name } of this.columns) columns.push(await this.read(name, first, first + count));
      for (let row = from; row < to; row++) take(row, columns, row - first);
    }
  }

  /** Decodes a column in the row group of these rows. */
  private async read(column: string, rowStart: number, rowEnd: number): Promise<ArrayLike<unknown>> {
    const { where, limits, readColumn } = this.file;
    throwIfAborted(limits.signal);
    const values = await reading(where, () => readColumn({ column, rowStart, rowEnd }));
    const rows = rowEnd - rowStart;
    if (values.length === rows) return values;
    throw damaged(
      where,
      `the column ${show(column)} has ${values.length} rows in place of ${rows} in a row group`,
    );
  }
}

/**
 * Refuses a row group if, by the file's metadata, the chosen columns in it cannot be read, or unpack to more than `maxBytes`.
 *
 * @returns number of values in the columns
 * @throws LatentflowError `invalid_file`
 */
function checkChunks(
  { where, metadata, limits }: ParquetFile,
  columns: readonly ParquetColumn[],
  index: number,
): number {
  const { columns: chunks, num_rows } = metadata.row_groups[index]!;
  const byName = new Map(chunks.map((chunk) => [chunk.meta_data?.path_in_schema[0], chunk]));
  let [bytes, values] = [0, 0];
  for (const { name } of columns) {
    const { meta_data: chunk, crypto_metadata } = byName.get(name) ?? {};
    if (!chunk || crypto_metadata) {
      throw damaged(where, `row group ${index} has no column ${show(name)}, or an encrypted one`);
    }
    if (!isKnownCodec(chunk.codec)) throw unknownCodec(where, chunk.codec);
    bytes += Number(chunk.total_uncompressed_size);
    values += Number(chunk.num_values);
  }
  // Unpacked to arrays, a value takes 8 bytes, however few it takes in a page.
  const size = Math.max(bytes, 8 * values);
  if (!(size <= limits.maxBytes)) {
    const rows = Math.max(1, Math.floor((Number(num_rows) * limits.maxBytes) / size / 2));
    throw invalidFile(
      words`${where}: row group ${index} unpacks to ${size} bytes, more than ${option("maxBytes")}, ${limits.maxBytes}; write the file with smaller row groups: row_group_size=${rows} in pyarrow`,
    );
  }
  return values;
}

function unknownCodec(where: string, codec: string | undefined) {
  const isNewer = codec === "ZSTD";
  return invalidFile(
    `${where}: its pages are packed by ${codec ?? "what is not known"}, which ` +
      `${isNewer ? "Node reads since 22.15, and this is" : "is not read by Node"} ${process.version}; ` +
      `${isNewer ? "take a newer one, or " : ""}write the file with compression="snappy", say`,
  );
}

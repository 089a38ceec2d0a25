import { throwIfAborted } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import { checkChunks, readChunk } from "./parquet-chunk.ts";
import type { ParquetColumn } from "./parquet-columns.ts";
import type { OpenedParquet } from "./parquet-metadata.ts";

// Access to the rows of a Parquet file. A row group is decoded as a whole, and cached until another row group is read.

/**
 * Maximum number of values in a row group, summed over the columns that are read. All values of a row group are decoded at
 * once, and take 8 bytes each.
 */
const MOST_VALUES = 2 ** 26;

/** Rows that the file stores together: `count` rows from row `first` of the file. */
interface RowGroup {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

/** Reads rows of the chosen columns of a Parquet file. */
export class ParquetRows {
  readonly count: number;
  readonly groups: readonly RowGroup[];
  /** Decoded columns of the row group that was read last. */
  private kept: { readonly index: number; readonly columns: readonly ArrayLike<unknown>[] } | undefined;

  constructor(
    readonly opened: OpenedParquet,
    readonly columns: readonly ParquetColumn[],
  ) {
    const { num_rows, row_groups } = opened.metadata;
    this.count = Number(num_rows);
    let first = 0;
    this.groups = row_groups.map(({ num_rows: rows }, index) => {
      const group = { index, first, count: Number(rows) };
      first += group.count;
      return group;
    });
  }

  /**
   * Refuses row groups that, by the file's metadata, cannot be read or have too many values.
   *
   * @returns number of values in each row group, summed over the columns
   * @throws LatentflowError `invalid_file`
   */
  async check(): Promise<number[]> {
    const counts = this.groups.map(() => 0);
    for (const column of this.columns) {
      for (const [i, values] of (await checkChunks(this.opened, column)).entries()) counts[i]! += values;
    }
    const large = counts.findIndex((values) => values > MOST_VALUES);
    if (large < 0) return counts;
    const names = this.columns.map(({ name }) => show(name));
    const rows = Math.max(1, Math.floor((this.groups[large]!.count * MOST_VALUES) / counts[large]! / 2));
    throw invalidFile(
      `${this.opened.where}: row group ${large} has ${counts[large]} values in the column` +
        `${names.length > 1 ? `s ${names[0]} to ${names.at(-1)}` : ` ${names[0]}`}, more than the ${MOST_VALUES} that are ` +
        `unpacked at once; write the file with smaller row groups: row_group_size=${rows} in pyarrow`,
    );
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
    for (const group of this.groups) {
      const [from, to] = [Math.max(start, group.first), Math.min(end, group.first + group.count)];
      if (from >= to) continue;
      const columns = await this.read(group.index);
      for (let row = from; row < to; row++) take(row, columns, row - group.first);
    }
  }

  private async read(index: number): Promise<readonly ArrayLike<unknown>[]> {
    if (this.kept?.index === index) return this.kept.columns;
    this.kept = undefined;
    const columns: ArrayLike<unknown>[] = [];
    for (const column of this.columns) {
      throwIfAborted(this.opened.limits.signal);
      columns.push(await readChunk(this.opened, column, index));
    }
    this.kept = { index, columns };
    return columns;
  }
}

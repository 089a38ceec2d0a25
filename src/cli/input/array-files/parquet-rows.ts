import { throwIfAborted } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import { checkChunks, readChunk } from "./parquet-chunk.ts";
import type { ParquetColumn } from "./parquet-columns.ts";
import type { OpenedParquet } from "./parquet-metadata.ts";

// Rows of a Parquet file. A row group is read as a whole, and kept until another one is read.

/** Most values of a row group in the columns that are read, which are unpacked at once, at 8 bytes each. */
const MOST_VALUES = 2 ** 26;

/** Rows that are stored together, and decoded as a whole. */
interface RowGroup {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

/** Rows of some columns. */
export class ParquetRows {
  readonly count: number;
  private readonly groups: readonly RowGroup[];
  /** Columns of the row group that was read last. */
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
   * Refuses row groups that cannot be read, or do not fit into memory, as far as the metadata tell.
   *
   * @returns number of values of each row group, in all columns together
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

  /** Row groups that have rows. */
  withRows(): readonly RowGroup[] {
    return this.groups.filter(({ count }) => count > 0);
  }

  /** Calls `take` for each row from `start` up to `end`, with its row group's columns and its place in them. */
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

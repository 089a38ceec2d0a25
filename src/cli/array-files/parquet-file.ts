import type { FileHandle } from "node:fs/promises";
import { throwIfAborted } from "../../brand.ts";
import { invalid, invalidFile, show } from "../../check.ts";
import { type DataArray, elementCount } from "../../data/array.ts";
import { allocate, type Limits } from "../../source.ts";
import type { ValueType } from "../../values.ts";
import type { ArrayFile } from "./array-file.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { checkChunks, readChunk } from "./parquet-chunk.ts";
import {
  chooseColumns,
  columnsOf,
  findColumn,
  type ParquetColumn,
  typeOfIds,
  typeOfNumbers,
} from "./parquet-columns.ts";
import { type OpenedParquet, openMetadata, reading, readSlice } from "./parquet-metadata.ts";

// Samples in a Parquet file: a column of lists that are all of one length, nested or not, or columns of numbers. A row
// group is read as a whole, and kept until another one is.

/** Values that are unpacked at once, 8 bytes each: those of one row group in the columns that are read. */
const MOST_VALUES = 2 ** 26;

/** What a column of identifiers holds. */
export type Ids = readonly string[] | BigInt64Array;

/**
 * Opens the columns of a Parquet file that `names` says, with commas between them; without it the only one that there is,
 * or the only one of lists.
 *
 * @throws LatentflowError where it is no Parquet file, has no such columns, or other values than numbers in them
 */
export async function openParquet(
  where: string,
  handle: FileHandle,
  names: string | undefined,
  choice: (name: string) => string,
  limits: Limits,
): Promise<ArrayFile> {
  const opened = await openMetadata(where, handle, limits.signal);
  const columns = await reading(where, () => columnsOf(opened));
  const chosen = chooseColumns(where, columns, names, choice);
  const types = chosen.map((column) => typeOfNumbers(where, column));
  const [type] = types as [ValueType];
  const list = chosen.find(({ values }) => values!.lists > 0);
  if (list && chosen.length > 1) {
    throw invalid(
      `${where}: the column ${show(list.name)} is one of lists, which stands alone; name it alone, or columns of one ` +
        "number each",
    );
  }
  const other = types.findIndex((each) => (each === "uint8") !== (type === "uint8"));
  if (other > 0) {
    throw invalid(
      `${where}: the columns ${show(chosen[0]!.name)} and ${show(chosen[other]!.name)} are of the types ${type} and ` +
        `${types[other]}; bytes are divided by 255 and others are not: save them as one type`,
    );
  }
  const rows = new ParquetRows(opened, chosen);
  const counts = await rows.check();
  const numbers = new ParquetNumbers(rows, type, list ? await shapeOfLists(rows, list) : [chosen.length]);
  if (list) await numbers.checkLengths(counts);
  return {
    shape: [rows.count, ...numbers.rowShape],
    type,
    read: (start, end) => numbers.read(start, end),
    fingerprint: () => fingerprintOfFile(opened, chosen),
  };
}

/** Opens the column of a file that says who each row is. */
export async function openIds(where: string, handle: FileHandle, name: string, limits: Limits) {
  const opened = await openMetadata(where, handle, limits.signal);
  const column = findColumn(where, await reading(where, () => columnsOf(opened)), name);
  const type = typeOfIds(where, column);
  const rows = new ParquetRows(opened, [column]);
  await rows.check();
  const refuse = (row: number, found: string, cure: string) =>
    invalidFile(`${where}: row ${row} of the column ${show(name)} of identifiers has ${found}; ${cure}`);
  return {
    where,
    type,
    count: rows.count,
    async read(first: number, end: number): Promise<Ids> {
      const values: unknown[] = [];
      await rows.each(first, end, (_, [column], at) => void values.push(column![at]));
      const missing = values.findIndex((value) => value === null || value === undefined);
      if (missing >= 0) throw refuse(first + missing, "nothing", "give each row one");
      if (type === "text") return values as string[];
      const integers = (values as (number | bigint)[]).map(BigInt);
      const far = integers.findIndex((value) => BigInt.asIntN(64, value) !== value);
      if (far < 0) return BigInt64Array.from(integers);
      throw refuse(first + far, `${integers[far]}, beyond 64 bits with a sign`, "cast the column to texts");
    },
  };
}

/** What reads identifiers. */
export type IdsFile = Awaited<ReturnType<typeof openIds>>;

/** Some rows that are stored together, and decoded as a whole. */
interface RowGroup {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

/** The rows of some columns. */
class ParquetRows {
  readonly count: number;
  private readonly groups: readonly RowGroup[];
  /** The row group that was read last: its columns, in their order. */
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
   * Refuses a file with a row group that cannot be read, or would not fit into memory, as far as its metadata tell.
   *
   * @returns how many values each row group has in all columns together
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

  /** The row groups that have rows. */
  withRows(): readonly RowGroup[] {
    return this.groups.filter(({ count }) => count > 0);
  }

  /** Calls for each of some rows, with the columns of its group and its place there. */
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
      throwIfAborted(this.opened.signal);
      columns.push(await readChunk(this.opened, column, index));
    }
    this.kept = { index, columns };
    return columns;
  }
}

/** The shape of the first row's lists. */
async function shapeOfLists(rows: ParquetRows, { name, values }: ParquetColumn): Promise<number[]> {
  const { where } = rows.opened;
  if (rows.count === 0) throw invalidFile(`${where}: the Parquet file has no rows; leave it out`);
  const shape: number[] = [];
  await rows.each(0, 1, (_, [column], at) => {
    let value = column![at];
    for (let i = 0; i < values!.lists; i++) {
      if (!isList(value) || value.length === 0) {
        const found = isList(value) ? "an empty list" : "nothing";
        throw invalidFile(
          `${where}: row 0 of the column ${show(name)} has ${found}, expected a list of numbers; leave such rows out`,
        );
      }
      shape.push(value.length);
      value = value[0];
    }
  });
  return shape;
}

/** The numbers of rows as one array. */
class ParquetNumbers {
  private readonly where: string;

  constructor(
    private readonly rows: ParquetRows,
    private readonly type: ValueType,
    readonly rowShape: readonly number[],
  ) {
    this.where = rows.opened.where;
  }

  /** Refuses lists of another length before the work starts where the metadata tell of them. @param counts see `check` */
  async checkLengths(counts: readonly number[]): Promise<void> {
    const size = elementCount(this.rowShape);
    for (const { index, first, count } of this.rows.withRows()) {
      if (counts[index] === count * size) continue;
      // It says which row it is.
      await this.read(first * size, (first + count) * size);
      throw invalidFile(
        `${this.where}: row group ${index} is to have ${counts[index]} values in ${count} rows of ${size}; the Parquet ` +
          "file is damaged; write or copy it again",
      );
    }
  }

  async read(start: number, end: number): Promise<DataArray["data"]> {
    const { rows, where, type } = this;
    const size = elementCount(this.rowShape);
    const [firstRow, endRow] = [Math.floor(start / size), Math.ceil(end / size)];
    const length = (endRow - firstRow) * size;
    const data =
      type === "uint8" ? allocate(where, Uint8Array, length) : allocate(where, Float32Array, length);
    await rows.each(firstRow, endRow, (row, columns, at) => {
      const to = (row - firstRow) * size;
      for (const [k, column] of columns.entries()) {
        const { name, values } = rows.columns[k]!;
        if (values!.lists > 0) this.flatten(column[at], 0, data, to, name, row);
        else this.put(column[at], data, to + k, name, row);
      }
    });
    return data.subarray(start - firstRow * size, end - firstRow * size);
  }

  /** Puts a list's numbers one behind the other; returns where they end. */
  private flatten(
    value: unknown,
    axis: number,
    data: DataArray["data"],
    to: number,
    name: string,
    row: number,
  ): number {
    const length = this.rowShape[axis]!;
    if (!isList(value) || value.length !== length) {
      const found = isList(value) ? `a list of ${value.length}` : "nothing";
      throw invalidFile(
        `${this.where}: row ${row} of the column ${show(name)} has ${found}, expected a list of ${length}, as the first ` +
          "row has; cut or fill the lists to one length",
      );
    }
    let end = to;
    for (let i = 0; i < length; i++) {
      if (axis + 1 < this.rowShape.length) end = this.flatten(value[i], axis + 1, data, end, name, row);
      else this.put(value[i], data, end++, name, row);
    }
    return end;
  }

  private put(value: unknown, data: DataArray["data"], at: number, name: string, row: number): void {
    const number = typeof value === "number" ? value : toNumber(value);
    const isByte = data instanceof Uint8Array;
    const fits =
      number !== undefined &&
      (isByte
        ? Number.isInteger(number) && number >= 0 && number <= 255
        : !Number.isFinite(number) || Number.isFinite(Math.fround(number)));
    if (!fits) throw this.refuse(value, isByte, name, row);
    data[at] = number;
  }

  private refuse(value: unknown, isByte: boolean, name: string, row: number) {
    const isNothing = value === null || value === undefined;
    const found = typeof value === "bigint" ? `${value}` : isNothing ? "nothing" : show(value);
    const expected = isByte
      ? "a whole number from 0 to 255"
      : typeof value === "bigint"
        ? "a whole number of less than 2^53"
        : "a number that float32 can stand for";
    const cure = isNothing
      ? isByte
        ? "fill it in"
        : "write NaN, and weights that are 0 there"
      : "scale the numbers, or cast them to float32";
    return invalidFile(
      `${this.where}: row ${row} of the column ${show(name)} has ${found}, expected ${expected}; ${cure}`,
    );
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** A whole number or a truth value as a number; undefined of what is none, or would not stay what it is. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

async function fingerprintOfFile(opened: OpenedParquet, chosen: readonly ParquetColumn[]): Promise<string> {
  const { where, handle, size, metadata, signal } = opened;
  const names = chosen.map(({ name }) => name);
  return reading(where, () =>
    fingerprintOf(`${JSON.stringify(names)} ${metadata.num_rows}`, size, (start, end) => {
      throwIfAborted(signal);
      return readSlice(where, handle, size, start, end);
    }),
  );
}

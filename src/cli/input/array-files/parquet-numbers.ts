import { throwIfAborted } from "../../../base/realms.ts";
import { invalid, invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import type { ValueType } from "../../../base/values.ts";
import { type DataArray, elementCount } from "../../../files/array.ts";
import { allocate, type Limits } from "../../../files/limits.ts";
import type { ArrayFile } from "./array-file.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { OpenFile } from "./open-file.ts";
import { chooseColumns, columnsOf, type ParquetColumn, typeOfNumbers } from "./parquet-columns.ts";
import { type OpenedParquet, openMetadata, reading, readSlice } from "./parquet-metadata.ts";
import { ParquetRows } from "./parquet-rows.ts";

// Reads samples from a Parquet file: a column of lists, nested or not, all of one length, or several columns of numbers.

/**
 * Opens columns of a Parquet file as an array of numbers, one row per sample.
 *
 * @param names names of the columns, separated by commas; if undefined, the file's only column or its only column of lists
 * @param choice shows how to name a column on the command line, for messages
 * @throws LatentflowError if the file is not Parquet, or the columns do not exist or hold values other than numbers
 */
export async function openNumbers(
  file: OpenFile,
  names: string | undefined,
  choice: (name: string) => string,
  limits: Limits,
): Promise<ArrayFile> {
  const { where } = file;
  const opened = await openMetadata(file, limits);
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

/** Returns the shape of the lists in a column's first row, one length per level of nesting. */
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

/** Reads numeric Parquet columns as one array in row-major order, with the numbers of a row in the order of the columns. */
class ParquetNumbers {
  private readonly where: string;

  constructor(
    private readonly rows: ParquetRows,
    private readonly type: ValueType,
    readonly rowShape: readonly number[],
  ) {
    this.where = rows.opened.where;
  }

  /**
   * Throws if the metadata show that some list differs in length from those in the first row.
   *
   * @param counts number of values in each row group, from `ParquetRows.check`
   */
  async checkLengths(counts: readonly number[]): Promise<void> {
    const size = elementCount(this.rowShape);
    for (const { index, first, count } of this.rows.withRows()) {
      if (counts[index] === count * size) continue;
      // This read throws with the row's number, unless only the metadata are wrong.
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

  /** Writes the numbers of a nested list at index `to` of `data`, and returns the index after the last one. */
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

/** Converts a boolean or a bigint to a number; undefined for other values, and for integers beyond ±(2^53 - 1). */
function toNumber(value: unknown): number | undefined {
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "bigint") return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

async function fingerprintOfFile(opened: OpenedParquet, chosen: readonly ParquetColumn[]): Promise<string> {
  const { where, size, metadata, limits } = opened;
  const names = chosen.map(({ name }) => name);
  return reading(where, () =>
    fingerprintOf(`${JSON.stringify(names)} ${metadata.num_rows}`, size, (start, end) => {
      throwIfAborted(limits.signal);
      return readSlice(opened, start, end);
    }),
  );
}

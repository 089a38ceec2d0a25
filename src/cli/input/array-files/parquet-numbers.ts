import { about } from "../../../base/calling.ts";
import type { LatentflowError } from "../../../base/errors.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import { invalid, invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import type { ValueType } from "../../../base/values.ts";
import { type DataArray, elementCount } from "../../../files/array.ts";
import { allocate, type Limits } from "../../../files/limits.ts";
import { type ArrayFile, fingerprintOf } from "./array-file.ts";
import type { OpenFile } from "./open-file.ts";
import { chooseColumns, columnsOf, type ParquetColumn, typeOfNumbers } from "./parquet-columns.ts";
import { openParquet } from "./parquet-file.ts";
import { ParquetRows } from "./parquet-rows.ts";
import { rewritableParquet } from "./rewrite-parquet.ts";

// Reads samples from a Parquet file: a column of lists, nested or not, all of one length, or several columns of numbers.

/**
 * Opens columns of a Parquet file as an array of numbers, one row per sample.
 *
 * @param names names of the columns, each text one or several with commas between them; if undefined, the file's only column
 *   or its only column of lists
 * @param choice shows how to name a column on the command line, for messages
 * @throws LatentflowError if the file is not Parquet, or the columns do not exist or hold values other than numbers
 */
export async function openNumbers(
  file: OpenFile,
  names: readonly string[] | undefined,
  choice: (name: string) => string,
  limits: Limits,
): Promise<ArrayFile> {
  const { where } = file;
  const opened = await openParquet(file, limits);
  const chosen = chooseColumns(where, await columnsOf(opened), names, choice);
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
  const rowShape = list ? await shapeOfLists(rows, list) : [chosen.length];
  const size = elementCount(rowShape);
  const read = (start: number, end: number) => readNumbers(rows, type, rowShape, start, end);
  for (const { first, count, values } of rows.groups) {
    // A list of another length is in this row group: found now, it does not end a long run.
    if (values !== count * size) await read(first * size, (first + count) * size);
  }
  const content = `${JSON.stringify(chosen.map(({ name }) => name))} ${rows.count}`;
  const shape = [rows.count, ...rowShape];
  const rewritable = rewritableParquet(rows, shape);
  return {
    shape,
    type,
    read,
    rewritable: rewritable && [rewritable],
    fingerprint: () =>
      fingerprintOf(content, file.size, (start, end) => {
        throwIfAborted(limits.signal);
        return opened.slice(start, end);
      }),
  };
}

/** Returns the shape of the lists in a column's first row, one length per level of nesting. */
async function shapeOfLists(rows: ParquetRows, { name, values }: ParquetColumn): Promise<number[]> {
  const { where } = rows.file;
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

/** Reads numeric columns as one array in row-major order, with the numbers of a row in the order of the columns. */
async function readNumbers(
  rows: ParquetRows,
  type: ValueType,
  rowShape: readonly number[],
  start: number,
  end: number,
): Promise<DataArray["data"]> {
  const { where } = rows.file;
  const size = elementCount(rowShape);
  const [firstRow, endRow] = [Math.floor(start / size), Math.ceil(end / size)];
  const length = (endRow - firstRow) * size;
  const data =
    type === "uint8"
      ? about(where, () => allocate(Uint8Array, length))
      : about(where, () => allocate(Float32Array, length));
  let to = 0;
  // Place of the current value, for messages.
  let [row, name] = [firstRow, ""];
  const refuse = (found: string, expected: string, cure: string) =>
    invalidFile(
      `${where}: row ${row} of the column ${show(name)} has ${found}, expected ${expected}; ${cure}`,
    );
  // A column of lists is the only one.
  const depth = rows.columns[0]!.values!.lists;
  /** Writes a number, or those of a list, whose length is that of the row's axis `axis`. */
  const put = (value: unknown, axis: number): void => {
    if (axis === depth) {
      data[to++] = toNumber(value, type === "uint8", refuse);
      return;
    }
    const length = rowShape[axis]!;
    if (!isList(value) || value.length !== length) {
      const found = isList(value) ? `a list of ${value.length}` : "nothing";
      const cure = "cut or fill the lists to one length";
      throw refuse(found, `a list of ${length}, as the first row has`, cure);
    }
    for (let i = 0; i < length; i++) put(value[i], axis + 1);
  };
  await rows.each(firstRow, endRow, (index, columns, at) => {
    row = index;
    for (let k = 0; k < columns.length; k++) {
      name = rows.columns[k]!.name;
      put(columns[k]![at], 0);
    }
  });
  return data.subarray(start - firstRow * size, end - firstRow * size);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/**
 * Converts a value of a column to a number.
 *
 * @param refuse makes the error for a value that is no number, or that a byte or a float32 cannot stand for
 */
function toNumber(
  value: unknown,
  isByte: boolean,
  refuse: (found: string, expected: string, cure: string) => LatentflowError,
): number {
  const number = typeof value === "boolean" || typeof value === "bigint" ? Number(value) : value;
  const isExact = typeof value !== "bigint" || Number.isSafeInteger(number);
  if (typeof number === "number" && isExact) {
    const fits = isByte
      ? Number.isInteger(number) && number >= 0 && number <= 255
      : !Number.isFinite(number) || Number.isFinite(Math.fround(number));
    if (fits) return number;
  }
  const isNothing = value === null || value === undefined;
  const found = typeof value === "bigint" ? `${value}` : isNothing ? "nothing" : show(value);
  if (isByte) {
    const cure = isNothing ? "fill it in" : "scale the numbers, or cast them to float32";
    throw refuse(found, "a whole number from 0 to 255", cure);
  }
  throw refuse(
    found,
    typeof value === "bigint" ? "a whole number of less than 2^53" : "a number that float32 can stand for",
    isNothing ? "write NaN, and weights that are 0 there" : "scale the numbers, or cast them to float32",
  );
}

import { invalidFile } from "../../../base/refuse.ts";
import { show, showName } from "../../../base/show.ts";
import type { Limits } from "../../../files/limits.ts";
import { splitArrayName } from "../../../files/npz.ts";
import { isStdin, showFile } from "../files.ts";
import type { ArrayFile } from "./array-file.ts";
import { type OpenFile, openFile, readInto } from "./open-file.ts";
import { columnsOf, findColumn, type IdsType, typeOfIds } from "./parquet-columns.ts";
import { isParquet, openParquet } from "./parquet-file.ts";
import { ParquetRows } from "./parquet-rows.ts";

// Identifiers of samples, from a column of tables, as texts, or of Parquet files, as texts or 64-bit integers.

/** Identifiers of samples, one per sample: texts, or signed 64-bit integers. */
export type Ids = readonly string[] | BigInt64Array;

/** A column of sample identifiers in a file, read piece by piece. */
export interface IdsFile {
  /** Beginning of error messages about the file. */
  readonly where: string;
  readonly type: IdsType;
  /** Number of rows in the file. */
  readonly count: number;
  /**
   * Reads the identifiers of the rows from `first` up to `end` (exclusive).
   *
   * @throws LatentflowError `invalid_file` if a row has no identifier, or an integer beyond the signed 64-bit range
   */
  read(first: number, end: number): Promise<Ids>;
}

/**
 * Opens the column of sample identifiers in each of several files.
 *
 * @param column name of the column, from `--id-column`
 * @param tables tables among the files, which have been read with their identifiers
 * @throws LatentflowError if a file is neither a table nor Parquet, lacks the column, or stores identifiers of another type than the
 *   first file
 */
export async function openIdColumns(
  flag: string,
  paths: readonly string[],
  column: string,
  limits: Limits,
  tables?: ArrayFile["tables"],
): Promise<IdsFile[]> {
  const opened: IdsFile[] = [];
  for (const [i, path] of paths.entries()) {
    const where = showFile(flag, path);
    const ids = tables?.[i]?.ids;
    if (ids) {
      opened.push(idsInMemory(where, ids));
      continue;
    }
    if (isStdin(path)) throw noIds(where, column);
    const file = await openFile(where, splitArrayName(path).file);
    const beginning = new Uint8Array(4);
    await readInto(file, beginning, 0);
    if (!isParquet(beginning)) throw noIds(where, column);
    opened.push(await openIds(file, column, limits));
  }
  const [first] = opened as [IdsFile];
  const other = opened.find(({ type }) => type !== first.type);
  if (!other) return opened;
  const types = { text: "texts", integer: "whole numbers" };
  throw invalidFile(
    `${other.where}: the column ${show(column)} of identifiers has ${types[other.type]}, that of ${first.where} has ` +
      `${types[first.type]}; save them as one type`,
  );
}

/** Makes the identifiers of samples that are in memory. */
export function idsInMemory(where: string, ids: readonly string[]): IdsFile {
  const read = async (first: number, end: number) => ids.slice(first, end);
  return { where, type: "text", count: ids.length, read };
}

function noIds(where: string, column: string) {
  return invalidFile(
    `${where}: --id-column ${showName(column)} is a column of CSV and Parquet files; this is none, and its samples have no ` +
      "identifiers; leave --id-column out, or give such a file",
  );
}

/**
 * Opens the column of sample identifiers in a Parquet file.
 *
 * @param name name of the column
 * @throws LatentflowError if the column does not exist, or holds neither texts nor integers
 */
async function openIds(file: OpenFile, name: string, limits: Limits): Promise<IdsFile> {
  const { where } = file;
  const opened = await openParquet(file, limits);
  const column = findColumn(where, await columnsOf(opened), name);
  const type = typeOfIds(where, column);
  const rows = new ParquetRows(opened, [column]);
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

/** Reads `count` sample identifiers from index `first` on, where the rows of all files are numbered consecutively. */
export async function readIds(files: readonly IdsFile[], first: number, count: number): Promise<Ids> {
  const pieces: Ids[] = [];
  let before = 0;
  for (const file of files) {
    const [from, to] = [Math.max(first, before), Math.min(first + count, before + file.count)];
    if (from < to) pieces.push(await file.read(from - before, to - before));
    before += file.count;
  }
  const integers = pieces.filter((ids) => ids instanceof BigInt64Array);
  return integers.length < pieces.length
    ? (pieces as string[][]).flat()
    : BigInt64Array.from(integers.flatMap((ids) => [...ids]));
}

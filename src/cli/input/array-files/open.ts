import { stat } from "node:fs/promises";
import { invalidFile } from "../../../base/refuse.ts";
import { show, showName } from "../../../base/show.ts";
import { elementCount, showLengths } from "../../../files/array.ts";
import { fileError } from "../../../files/durable-file.ts";
import { checkSize, type Limits } from "../../../files/limits.ts";
import { splitArrayName } from "../../../files/npz.ts";
import { formatOf, longestHeader } from "../../../files/read.ts";
import { isStdin, isUrl, readArrayFile, showChoice, showFile } from "../files.ts";
import type { ArrayFile } from "./array-file.ts";
import { FlatFile } from "./flat-file.ts";
import { joinFiles } from "./joined-files.ts";
import { type OpenFile, openFile, readInto } from "./open-file.ts";
import { type IdsFile, openIds } from "./parquet-ids.ts";
import { openNumbers } from "./parquet-numbers.ts";
import { wholeFile } from "./whole-file.ts";

/** Limits on the size and duration of reading data. */
export interface DataLimits extends Limits {
  /**
   * Value of `--max-bytes`, which then also applies to files that are read piece by piece; undefined if the option is not
   * given.
   */
  readonly givenMaxBytes: number | undefined;
}

/**
 * Opens the array in a file for reading piece by piece. Gzipped and .npz files, stdin and other pipes, and column-major
 * arrays are read as a whole at once.
 *
 * @param flag option that names the file, for messages
 * @throws LatentflowError if the file cannot be read
 */
export async function openArray(flag: string, path: string, limits: DataLimits): Promise<ArrayFile> {
  const { file, array: names } = splitArrayName(path);
  if (isStdin(path) || isUrl(path)) return readWhole(flag, path, limits);
  const where = showFile(flag, path);
  const status = await stat(file).catch((cause) => {
    throw fileError(where, cause);
  });
  // A pipe cannot be read twice. A folder is refused in `readWhole`.
  if (!status.isFile()) return readWhole(flag, path, limits);
  const array = await openInParts(flag, await openFile(where, file), names, limits);
  return array ?? readWhole(flag, path, limits);
}

/** Opens the arrays of several files as one array, concatenated along the first axis. */
export async function openArrays(
  flag: string,
  paths: readonly string[],
  limits: DataLimits,
): Promise<ArrayFile> {
  const files: ArrayFile[] = [];
  // One after the other, since one may be stdin.
  for (const path of paths) files.push(await openArray(flag, path, limits));
  return joinFiles(
    paths.map((path) => showFile(flag, path)),
    files,
  );
}

/**
 * Opens the column of sample identifiers in each of several Parquet files.
 *
 * @param column name of the column, from `--id-column`
 * @throws LatentflowError if a file is not Parquet, lacks the column, or stores identifiers of another type than the
 *   first file
 */
export async function openIdColumns(
  flag: string,
  paths: readonly string[],
  column: string,
  limits: DataLimits,
): Promise<IdsFile[]> {
  const opened: IdsFile[] = [];
  for (const path of paths) {
    const where = showFile(flag, path);
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

function noIds(where: string, column: string) {
  return invalidFile(
    `${where}: --id-column ${showName(column)} is a column of Parquet files; this is none, and its samples have no ` +
      "identifiers; leave --id-column out, or give a Parquet file",
  );
}

async function readWhole(flag: string, path: string, limits: DataLimits): Promise<ArrayFile> {
  return wholeFile(await readArrayFile(flag, path, limits));
}

/** Opens the array of a file in a format that can be read piece by piece; returns undefined for other files. */
async function openInParts(
  flag: string,
  file: OpenFile,
  names: string | undefined,
  limits: DataLimits,
): Promise<ArrayFile | undefined> {
  const { where, size } = file;
  const buffer = new Uint8Array(Math.min(size, longestHeader()));
  const beginning = buffer.subarray(0, await readInto(file, buffer, 0, limits.signal));
  const format = formatOf(beginning);
  if (!format && !isParquet(beginning)) return undefined;
  if (limits.givenMaxBytes !== undefined) checkSize(where, "the file has", size, limits.givenMaxBytes);
  if (!format) return openNumbers(file, names, (name) => showChoice(flag, "FILE.parquet", name), limits);
  if (names !== undefined) return undefined;
  const header = format.readHeader(where, beginning);
  const isTransposed = header.fortran && header.shape.filter((length) => length > 1).length > 1;
  return isTransposed ? undefined : new FlatFile(file, header, limits.signal);
}

function isParquet(beginning: Uint8Array): boolean {
  return [0x50, 0x41, 0x52, 0x31].every((byte, i) => beginning[i] === byte);
}

/**
 * Splits the shape of an array into the number of samples, on the first axis, and the shape and size of one sample.
 *
 * @throws LatentflowError `invalid_file` if the array has fewer than two axes
 */
export function rowsOf(where: string, { shape }: ArrayFile) {
  const [count = 0, ...rowShape] = shape;
  if (rowShape.length > 0) return { count, shape: rowShape, size: elementCount(rowShape) };
  throw invalidFile(
    `${where}: its shape is ${showLengths(shape)}, expected an axis for the samples and at least ` +
      "one for their values; of one sample, numpy's y[None] is that",
  );
}

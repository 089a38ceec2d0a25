import { type FileMetaData, parquetMetadata, type SchemaElement } from "hyparquet";
import { LatentflowError } from "../../../base/errors.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { allocate, type Limits } from "../../../files/limits.ts";
import { type OpenFile, readInto } from "./open-file.ts";
import { Damaged, ThriftReader } from "./thrift.ts";

/** Length in bytes of a Parquet file's end: 4 for the length of the metadata before it, and 4 for the magic number. */
const TAIL = 8;
/** Maximum nesting depth of a column's schema; a list takes two levels. */
const DEEPEST = 64;

/** True if a file with this beginning may be Parquet. */
export function isParquet(beginning: Uint8Array): boolean {
  return [0x50, 0x41, 0x52, 0x31].every((byte, i) => beginning[i] === byte);
}

/** An open Parquet file. */
export interface OpenedParquet extends OpenFile {
  readonly metadata: FileMetaData;
  readonly limits: Limits;
}

/**
 * Reads the metadata of a Parquet file.
 *
 * @throws LatentflowError `invalid_file` if the file is not Parquet, is encrypted or damaged
 */
export async function openMetadata(file: OpenFile, limits: Limits): Promise<OpenedParquet> {
  const { where, size } = file;
  return reading(where, async () => {
    const tail = await readSlice(file, Math.max(0, size - TAIL), size);
    const letters = Buffer.from(tail.subarray(-4)).toString("latin1");
    if (letters === "PARE") throw new Damaged("it is encrypted, which is not read");
    if (letters !== "PAR1") throw new Damaged("it does not end as a Parquet file does; it is cut short");
    const length = new DataView(tail.buffer).getUint32(0, true);
    // The file also starts with a 4-byte magic number.
    if (length > size - TAIL - 4) {
      throw new Damaged(`its metadata have ${length} bytes, and the file ${size}`);
    }
    const footer = await readSlice(file, size - TAIL - length, size);
    new ThriftReader(footer.subarray(0, length), 0).struct();
    const metadata = parquetMetadata(footer, { geoparquet: false });
    checkDepth(metadata.schema);
    checkRows(metadata);
    return { ...file, metadata, limits };
  });
}

/**
 * Reads a file's bytes from `start` up to `end` (exclusive).
 *
 * @throws Damaged if they lie outside of the file; LatentflowError `invalid_file` if the file has become shorter
 */
export async function readSlice(file: OpenFile, start: number, end: number): Promise<Uint8Array> {
  const { where, size } = file;
  if (!(start >= 0 && end >= start && end <= size)) {
    throw new Damaged(`its metadata name the bytes ${start} to ${end}, and it has ${size}`);
  }
  const bytes = allocate(where, Uint8Array, end - start);
  if ((await readInto(file, bytes, start)) === bytes.length) return bytes;
  throw invalidFile(
    `${where}: it has become shorter than the ${size} bytes it had; it was changed while it was read`,
  );
}

/**
 * Runs `work`, which decodes a Parquet file, and returns its result.
 *
 * @throws LatentflowError `invalid_file` in place of any error of `work` that is not a LatentflowError
 */
export async function reading<T>(where: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof LatentflowError) throw cause;
    const { message } = cause as Error;
    // Other messages, from inside the decoding libraries, are left out.
    const why = cause instanceof Damaged || /^(parquet|thrift|snappy) /.test(message) ? `: ${message}` : "";
    throw invalidFile(
      `${where}: the Parquet file is damaged, or of a kind that is not read${why}; write or copy it again`,
      cause,
    );
  }
}

/**
 * Throws `Damaged` if the schema's columns are nested more than DEEPEST levels deep, too deep for recursive functions, or the
 * schema has fewer elements than its counts of children state.
 */
function checkDepth(schema: readonly SchemaElement[]): void {
  /** For each schema element on the path from the root to the current element: the number of its children still to come. */
  const left: number[] = [];
  for (const { num_children: children = 0 } of schema) {
    if (left.length > 0) left[left.length - 1]!--;
    if (children > 0) left.push(children);
    while (left.at(-1) === 0) left.pop();
    if (left.length > DEEPEST) throw new Damaged(`its columns lie more than ${DEEPEST} deep in each other`);
  }
  if (left.length > 0) throw new Damaged("its schema has fewer columns than it says");
}

/** Throws `Damaged` unless the row groups have as many rows as the file states, at most 2^53 - 1. */
function checkRows({ num_rows: rows, row_groups: groups }: FileMetaData): void {
  let sum = 0n;
  for (const { num_rows: count } of groups) {
    if (!(typeof count === "bigint" && count >= 0n)) throw new Damaged("a row group has no number of rows");
    sum += count;
  }
  if (sum !== rows) throw new Damaged(`it is to have ${rows} rows, and its row groups have ${sum}`);
  if (sum > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Damaged(`it has ${sum} rows, more than can be counted`);
}

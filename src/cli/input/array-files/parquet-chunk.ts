import {
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetScan,
  type SchemaElement,
  type SchemaTree,
} from "hyparquet";
import { invalidFile } from "../../../base/refuse.ts";
import { show } from "../../../base/show.ts";
import type { ParquetColumn } from "./parquet-columns.ts";
import { type OpenedParquet, reading, readSlice } from "./parquet-metadata.ts";
import { isKnownCodec, unpackPages } from "./parquet-pages.ts";
import { Damaged } from "./thrift.ts";

// Column chunks of Parquet files: the part of a column in one row group. A chunk is checked here, then decoded by
// hyparquet, which sees no other part of the file.

/**
 * Refuses a Parquet column if the metadata show that its chunk in some row group cannot be read.
 *
 * @returns the number of values in each row group, missing values included
 * @throws LatentflowError `invalid_file`
 */
export function checkChunks(opened: OpenedParquet, column: ParquetColumn): Promise<number[]> {
  return reading(opened.where, () =>
    opened.metadata.row_groups.map((_, i) => chunkOf(opened, column, i).values),
  );
}

/**
 * Reads the values of a column in a row group, one per row; a list becomes an array.
 *
 * @throws LatentflowError `invalid_file` if the chunk is damaged
 */
export function readChunk(
  opened: OpenedParquet,
  column: ParquetColumn,
  group: number,
): Promise<ArrayLike<unknown>> {
  const { where, metadata: file, limits } = opened;
  return reading(where, async () => {
    const { start, end, values, metadata } = chunkOf(opened, column, group);
    const bytes = await readSlice(opened, start, end);
    const { codec, type } = metadata;
    const chunk = unpackPages({
      where,
      bytes,
      codec,
      type,
      values,
      // Parquet's maximum levels: the number of repeated fields, and of optional or repeated ones, on the path.
      repetitionLevels: countOnTheWay(column.tree, (field) => field.repetition_type === "REPEATED"),
      definitionLevels: countOnTheWay(column.tree, (field) => field.repetition_type !== "REQUIRED"),
      maxBytes: limits.maxBytes,
    });
    const count = file.row_groups[group]!.num_rows;
    const all = bytes.buffer as ArrayBuffer;
    const buffer = chunk.end === bytes.length ? all : all.slice(0, chunk.end);
    const scan = await parquetScan({
      file: { byteLength: chunk.end, slice: (from, to = chunk.end) => sliceOf(buffer, from, to) },
      metadata: fileOfChunk(column, elementsOf(column, file.schema), metadata, count, chunk.end),
      columns: [column.name],
      compressors: compressorsOf(chunk.unpacked),
      parsers: { stringFromBytes: decodeText },
    });
    const rows = Number(count);
    const read = await scan.readColumn({ column: column.name, rowStart: 0, rowEnd: rows });
    if (read.length === rows) return read;
    throw new Damaged(
      `the column ${show(column.name)} has ${read.length} rows in place of ${rows} in a row group`,
    );
  });
}

/**
 * Locates a column's chunk by the file's metadata: bytes `start` up to `end` (exclusive) of the file, and its number of
 * values.
 *
 * @throws Damaged if the metadata are inconsistent, or the chunk is encrypted or in another file
 */
function chunkOf({ where, size, metadata: file }: OpenedParquet, column: ParquetColumn, group: number) {
  const { columns, num_rows: rows } = file.row_groups[group]!;
  const of = `the column ${show(column.name)} in row group ${group}`;
  const { meta_data: metadata, file_path, crypto_metadata } = columns[column.leaf] ?? {};
  if (crypto_metadata) throw new Damaged(`${of} is encrypted, which is not read`);
  if (file_path) throw new Damaged(`${of} is in another file, which is not read`);
  const { element } = column.values!;
  if (!metadata || metadata.path_in_schema[0] !== column.name || metadata.type !== element.type) {
    throw new Damaged(`${of} is not where its schema says`);
  }
  if (!isKnownCodec(metadata.codec)) throw unknownCodec(where, metadata.codec);
  const values = Number(metadata.num_values);
  const isFlat = column.values!.lists === 0;
  if (!(values >= Number(rows)) || (isFlat && values !== Number(rows))) {
    throw new Damaged(`${of} has ${metadata.num_values} values in ${rows} rows`);
  }
  const start = Number(metadata.dictionary_page_offset || metadata.data_page_offset);
  const end = start + Number(metadata.total_compressed_size);
  if (!(start >= 0 && end >= start && end <= size)) {
    throw new Damaged(`${of} is to be the bytes ${start} to ${end}, and the file has ${size}`);
  }
  return { start, end, values, metadata };
}

function unknownCodec(where: string, codec: string | undefined) {
  const isNewer = codec === "ZSTD";
  return invalidFile(
    `${where}: its pages are packed by ${codec ?? "what is not known"}, which ` +
      `${isNewer ? "Node reads since 22.15, and this is" : "is not read by Node"} ${process.version}; ` +
      `${isNewer ? "take a newer one, or " : ""}write the file with compression="snappy", say`,
  );
}

/** Counts the fields on the path to a column's values that have a property. */
function countOnTheWay(tree: SchemaTree, counts: (element: SchemaElement) => boolean): number {
  const [child] = tree.children;
  return Number(counts(tree.element)) + (child ? countOnTheWay(child, counts) : 0);
}

/** Returns the schema elements of a column. Lists are marked by `converted_type` too, as hyparquet expects. */
function elementsOf({ element, tree }: ParquetColumn, schema: readonly SchemaElement[]): SchemaElement[] {
  return schema
    .slice(element, element + tree.count)
    .map((each) => (each.logical_type?.type === "LIST" ? { ...each, converted_type: "LIST" } : each));
}

/** Makes metadata of a Parquet file that contains only this chunk, at byte 0. */
function fileOfChunk(
  { tree, name }: ParquetColumn,
  elements: readonly SchemaElement[],
  original: ColumnMetaData,
  rows: bigint,
  size: number,
): FileMetaData {
  const path: string[] = [name];
  for (let at = tree; at.children.length > 0; ) {
    at = at.children[0]!;
    path.push(at.element.name);
  }
  const place = { total_compressed_size: BigInt(size), dictionary_page_offset: 0n, data_page_offset: 0n };
  const metadata: ColumnMetaData = { ...original, ...place, path_in_schema: path };
  return {
    version: 1,
    metadata_length: 0,
    num_rows: rows,
    schema: [{ name: "schema", num_children: 1, repetition_type: "REQUIRED" }, ...elements],
    row_groups: [
      { columns: [{ file_offset: 0n, meta_data: metadata }], total_byte_size: 0n, num_rows: rows },
    ],
  };
}

function sliceOf(buffer: ArrayBuffer, from: number, to: number): ArrayBuffer {
  return from === 0 && to === buffer.byteLength ? buffer : buffer.slice(from, to);
}

/**
 * Returns decompressors for hyparquet that only hand out the pages in `unpacked`, in order: the pages were decompressed
 * before.
 */
function compressorsOf(unpacked: readonly Uint8Array[]): Compressors {
  let next = 0;
  const take = () => unpacked[next++]!;
  return { SNAPPY: take, GZIP: take, BROTLI: take, ZSTD: take };
}

// A byte order mark at the start of a text is kept.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Damaged("a text is not in UTF-8");
  }
}

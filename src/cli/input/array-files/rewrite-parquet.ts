import type { ColumnChunk, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { throwIfAborted } from "../../../base/realms.ts";
import type { ValueType } from "../../../base/values.ts";
import { elementCount } from "../../../files/array.ts";
import { type ParquetColumn, typeOfNumbers } from "./parquet-columns.ts";
import { type ParquetFile, reading } from "./parquet-file.ts";
import type { ParquetRows } from "./parquet-rows.ts";
import type { Filling, Rewritable } from "./rewritable.ts";
import { filledMask } from "./rewrite-array.ts";
import { converterTo } from "./store-value.ts";

// Writes a Parquet file again with some values replaced. A column of a row group in which nothing is replaced is copied as it is
// stored, whatever its type; the others are encoded anew.

/**
 * Makes a Parquet file rewritable.
 *
 * @param rows rows of the columns that are the samples' values
 * @param shape shape of these values, [rows, …]
 * @returns undefined if some column cannot be copied: it is encrypted, or in another file
 */
export function rewritableParquet(rows: ParquetRows, shape: readonly number[]): Rewritable | undefined {
  const chunks = rows.file.metadata.row_groups.flatMap(({ columns }) => columns);
  const isWhole = chunks.every((chunk) => chunk.meta_data && !chunk.crypto_metadata && !chunk.file_path);
  if (!isWhole) return undefined;
  return {
    kind: "a Parquet file",
    endings: [".parquet"],
    isPacked: undefined,
    rows: rows.count,
    list: filledMask(shape),
    rewrite: (fillings, onClipped) => rewrite(rows, elementCount(shape.slice(1)), fillings, onClipped),
  };
}

async function* rewrite(
  rows: ParquetRows,
  size: number,
  fillings: AsyncIterable<Filling>,
  onClipped: () => void,
): AsyncGenerator<Uint8Array> {
  const { file, columns, groups } = rows;
  const { key_value_metadata: kvMetadata, row_groups: stored } = file.metadata;
  const schema = file.metadata.schema.map(asWritten);
  const out = new ByteWriter();
  const flush = () => {
    const bytes = out.getBytes().slice();
    // Only the buffer is emptied: the offset in the file keeps counting.
    out.index = 0;
    return bytes;
  };
  const writer = new ParquetWriter({
    writer: out,
    schema,
    createdBy: "latentflow",
    ...(kvMetadata && { kvMetadata }),
  });
  /** Number of values that a row has in each of the columns. */
  const width = size / columns.length;
  const lengths = groups.map(({ count }) => count * size);
  let index = 0;
  for await (const filling of cut(fillings, lengths)) {
    const { first, count } = groups[index]!;
    const chunks: ColumnChunk[] = [];
    for (const chunk of stored[index]!.columns) {
      throwIfAborted(file.limits.signal);
      const place = columns.findIndex(({ name }) => name === chunk.meta_data!.path_in_schema[0]);
      const own = place < 0 ? undefined : columnOf(filling, place * width, width, size);
      if (own?.some((value) => !Number.isNaN(value))) {
        const column = columns[place]!;
        const convert = converterOf(file.where, column, onClipped);
        const data = replaced(await valuesOf(rows, place, first, count), column.values!.lists, own, convert);
        // Plain, since the writer's dictionary would turn -0 into 0.
        writer.write({ columnData: [{ name: column.name, data, encoding: "PLAIN" }], rowGroupSize: count });
        chunks.push(...writer.row_groups.pop()!.columns);
      } else chunks.push(await reading(file.where, () => copyChunk(file, chunk, out)));
      yield flush();
    }
    const sum = (of: "total_uncompressed_size" | "total_compressed_size") =>
      chunks.reduce((total, { meta_data }) => total + meta_data![of], 0n);
    writer.row_groups.push({
      columns: chunks,
      total_byte_size: sum("total_uncompressed_size"),
      total_compressed_size: sum("total_compressed_size"),
      num_rows: BigInt(count),
    });
    index++;
  }
  writer.num_rows = BigInt(rows.count);
  writer.finish();
  yield flush();
}

/**
 * Returns a schema element as the writer writes it rightly: of integers their older mark alone, which says the same. The writer
 * stores the width of the newer one as a number of another length than the format has, which other readers refuse.
 */
function asWritten({ logical_type: logical, ...element }: SchemaElement): SchemaElement {
  if (logical?.type !== "INTEGER") return { ...element, ...(logical && { logical_type: logical }) };
  const type = `${logical.isSigned ? "" : "U"}INT_${logical.bitWidth}` as SchemaElement["converted_type"] &
    string;
  return { ...element, converted_type: type };
}

/** Cuts values that come in pieces into pieces of the given lengths. */
async function* cut(fillings: AsyncIterable<Filling>, lengths: readonly number[]): AsyncGenerator<Filling> {
  const source = fillings[Symbol.asyncIterator]();
  let rest: Filling = new Float32Array(0);
  for (const length of lengths) {
    const piece = new Float32Array(length);
    for (let end = 0; end < length; ) {
      if (rest.length === 0) rest = (await source.next()).value;
      const part = rest.subarray(0, length - end);
      piece.set(part, end);
      end += part.length;
      rest = rest.subarray(part.length);
    }
    yield piece;
  }
}

/** Returns the values of one column, `width` of the `size` values of each row, from index `start` of a row on. */
function columnOf(filling: Filling, start: number, width: number, size: number): Filling {
  const at = (i: number) => Math.floor(i / width) * size + start + (i % width);
  return new Float32Array((filling.length / size) * width).map((_, i) => filling[at(i)]!);
}

/** Reads a column in the rows of a row group. */
async function valuesOf(rows: ParquetRows, place: number, first: number, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  await rows.each(first, first + count, (_, columns, at) => void values.push(columns[place]![at]));
  return values;
}

/** Returns values, nested in `lists` lists, with those replaced for which `filling` has a number. */
function replaced(
  values: ArrayLike<unknown>,
  lists: number,
  filling: Filling,
  convert: (value: number) => unknown,
): unknown[] {
  let next = 0;
  const replace = (value: unknown, depth: number): unknown => {
    if (depth > 0) return Array.from(value as ArrayLike<unknown>, (inner) => replace(inner, depth - 1));
    const filled = filling[next++]!;
    return Number.isNaN(filled) ? value : convert(filled);
  };
  return Array.from(values, (value) => replace(value, lists));
}

/** Returns a function that converts a number to a value of a column. */
function converterOf(
  where: string,
  column: ParquetColumn,
  onClipped: () => void,
): (value: number) => unknown {
  const type = integerType(column.values!.element) ?? typeOfNumbers(where, column);
  const convert = converterTo(type, onClipped);
  return type === "bool" ? (value) => convert(value) === 1 : convert;
}

/** Returns the type of integers that are narrower than they are stored, or have no sign. */
function integerType({ converted_type: converted, logical_type: logical }: SchemaElement) {
  if (logical?.type === "INTEGER") return `${logical.isSigned ? "" : "u"}int${logical.bitWidth}` as ValueType;
  const [, unsigned, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? "") ?? [];
  return bits === undefined ? undefined : (`${unsigned ? "u" : ""}int${bits}` as ValueType);
}

/** Copies the pages of a column in a row group. The index of its pages, and statistics, are left out. */
async function copyChunk(
  file: ParquetFile,
  { meta_data }: ColumnChunk,
  out: ByteWriter,
): Promise<ColumnChunk> {
  const {
    dictionary_page_offset: dictionary,
    data_page_offset: data,
    index_page_offset,
    statistics,
    bloom_filter_offset,
    bloom_filter_length,
    ...facts
  } = meta_data!;
  // Some writers say 0 for no dictionary.
  const hasDictionary = dictionary !== undefined && dictionary > 0n && dictionary < data;
  const start = hasDictionary ? dictionary : data;
  const moved = BigInt(out.offset) - start;
  out.appendBytes(await file.slice(Number(start), Number(start + facts.total_compressed_size)));
  return {
    file_offset: start + moved,
    meta_data: {
      ...facts,
      data_page_offset: data + moved,
      ...(hasDictionary && { dictionary_page_offset: dictionary + moved }),
    },
  };
}

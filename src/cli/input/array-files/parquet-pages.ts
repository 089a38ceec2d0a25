import * as zlib from "node:zlib";
import { type CompressionCodec, type ParquetType, snappyUncompress } from "hyparquet";
import { checkSize } from "../../../files/limits.ts";
import { Damaged, ThriftReader, type ThriftStruct } from "./thrift.ts";

// Decompresses the pages of a Parquet column chunk (the part of a column in one row group) and checks them before
// hyparquet decodes them: hyparquet trusts the sizes that pages state, so one damaged byte can make it fill the memory.

type Unpack = (bytes: Uint8Array, size: number) => Uint8Array;

interface Zstd {
  zstdDecompressSync?(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
}

const { zstdDecompressSync } = zlib as Zstd;

/** Maximum number of bytes that one byte of Snappy data can decompress to: a copy of 64 bytes is encoded in three bytes. */
const SNAPPY_RATIO = 64 / 3;

/** Options that limit zlib's output to the size of a page, in bytes. zlib refuses a limit of 0. */
const atMost = (size: number) => ({ maxOutputLength: Math.max(1, size) });

const codecs: { readonly [codec in CompressionCodec]?: Unpack } = {
  UNCOMPRESSED: (bytes) => bytes,
  SNAPPY(bytes, size) {
    if (size > SNAPPY_RATIO * bytes.length) {
      throw new Damaged(`a page has ${bytes.length} bytes of Snappy, which cannot unpack to ${size}`);
    }
    const page = new Uint8Array(size);
    snappyUncompress(bytes, page);
    return page;
  },
  GZIP: (bytes, size) => zlib.gunzipSync(bytes, atMost(size)),
  BROTLI: (bytes, size) => zlib.brotliDecompressSync(bytes, atMost(size)),
  // Zstandard is in Node since 22.15.
  ...(zstdDecompressSync && { ZSTD: (bytes, size) => zstdDecompressSync(bytes, atMost(size)) }),
};

/** True if pages of this codec can be decompressed. */
export function isKnownCodec(codec: CompressionCodec): boolean {
  return codec in codecs;
}

/** A Parquet column chunk: the part of a column in one row group. */
export interface ColumnChunk {
  /** Beginning of error messages. */
  readonly where: string;
  readonly bytes: Uint8Array;
  readonly codec: CompressionCodec;
  readonly type: ParquetType;
  /** Maximum repetition level of the values, as in Parquet's description of nested columns (Dremel). */
  readonly repetitionLevels: number;
  /** Maximum definition level of the values; below it, a value is missing. */
  readonly definitionLevels: number;
  /** Number of values according to the metadata, missing values included. */
  readonly values: number;
  /** Maximum size of all pages of the column chunk together, decompressed, in bytes. */
  readonly maxBytes: number;
}

/** Codes of page types (first line) and of encodings (second line), from parquet.thrift. */
const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3] as const;
const [PLAIN_DICTIONARY, RLE, RLE_DICTIONARY] = [2, 3, 8] as const;

// Field ids of the page header and of the structs in it, as in parquet.thrift; only those that are read.
const PAGE = { type: 1, size: 2, packedSize: 3, data: 5, dictionary: 7, dataV2: 8 } as const;
const DICTIONARY = { values: 1 } as const;
const DATA = { values: 1, encoding: 2 } as const;
const DATA_V2 = {
  values: 1,
  missing: 2,
  rows: 3,
  encoding: 4,
  definitions: 5,
  repetitions: 6,
  isPacked: 7,
} as const;

/**
 * Maximum padding that is accepted: bytes in a page of numbers beyond those of its values, as delta encoding pads blocks, and
 * values in a bit-packed run beyond the page's number of values.
 */
const SLACK = 2 ** 16;
/** Maximum number of bytes of a number with its repetition and definition levels, far more than writers need. */
const VALUE_SIZE = 16;
/** Minimum number of bytes of a value in a dictionary page, by type; a text takes at least the 4 bytes of its length. */
const SMALLEST: { readonly [type in ParquetType]: number } = {
  BOOLEAN: 1 / 8,
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
  BYTE_ARRAY: 4,
  FIXED_LEN_BYTE_ARRAY: 1,
};
/** Maximum number of bytes of a decompressed page of texts. */
const LARGEST_TEXTS = 2 ** 30;

/**
 * Decompresses the pages of a column chunk, and checks their sizes.
 *
 * @returns `end`, the offset after the last page in the chunk, in bytes; and `unpacked`, the decompressed pages in order; for a
 *   data page of version 2, only its values, and nothing if these are not compressed
 * @throws Damaged, errors of zlib, and LatentflowError `invalid_file` if the pages decompress to more than `maxBytes`
 */
export function unpackPages(chunk: ColumnChunk) {
  const { bytes, values } = chunk;
  const state: ChunkSoFar = { ...chunk, unpacked: [], hasDictionary: false };
  let offset = 0;
  let total = 0;
  for (let seen = 0; seen < values; ) {
    const reader = new ThriftReader(bytes, offset);
    const header = reader.struct();
    const size = numberIn(header, PAGE.size, 0, largestPage(chunk));
    total += size;
    checkSize(chunk.where, "the pages of a column in a row group unpack to", total, chunk.maxBytes);
    const packedSize = numberIn(header, PAGE.packedSize, 0, bytes.length - reader.offset);
    offset = reader.offset + packedSize;
    const packed = bytes.subarray(reader.offset, offset);
    const type = header.get(PAGE.type);
    if (type === DICTIONARY_PAGE) {
      if (state.hasDictionary)
        throw new Damaged("a column has several dictionaries in a row group, expected one");
      unpack(state, packed, size);
      numberIn(structIn(header, PAGE.dictionary), DICTIONARY.values, 0, size / SMALLEST[chunk.type]);
      state.hasDictionary = true;
    } else if (type === DATA_PAGE) {
      const page = unpack(state, packed, size);
      seen += checkDataPage(state, structIn(header, PAGE.data), page, values - seen);
    } else if (type === DATA_PAGE_V2) {
      seen += checkDataPageV2(state, structIn(header, PAGE.dataV2), packed, size, values - seen);
    } else {
      throw new Damaged(`it has a page of the type ${type}, which is not read`);
    }
  }
  return { end: offset, unpacked: state.unpacked };
}

/** A column chunk while its pages are decompressed. */
interface ChunkSoFar extends ColumnChunk {
  /** Decompressed pages, in order. */
  readonly unpacked: Uint8Array[];
  hasDictionary: boolean;
}

function largestPage({ type, values }: ColumnChunk): number {
  return type === "BYTE_ARRAY" ? LARGEST_TEXTS : values * VALUE_SIZE + SLACK;
}

/** Decompresses a page, and appends it to those of the chunk. */
function unpack({ codec, unpacked }: ChunkSoFar, packed: Uint8Array, size: number): Uint8Array {
  // Some writers store an empty page as no bytes at all.
  const page = size === 0 && packed.length === 0 ? packed : codecs[codec]!(packed, size);
  if (page.length !== size) throw new Damaged(`a page unpacks to ${page.length} bytes in place of ${size}`);
  unpacked.push(page);
  return page;
}

/**
 * Checks a data page of version 1 and returns its number of values.
 *
 * @param page decompressed bytes
 * @param most maximum number of values
 * @throws Damaged
 */
function checkDataPage(chunk: ChunkSoFar, header: ThriftStruct, page: Uint8Array, most: number): number {
  const count = numberIn(header, DATA.values, 0, most);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let offset = 0;
  /**
   * Checks a page's repetition or definition levels, stored as their length in bytes and then as runs. Returns how many of the
   * levels equal the maximum, `highest`.
   */
  const levels = (highest: number): number => {
    if (highest === 0) return count;
    if (offset + 4 > page.length) throw new Damaged("a page is cut short");
    const start = offset + 4;
    offset = start + view.getUint32(offset, true);
    if (offset > page.length) throw new Damaged("a page is cut short");
    return countInRuns(page.subarray(start, offset), widthOf(highest), count, highest);
  };
  levels(chunk.repetitionLevels);
  const present = levels(chunk.definitionLevels);
  checkValues(chunk, header.get(DATA.encoding), page.subarray(offset), present);
  return count;
}

/**
 * Checks a data page of version 2, in which levels are not compressed; decompresses its values. Returns the number of
 * values, at most `most`.
 *
 * @throws Damaged
 */
function checkDataPageV2(
  chunk: ChunkSoFar,
  header: ThriftStruct,
  packed: Uint8Array,
  size: number,
  most: number,
): number {
  const count = numberIn(header, DATA_V2.values, 0, most);
  const missing = numberIn(header, DATA_V2.missing, 0, count);
  numberIn(header, DATA_V2.rows, 0, count);
  const largest = Math.min(packed.length, size);
  const definitionSize = numberIn(header, DATA_V2.definitions, 0, largest);
  const levelsSize = definitionSize + numberIn(header, DATA_V2.repetitions, 0, largest - definitionSize);
  const levels = packed.subarray(0, levelsSize);
  const { repetitionLevels, definitionLevels } = chunk;
  const repetitions = levels.subarray(0, levelsSize - definitionSize);
  const definitions = levels.subarray(levelsSize - definitionSize);
  if (repetitionLevels > 0) countInRuns(repetitions, widthOf(repetitionLevels), count, repetitionLevels);
  if (definitionLevels > 0) countInRuns(definitions, widthOf(definitionLevels), count, definitionLevels);
  let values = packed.subarray(levelsSize);
  if (header.get(DATA_V2.isPacked) !== false) values = unpack(chunk, values, size - levelsSize);
  checkValues(chunk, header.get(DATA_V2.encoding), values, count - missing);
  return count;
}

/**
 * Checks the values of a data page if they are stored as runs: dictionary indices and booleans. Other encodings are
 * checked by hyparquet.
 */
function checkValues(
  { type, hasDictionary }: ChunkSoFar,
  encoding: unknown,
  bytes: Uint8Array,
  count: number,
): void {
  if (count === 0) return;
  if (encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY) {
    // Without a dictionary page, hyparquet would return the indices as values.
    if (!hasDictionary) throw new Damaged("a page has no dictionary before it");
    const width = bytes[0] ?? 0;
    if (width > 32) throw new Damaged(`a page has values of ${width} bits`);
    if (width > 0) countInRuns(bytes.subarray(1), width, count);
  }
  if (encoding !== RLE) return;
  if (type !== "BOOLEAN") throw new Damaged("a page has an encoding that its type has not");
  // The first 4 bytes are the length.
  countInRuns(bytes.subarray(4), 1, count);
}

/**
 * Checks `count` values of `width` bits in Parquet's hybrid encoding: runs of one value (RLE) and bit-packed values.
 *
 * @returns how many of the values equal `match`
 * @throws Damaged if the runs contain more values than `count`, or the bytes end too early
 */
function countInRuns(bytes: Uint8Array, width: number, count: number, match?: number): number {
  const size = Math.ceil(width / 8);
  let [seen, offset, found] = [0, 0, 0];
  while (seen < count) {
    let header = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[offset++];
      if (byte === undefined || factor > 2 ** 28) throw new Damaged("a page's runs are cut short");
      header += (byte & 127) * factor;
      if (byte < 128) break;
    }
    const length = Math.floor(header / 2);
    if (header % 2 === 0) {
      let value = 0;
      for (let i = 0; i < size; i++) value += (bytes[offset + i] ?? 0) * 256 ** i;
      offset += size;
      if (length > count - seen)
        throw new Damaged(`a page has a run of ${length} values, and ${count} in all`);
      if (value === match) found += length;
      seen += length;
    } else {
      // The last group of eight bit-packed values may be padded.
      const values = Math.min(8 * length, count - seen);
      if (8 * length > count - seen + SLACK) {
        throw new Damaged(`a page has a run of ${8 * length} values, and ${count} in all`);
      }
      const end = offset + Math.ceil((values * width) / 8);
      if (end > bytes.length) throw new Damaged("a page's runs are cut short");
      if (match !== undefined) found += countPacked(bytes, offset, width, values, match);
      seen += values;
      offset += length * width;
    }
    if (offset > bytes.length && seen < count) throw new Damaged("a page's runs are cut short");
  }
  return found;
}

/** Counts the values equal to `match` among `count` values of `width` bits, at most 8, from byte `start` on. */
function countPacked(bytes: Uint8Array, start: number, width: number, count: number, match: number): number {
  const mask = 2 ** width - 1;
  let found = 0;
  for (let i = 0, bit = 8 * start; i < count; i++, bit += width) {
    const at = bit >> 3;
    const pair = bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    if (((pair >> (bit & 7)) & mask) === match) found++;
  }
  return found;
}

/** Returns the number of bits in which Parquet stores a repetition or definition level, an integer from 0 to `highest`. */
function widthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}

function structIn(header: ThriftStruct, field: number): ThriftStruct {
  const struct = header.get(field);
  if (struct instanceof Map) return struct;
  throw new Damaged("a page has no header of its type");
}

function numberIn(header: ThriftStruct, field: number, min: number, max: number): number {
  const value = header.get(field);
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw new Damaged(`a page's header has ${value} in place of a number from ${min} to ${max}`);
}

import * as zlib from "node:zlib";
import {
  type Compressors,
  type FileMetaData,
  type ParquetScan,
  parquetMetadataAsync,
  parquetScan,
} from "hyparquet";
import { about } from "../../../base/calling.ts";
import { LatentflowError } from "../../../base/errors.ts";
import { messageOf } from "../../../base/realms.ts";
import { invalidFile } from "../../../base/refuse.ts";
import { allocate, type Limits } from "../../../files/limits.ts";
import { type OpenFile, readInto } from "./open-file.ts";

// Parquet files, decoded by hyparquet. It trusts the sizes that a file states: `ParquetRows` bounds those of the metadata.

interface Zstd {
  zstdDecompressSync?(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
}

const { zstdDecompressSync } = zlib as Zstd;

/** Decompressors of pages, besides hyparquet's own for Snappy. Zstandard is in Node since 22.15. */
const compressors: Compressors = {
  GZIP: upToSize(zlib.gunzipSync),
  BROTLI: upToSize(zlib.brotliDecompressSync),
  ...(zstdDecompressSync && { ZSTD: upToSize(zstdDecompressSync) }),
};

/** Bounds what a page is decompressed to by its size. Some writers store an empty page as no bytes at all. */
function upToSize(unpack: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array) {
  return (bytes: Uint8Array, size: number) =>
    size === 0 ? bytes.subarray(0, 0) : unpack(bytes, { maxOutputLength: size });
}

/** True if pages of this codec can be decompressed. */
export function isKnownCodec(codec: string): boolean {
  return codec === "UNCOMPRESSED" || codec === "SNAPPY" || codec in compressors;
}

// A byte order mark at the start of a text is kept.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const parsers = { stringFromBytes: (bytes: Uint8Array) => utf8.decode(bytes) };

/** True if a file with this beginning may be Parquet. */
export function isParquet(beginning: Uint8Array): boolean {
  return [0x50, 0x41, 0x52, 0x31].every((byte, i) => beginning[i] === byte);
}

/** An open Parquet file. */
export interface ParquetFile {
  /** Beginning of error messages. */
  readonly where: string;
  readonly metadata: FileMetaData;
  readonly limits: Limits;
  /** Decodes a column in a row group; keeps the last row group of each column. */
  readonly readColumn: ParquetScan["readColumn"];
  /** Returns the file's bytes from `start` up to `end` (exclusive). */
  slice(start: number, end: number): Promise<Uint8Array>;
}

/**
 * Opens a Parquet file and reads its metadata.
 *
 * @throws LatentflowError `invalid_file` if the file is not Parquet, is encrypted or damaged
 */
export async function openParquet(file: OpenFile, limits: Limits): Promise<ParquetFile> {
  const { where, size } = file;
  async function slice(start: number, end: number): Promise<Uint8Array> {
    if (!(start >= 0 && end >= start && end <= size)) {
      throw damaged(where, `its metadata name the bytes ${start} to ${end}, and it has ${size}`);
    }
    const bytes = about(where, () => allocate(Uint8Array, end - start));
    if ((await readInto(file, bytes, start)) === bytes.length) return bytes;
    throw invalidFile(
      `${where}: it has become shorter than the ${size} bytes it had; it was changed while it was read`,
    );
  }
  const buffer = {
    byteLength: size,
    slice: async (start: number, end = size) => (await slice(start, end)).buffer as ArrayBuffer,
  };
  return reading(where, async () => {
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    // Newer writers mark lists by the logical type alone, and hyparquet expects the older mark.
    for (const element of metadata.schema) {
      if (element.logical_type?.type === "LIST") element.converted_type = "LIST";
    }
    const { readColumn } = await parquetScan({ file: buffer, metadata, compressors, parsers });
    return { where, metadata, limits, readColumn, slice };
  });
}

/** Makes the error for a Parquet file that is damaged, or of an unsupported kind. */
export function damaged(where: string, why: string, cause?: unknown): LatentflowError {
  const what = "the Parquet file is damaged, or of a kind that is not read";
  return invalidFile(`${where}: ${what}: ${why}; write or copy it again`, cause);
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
    throw cause instanceof LatentflowError ? cause : damaged(where, messageOf(cause), cause);
  }
}

import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { inTurns } from "../../../base/event-loop.ts";
import { throwIfAborted } from "../../../base/realms.ts";
import type { ArrayFormat } from "../../../files/array.ts";
import { gunzip, gunzipWithin, isGzip } from "../../../files/gzip.ts";
import type { Limits } from "../../../files/limits.ts";
import { npyFormat } from "../../../files/npy.ts";
import { findArray } from "../../../files/npz.ts";
import { ARRAY_FORMATS, longestHeader } from "../../../files/read.ts";
import { isZip, unpackEntry, type ZipEntry } from "../../../files/zip.ts";
import type { Rewritable } from "./rewritable.ts";
import { type ArrayBytes, filledMask, rewritableArray, rewriteArray } from "./rewrite-array.ts";

// Writes arrays again that were read as a whole: of .npz files, gzipped files, stdin, and in column-major order. The file's bytes
// are kept as they came, and unpacked once more when they are needed.

/** Largest size in bytes that a zip file without zip64 fields can state. */
const MOST_ZIPPED = 2 ** 32 - 1;

/**
 * Makes an array rewritable that was read from the bytes of a whole file.
 *
 * @param array name of the array in a .npz file; undefined for the only one
 * @returns undefined for an array of a .npz file that is too large to be written to one
 */
export async function rewritableWhole(
  bytes: Uint8Array,
  array: string | undefined,
  shape: readonly number[],
  limits: Limits,
): Promise<Rewritable | undefined> {
  if (isZip(bytes)) {
    const entry = findArray(bytes, array);
    return entry.size <= MOST_ZIPPED ? rewritableNpz(entry, shape, limits) : undefined;
  }
  const isPacked = isGzip(bytes);
  const beginning = isPacked ? await inTurns(gunzip(bytes, longestHeader()), limits.signal) : bytes;
  const format = ARRAY_FORMATS.find((each) => each.recognises(beginning))!;
  return rewritableArray(format, shape, isPacked, async () => {
    const unpacked = isPacked ? await inTurns(gunzipWithin(bytes, limits.maxBytes), limits.signal) : bytes;
    return bytesOf(unpacked, format);
  });
}

function bytesOf(bytes: Uint8Array, format: ArrayFormat): ArrayBytes {
  const read = async (start: number, end: number) => bytes.subarray(start, end);
  return { header: format.readHeader(bytes), size: bytes.length, read };
}

/** Makes an array of a .npz file rewritable: a .npz file of this array alone, under its name. */
function rewritableNpz(entry: ZipEntry, shape: readonly number[], limits: Limits): Rewritable {
  return {
    kind: "a .npz file",
    endings: [".npz"],
    isPacked: undefined,
    rows: shape[0] ?? 0,
    list: filledMask(shape),
    async *rewrite(fillings, onClipped) {
      const { maxBytes, signal } = limits;
      const unpacked = await inTurns(unpackEntry(entry, maxBytes), signal);
      const array = rewriteArray(bytesOf(unpacked, npyFormat), fillings, onClipped);
      yield* zipped(entry, await joined(array, entry.size), signal);
    },
  };
}

async function joined(pieces: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let end = 0;
  for await (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** Number of bytes packed at once: some tens of milliseconds of work. */
const PIECE = 2 ** 20;

/** Returns the bytes of a zip file of one entry, packed if the given one is. */
async function* zipped(
  { name, method }: ZipEntry,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const made: Uint8Array[] = [];
  const zip = new Zip((error, piece) => {
    if (error) throw error;
    made.push(piece);
  });
  const file = method === 0 ? new ZipPassThrough(name) : new ZipDeflate(name);
  // The earliest time of zip files: the same input has the same bytes at any time.
  file.mtime = new Date(1980, 0, 1);
  zip.add(file);
  for (let start = 0; start < bytes.length; start += PIECE) {
    throwIfAborted(signal);
    const end = start + PIECE;
    file.push(bytes.subarray(start, end), end >= bytes.length);
    yield* made.splice(0);
  }
  zip.end();
  yield* made;
}

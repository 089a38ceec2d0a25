import { Inflate } from "fflate";
import { about, aboutSteps } from "../base/calling.ts";
import { checksum } from "../base/checksum.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { checkSum } from "./gzip.ts";
import { checkSize } from "./limits.ts";
import { unpack } from "./unpack.ts";

// A zip file, all numbers little-endian. It is read from its end: entries are those of the directory. fflate's own reader
// verifies no checksums.
//
//   for each entry   a local header (PK 3 4): 30 bytes, the name, an extra field; then the packed bytes
//   the directory    for each entry a record (PK 1 2): 46 bytes, the name, an extra field, a comment
//   zip64            where something is too large for what follows: PK 6 6, and PK 6 7, which says where that is
//   the end          PK 5 6: 22 bytes, which say where the directory is, and a comment

/** Entry of a zip file: one packed file. */
export interface ZipEntry {
  readonly name: string;
  /** Compression method: 0 for none, 8 for deflate. */
  readonly method: number;
  readonly isEncrypted: boolean;
  /** CRC-32 of the unpacked bytes. */
  readonly sum: number;
  /** Size in bytes after unpacking. */
  readonly size: number;
  /** Packed bytes; fewer than the directory states if the file is cut short. */
  readonly packed: Uint8Array;
}

const LOCAL = 0x04034b50;
const RECORD = 0x02014b50;
const END = 0x06054b50;
const LOCATOR64 = 0x07064b50;

/** Maximum number of entries that are read: files of arrays have few. */
const MOST_ENTRIES = 10_000;

/** Value of a size or offset field that means that the number is in the zip64 field instead. */
const SEE_ZIP64 = 0xffffffff;

/** True for bytes that begin with the magic number of zip files. */
export function isZip(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return false;
  // An empty zip file consists of its end record.
  return (bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6);
}

/**
 * Returns the entries of a zip file, in the order of its directory.
 *
 * @throws LatentflowError `invalid_file` if the directory is damaged or missing
 */
export function readZip(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const entries: ZipEntry[] = [];
    let [count, at] = findDirectory(view);
    if (count > MOST_ENTRIES) throw new RangeError(`${count} entries, more than ${MOST_ENTRIES}`);
    for (; count > 0; count--) {
      const { entry, next } = readRecord(view, bytes, at);
      entries.push(entry);
      at = next;
    }
    return entries;
  } catch (cause) {
    // A RangeError if the directory leads beyond the file.
    const what = "its directory is damaged or missing; the file is cut short, or no zip file";
    throw invalidFile(`zip: ${what}`, cause);
  }
}

/**
 * Unpacks an entry of a zip file.
 *
 * @throws LatentflowError `invalid_file` if the entry is damaged or encrypted, unpacks to more than `maxBytes`, or has a
 *   method other than none and deflate
 */
export function* unpackEntry(entry: ZipEntry, maxBytes: number): Pausable<Uint8Array> {
  const { name, method, isEncrypted, size } = entry;
  const what = `zip: the entry ${show(name)}`;
  if (isEncrypted) throw invalidFile(`${what} is encrypted; save it without a password`);
  if (method !== 0 && method !== 8) {
    throw invalidFile(
      `${what} is packed by method ${method}, expected 8 (deflate) or 0 (none); save it with numpy.savez or ` +
        "numpy.savez_compressed",
    );
  }
  about(what, () => checkSize("unpacks to", size, maxBytes));
  return yield* aboutSteps(what, unpackContent(entry));
}

function* unpackContent({ method, packed, size, sum: expected }: ZipEntry): Pausable<Uint8Array> {
  const unpacked = method === 0 ? packed : yield* unpack(new Inflate(), packed, size);
  let sum = 0;
  for (let start = 0; start < unpacked.length; start += 2 ** 20) {
    sum = checksum(unpacked.subarray(start, start + 2 ** 20), sum);
    yield;
  }
  checkSum(sum, expected);
  return unpacked;
}

/** Returns the number of entries, and the offset of the directory. */
function findDirectory(view: DataView): [count: number, start: number] {
  let end = view.byteLength - 22;
  // A comment of up to 64 kB may follow.
  const earliest = end - 0xffff;
  while (end > earliest && view.getUint32(end, true) !== END) end--;
  if (end < 20 || view.getUint32(end - 20, true) !== LOCATOR64) {
    return [view.getUint16(end + 10, true), view.getUint32(end + 16, true)];
  }
  const end64 = readUint64(view, end - 12);
  return [readUint64(view, end64 + 32), readUint64(view, end64 + 48)];
}

/** Reads an unsigned 64-bit integer: exact up to 2^53; a larger one exceeds every file anyway. */
function readUint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function readRecord(view: DataView, bytes: Uint8Array, at: number): { entry: ZipEntry; next: number } {
  const field = (offset: number) => view.getUint16(at + offset, true);
  const extra = at + 46 + field(28);
  const extraEnd = extra + field(30);
  const [size, packedSize, local] = readSizes(view, at, extra, extraEnd);
  if (view.getUint32(at, true) !== RECORD || view.getUint32(local, true) !== LOCAL) {
    throw new RangeError(`no record of an entry at ${at}, or no entry at ${local}`);
  }
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const entry = {
    // A copy, since TextDecoder refuses shared memory. Most names are ASCII, which is UTF-8.
    name: new TextDecoder().decode(bytes.slice(at + 46, extra)),
    method: field(10),
    isEncrypted: (field(8) & 1) !== 0,
    sum: view.getUint32(at + 16, true),
    size,
    packed: bytes.subarray(start, start + packedSize),
  };
  return { entry, next: extraEnd + field(32) };
}

/**
 * Returns the unpacked size, the packed size, and the offset of the local header, from the directory's record at `at`, or
 * from the zip64 field between `extra` and `extraEnd`.
 */
function readSizes(view: DataView, at: number, extra: number, extraEnd: number): [number, number, number] {
  const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  for (let field = extra; field + 4 <= extraEnd; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let next = field + 4;
    for (const [i, size] of sizes.entries()) {
      if (size !== SEE_ZIP64) continue;
      sizes[i] = readUint64(view, next);
      next += 8;
    }
  }
  return sizes as [number, number, number];
}

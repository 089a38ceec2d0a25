import { checksum } from "../base/checksum.ts";
import type { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { checkSum, inflate, largestRatio } from "./gzip.ts";
import { checkSize } from "./limits.ts";

// A zip file, all numbers little-endian. It is read from its end: entries are those of the directory.
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
  /** Size in bytes as packed in the file. */
  readonly packedSize: number;
  /** Size in bytes after unpacking. */
  readonly size: number;
  /** Offset in the file of the entry's local header. */
  readonly header: number;
  /** Offset in the file of the entry's packed bytes. */
  readonly start: number;
}

const LOCAL = 0x04034b50;
const RECORD = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;

/** Maximum number of entries that are read: files of arrays have few. */
const MOST_ENTRIES = 10_000;

/** Value of a size or offset field that means that the number is in the zip64 field instead. */
const SEE_ZIP64 = 0xffffffff;

const methods: ReadonlyMap<number, string> = new Map([
  [9, "Deflate64"],
  [12, "bzip2"],
  [14, "LZMA"],
  [93, "Zstandard"],
  [95, "xz"],
]);

/** True for bytes that begin with the magic number of zip files. */
export function isZip(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return false;
  // An empty zip file consists of its end record.
  return (bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6);
}

/** Zip file that is being read: its bytes, and the function that makes its errors. */
interface Zip {
  readonly view: DataView;
  readonly refuse: (problem: string) => LatentflowError;
}

/**
 * Returns the entries of a zip file, in the order of its directory.
 *
 * @throws LatentflowError `invalid_file` if it is damaged or cut short, has an empty or duplicate name, or could be
 *   understood differently by different readers
 */
export function readZip(where: string, bytes: Uint8Array): ZipEntry[] {
  const refuse = (problem: string) => invalidFile(`${where}: zip: ${problem}`);
  const zip = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), refuse };
  const directory = findDirectory(zip);
  const { count, start, end } = directory;
  if (count > MOST_ENTRIES) throw refuse(`${count} entries, expected at most ${MOST_ENTRIES}`);
  const entries = new Map<string, ZipEntry>();
  let at = start;
  for (let index = 0; index < count; index++) {
    const { entry, next } = readRecord(zip, at, directory);
    if (entries.has(entry.name))
      throw refuse(`the entry ${show(entry.name)} is there twice, expected each name once`);
    entries.set(entry.name, entry);
    at = next;
  }
  if (at !== end)
    throw refuse(`the directory's ${count} entries end at ${at}, expected ${end}; it is damaged`);
  const inOrder = [...entries.values()].sort((a, b) => a.header - b.header);
  for (const [index, entry] of inOrder.entries()) {
    const before = inOrder[index - 1];
    if (before && before.start + before.packedSize > entry.header) {
      throw refuse(`the entries ${show(before.name)} and ${show(entry.name)} overlap; it is damaged`);
    }
  }
  return [...entries.values()];
}

/**
 * Unpacks an entry of a zip file.
 *
 * @param file name of the file, for messages
 * @param bytes the whole zip file
 * @throws LatentflowError `invalid_file` if the entry is damaged or encrypted, unpacks to more than `maxBytes`, or has a
 *   method other than none and deflate
 */
export function* unpackEntry(
  file: string,
  bytes: Uint8Array,
  entry: ZipEntry,
  maxBytes: number,
): Pausable<Uint8Array> {
  const { name, method, size, sum, start, packedSize } = entry;
  const where = `${file}: zip: the entry ${show(name)}`;
  if (entry.isEncrypted) throw invalidFile(`${where} is encrypted; save it without a password`);
  if (method !== 0 && method !== 8) {
    throw invalidFile(
      `${where} is packed by ${methods.get(method) ?? `method ${method}`}, expected deflate or nothing; save it ` +
        "with numpy.savez or numpy.savez_compressed",
    );
  }
  const impossible = method === 0 ? size !== packedSize : size > packedSize * largestRatio;
  if (impossible) {
    throw invalidFile(`${where} has ${packedSize} bytes, which cannot unpack to ${size}; it is damaged`);
  }
  checkSize(where, "unpacks to", size, maxBytes);
  const packed = bytes.subarray(start, start + packedSize);
  if (method === 0) yield* checkStored(where, packed, sum);
  return method === 0 ? packed : yield* inflate(where, packed, { size, sum });
}

type Directory = ReturnType<typeof findDirectory>;

function findDirectory(zip: Zip) {
  const { view, refuse } = zip;
  const end = findEnd(zip);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  const disks = view.getUint16(end + 4, true) + view.getUint16(end + 6, true);
  const hasLocator = end >= 20 && view.getUint32(end - 20, true) === LOCATOR64;
  const found = hasLocator ? readEnd64(zip, end - 20) : { count, start, size, at: end, disks };
  if (found.disks !== 0) throw refuse("it is one of several parts, expected a whole file");
  if (found.start + found.size !== found.at) {
    throw refuse(
      `its directory of ${found.size} bytes at ${found.start} does not reach its end at ${found.at}; it is ` +
        "damaged, cut short, or has something before or after it",
    );
  }
  return { count: found.count, start: found.start, end: found.at };
}

function findEnd({ view, refuse }: Zip): number {
  // The end record is recognised by its comment, which must end exactly at the end of the file.
  const earliest = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= earliest; at--) {
    if (view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === view.byteLength) {
      return at;
    }
  }
  throw refuse("its directory is missing; the file is cut short or damaged");
}

function readEnd64({ view, refuse }: Zip, locator: number) {
  const at = readUint64(view, locator + 8);
  if (at + 56 > locator || view.getUint32(at, true) !== END64) throw refuse("its zip64 directory is damaged");
  return {
    at,
    count: readUint64(view, at + 32),
    size: readUint64(view, at + 40),
    start: readUint64(view, at + 48),
    disks: view.getUint32(at + 16, true) + view.getUint32(at + 20, true),
  };
}

/** Reads an unsigned 64-bit integer: exact up to 2^53; a larger one exceeds every file anyway. */
function readUint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function readRecord(zip: Zip, at: number, directory: Directory): { entry: ZipEntry; next: number } {
  const { view, refuse } = zip;
  if (at + 46 > directory.end || view.getUint32(at, true) !== RECORD) {
    throw refuse(`its directory is damaged at ${at}`);
  }
  const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number];
  const [nameLength, extraLength, commentLength] = lengths;
  const extra = at + 46 + nameLength;
  const next = extra + extraLength + commentLength;
  if (next > directory.end) throw refuse(`its directory is damaged at ${at}`);

  const nameBytes = bytesAt(view, at + 46, nameLength);
  const name = readName(zip, nameBytes);
  const [size, packedSize, local] = readSizes(zip, at, extra, extraLength, name);
  const headerEnd = local + 30 + nameLength;
  const agrees =
    headerEnd <= directory.start &&
    view.getUint32(local, true) === LOCAL &&
    view.getUint16(local + 8, true) === view.getUint16(at + 10, true) &&
    view.getUint16(local + 26, true) === nameLength &&
    bytesAt(view, local + 30, nameLength).every((byte, i) => byte === nameBytes[i]);
  if (!agrees) throw refuse(`the entry ${show(name)} has a header that does not agree with the directory`);
  const start = headerEnd + view.getUint16(local + 28, true);
  if (start + packedSize > directory.start) {
    throw refuse(`the entry ${show(name)} reaches into the directory; it is damaged or cut short`);
  }
  const isEncrypted = (view.getUint16(at + 8, true) & 1) !== 0;
  const method = view.getUint16(at + 10, true);
  const sum = view.getUint32(at + 16, true);
  return { entry: { name, method, isEncrypted, sum, packedSize, size, header: local, start }, next };
}

function bytesAt(view: DataView, start: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, length);
}

function readName({ refuse }: Zip, bytes: Uint8Array): string {
  let name: string;
  try {
    // A copy, since TextDecoder refuses shared memory. Most names are ASCII, which is UTF-8.
    name = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    throw refuse("an entry's name is not UTF-8; save it under another");
  }
  if (name === "" || /\p{Cc}/u.test(name)) {
    throw refuse(`an entry's name is ${show(name)}, expected one without control characters`);
  }
  return name;
}

/**
 * Returns the unpacked size, the packed size, and the offset of the local header, from the directory's record or its zip64
 * field.
 */
function readSizes(
  { view, refuse }: Zip,
  at: number,
  extra: number,
  extraLength: number,
  name: string,
): [size: number, packedSize: number, local: number] {
  const sizes = [24, 20, 42].map((field) => view.getUint32(at + field, true)) as [number, number, number];
  if (!sizes.includes(SEE_ZIP64)) return sizes;
  for (let field = extra; field + 4 <= extra + extraLength; ) {
    const end = field + 4 + view.getUint16(field + 2, true);
    if (end > extra + extraLength) break;
    if (view.getUint16(field, true) === 1) {
      let next = field + 4;
      const wide = sizes.map((size) => {
        if (size !== SEE_ZIP64) return size;
        next += 8;
        return next <= end ? readUint64(view, next - 8) : Number.NaN;
      });
      if (!wide.some(Number.isNaN)) return wide as [number, number, number];
    }
    field = end;
  }
  throw refuse(`the entry ${show(name)} has no size; it is damaged`);
}

function* checkStored(where: string, bytes: Uint8Array, expected: number): Pausable<void> {
  let sum = 0;
  for (let start = 0; start < bytes.length; start += 2 ** 20) {
    sum = checksum(bytes.subarray(start, start + 2 ** 20), sum);
    yield;
  }
  checkSum(where, sum, expected);
}

import { Gunzip, Inflate } from "fflate";
import { checksum, showChecksum } from "../base/checksum.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { allocate, checkSize } from "./limits.ts";

/** Maximum number of bytes that one byte of deflate data unpacks to: 2 bits encode at most 258 bytes. */
export const largestRatio = 1032;

/**
 * Number of packed bytes passed to the decompressor in the first piece. Each later piece is sized to unpack to about 1 MB by
 * the ratio at which the piece before it unpacked, since a piece's unpacked size is only known afterwards.
 */
const FIRST_PIECE = 2 ** 8;
/** Maximum number of packed bytes passed to the decompressor at once; they unpack to at most 4 MB, in at most 20 ms. */
const LONGEST_PIECE = 2 ** 12;
/** Number of unpacked bytes for which each piece that is passed to the decompressor is sized. */
const WANTED_OUTPUT = 2 ** 20;

/**
 * Maximum number of gzip members in a file: an empty member of 20 bytes takes as long to unpack as one of 100 kB, the size
 * that bgzip writes.
 */
const MOST_MEMBERS = 2 ** 16;

/** True for bytes that begin with gzip's magic number. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks at most `maxSize` bytes from the beginning of a gzip file of one or more members, so that the caller bounds the
 * memory. Verifies the checksum of each member that ends within the unpacked bytes.
 *
 * @param where beginning of error messages
 * @throws LatentflowError `invalid_file` if the file is damaged or cut short within the part that is unpacked
 */
export function* gunzipPrefix(where: string, bytes: Uint8Array, maxSize: number): Pausable<Uint8Array> {
  const trailers = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  let members = 0;
  /** Verifies the checksum of the gzip member that ends at offset `end` of the file. */
  const checkMember = (end: number) => {
    if (++members > MOST_MEMBERS) throw invalidFile(`${where}: more than ${MOST_MEMBERS} gzip files in one`);
    const expected = end >= 18 ? trailers.getUint32(end - 8, true) : 0;
    if (end < 18 || expected !== sum) {
      const sums = `its checksum is ${showChecksum(sum)}, expected ${showChecksum(expected)}`;
      throw invalidFile(`${where}: the file is damaged or cut short: ${sums}`);
    }
    sum = 0;
  };
  const gunzip = new Gunzip();
  gunzip.onmember = checkMember;
  const { unpacked, isWhole } = yield* push(where, gunzip, bytes, maxSize, (piece) => {
    sum = checksum(piece, sum);
  });
  if (isWhole) checkMember(bytes.length);
  return unpacked;
}

/**
 * Unpacks a gzip file to the size that the header of its content states, and one byte more to detect further content.
 *
 * @param headerSize size in bytes of the longest possible header of the content
 * @param promisedSize returns the size of the whole content from its first `headerSize` bytes
 * @param maxBytes maximum size of the content, in bytes
 * @throws LatentflowError `invalid_file` if the file is damaged, or its header states more than the file can unpack to or
 *   than `maxBytes`
 */
export function* unpackGzip(
  where: string,
  bytes: Uint8Array,
  headerSize: number,
  promisedSize: (beginning: Uint8Array) => number,
  maxBytes: number,
): Pausable<Uint8Array> {
  const size = promisedSize(yield* gunzipPrefix(where, bytes, headerSize));
  if (size > bytes.length * largestRatio) {
    throw invalidFile(
      `${where}: the header promises ${size} bytes, more than ${bytes.length} bytes of gzip can hold; the file is ` +
        "cut short or damaged",
    );
  }
  checkSize(where, "it unpacks to", size, maxBytes);
  return yield* gunzipPrefix(where, bytes, size + 1);
}

/**
 * Unpacks deflated bytes of known size and CRC-32.
 *
 * @param size unpacked size; the caller has checked that it is within limits and possible for `bytes`
 * @throws LatentflowError `invalid_file` if size or checksum differ, or the bytes are damaged
 */
export function* inflate(
  where: string,
  bytes: Uint8Array,
  { size, sum: expected }: { size: number; sum: number },
): Pausable<Uint8Array> {
  let sum = 0;
  const { unpacked, isWhole } = yield* push(where, new Inflate(), bytes, size, (piece) => {
    sum = checksum(piece, sum);
  });
  if (!isWhole || unpacked.length < size) {
    throw invalidFile(`${where}: it unpacks to another size than ${size} bytes`);
  }
  checkSum(where, sum, expected);
  return unpacked;
}

/** Throws `invalid_file` unless the checksum of bytes equals the one that their file states. */
export function checkSum(where: string, sum: number, expected: number): void {
  if (sum === expected) return;
  throw invalidFile(
    `${where}: its checksum is ${showChecksum(sum)}, expected ${showChecksum(expected)}; it is damaged`,
  );
}

/**
 * Passes `bytes` to a decompressor piece by piece until `maxSize` bytes are unpacked. Returns the unpacked bytes, and
 * `isWhole`: true if `bytes` unpack to at most `maxSize` bytes. Calls `add` with each unpacked piece.
 */
function* push(
  where: string,
  stream: Gunzip | Inflate,
  bytes: Uint8Array,
  maxSize: number,
  add: (piece: Uint8Array) => void,
): Pausable<{ unpacked: Uint8Array; isWhole: boolean }> {
  const unpacked = allocate(where, Uint8Array, maxSize);
  let size = 0;
  stream.ondata = (piece) => {
    add(piece);
    // May be called several times for one piece, also after `unpacked` is full.
    if (size <= maxSize) unpacked.set(piece.subarray(0, maxSize - size), size);
    size += piece.length;
  };
  let end = 0;
  let piece = FIRST_PIECE;
  while (end < bytes.length && size <= maxSize) {
    const [start, before] = [end, size];
    end = Math.min(start + piece, bytes.length);
    try {
      stream.push(bytes.subarray(start, end), end === bytes.length);
    } catch (cause) {
      // An error of the decompressor, or of `checkMember`, which it calls.
      if (cause instanceof LatentflowError) throw cause;
      throw invalidFile(`${where}: the file is damaged or cut short`, cause);
    }
    const ratio = Math.max(1, (size - before) / piece);
    piece = Math.min(Math.ceil(WANTED_OUTPUT / ratio), LONGEST_PIECE);
    yield;
  }
  return {
    unpacked: unpacked.subarray(0, Math.min(size, maxSize)),
    isWhole: end === bytes.length && size <= maxSize,
  };
}

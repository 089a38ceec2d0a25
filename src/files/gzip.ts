import { Gunzip, Inflate } from "fflate";
import { checksum, showChecksum } from "../base/checksum.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { allocate, checkSize } from "./limits.ts";

/** Most bytes that one packed byte of deflate unpacks to: at most 258 bytes are encoded in 2 bits. */
export const largestRatio = 1032;

/**
 * Number of packed bytes passed to the decompressor at first. Later pieces aim at 1 MB of unpacked bytes, and at most 4 MB
 * or 20 ms, since the unpacked size of a piece is known only afterwards.
 */
const FIRST_PIECE = 2 ** 8;
const LONGEST_PIECE = 2 ** 12;
const WANTED_OUTPUT = 2 ** 20;

/** Most gzip members in a file: an empty member of 20 bytes takes as long as one of 100 kB, the size that bgzip writes. */
const MOST_MEMBERS = 2 ** 16;

/** Tests for gzip's magic number. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks the first `maxSize` bytes of a gzip file of one or more members, so that the caller bounds the memory. The
 * checksum of each member that ends within them is checked.
 *
 * @param where what messages begin with
 * @throws LatentflowError `invalid_file` when the file is damaged or cut short before that
 */
export function* gunzipPrefix(where: string, bytes: Uint8Array, maxSize: number): Pausable<Uint8Array> {
  const trailers = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  let members = 0;
  /** Checks the checksum of the gzip member that ends at `end`. */
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
 * Unpacks a gzip file to the size that the header of its content states, and one byte more to see that it ends there.
 *
 * @param headerSize as much as the longest header takes
 * @param promisedSize the size of the whole content, from its beginning
 * @throws LatentflowError `invalid_file` when it is damaged, or promises more than it can hold or than `maxBytes`
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
 * Unpacks deflated bytes of known size and checksum.
 *
 * @param size has been found to be neither beyond a limit nor more than `bytes` can hold
 * @throws LatentflowError `invalid_file` when they are damaged or something else
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

/** Refuses bytes whose checksum is another one than their file states. */
export function checkSum(where: string, sum: number, expected: number): void {
  if (sum === expected) return;
  throw invalidFile(
    `${where}: its checksum is ${showChecksum(sum)}, expected ${showChecksum(expected)}; it is damaged`,
  );
}

/** Unpacks packed `bytes` up to `maxSize` unpacked ones; `isWhole` if nothing follows. */
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
    // One piece may call this several times, also after `unpacked` is full.
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
      // The decompressor's own error, or that of `checkMember`, which it calls.
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

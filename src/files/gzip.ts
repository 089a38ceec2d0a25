import { Gunzip } from "fflate";
import { checksum, showChecksum } from "../base/checksum.ts";
import type { Pausable } from "../base/event-loop.ts";
import { option, words } from "../base/message.ts";
import { invalidFile } from "../base/refuse.ts";
import { damagedFile, unpack } from "./unpack.ts";

/** Size in bytes of the shortest gzip file: a header of 10 bytes, and a trailer of 8. */
const SHORTEST = 18;

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
 * Unpacks a gzip file of one or more members until more than `most` bytes have come out, and verifies the checksums of the
 * members up to there.
 *
 * @returns the unpacked bytes: all, or more than `most`
 * @throws LatentflowError `invalid_file` if the file is damaged or cut short
 */
export function* gunzip(bytes: Uint8Array, most: number): Pausable<Uint8Array> {
  if (bytes.length < SHORTEST) throw damagedFile(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [sum, members] = [0, 0];
  const stream = new Gunzip();
  /** Verifies the checksum of the member that ends at offset `end` of the file. */
  stream.onmember = (end) => {
    if (++members > MOST_MEMBERS) throw invalidFile(`more than ${MOST_MEMBERS} gzip files in one`);
    checkSum(sum, view.getUint32(end - 8, true));
    sum = 0;
  };
  const unpacked = yield* unpack(stream, bytes, most, (part) => {
    sum = checksum(part, sum);
  });
  if (unpacked.length <= most) stream.onmember(bytes.length);
  return unpacked;
}

/**
 * Unpacks a gzip file of one or more members.
 *
 * @throws LatentflowError `invalid_file` if it is damaged or cut short, or unpacks to more than `maxBytes`
 */
export function* gunzipWithin(bytes: Uint8Array, maxBytes: number): Pausable<Uint8Array> {
  const unpacked = yield* gunzip(bytes, maxBytes);
  if (unpacked.length <= maxBytes) return unpacked;
  const limit = option("maxBytes");
  throw invalidFile(
    words`it unpacks to more than ${limit}, ${maxBytes} bytes; give a larger ${limit} to read it`,
  );
}

/** Throws `invalid_file` unless the checksum of unpacked bytes equals the one that their file states. */
export function checkSum(sum: number, expected: number): void {
  if (sum === expected) return;
  throw damagedFile(`its checksum is ${showChecksum(sum)}, expected ${showChecksum(expected)}`);
}

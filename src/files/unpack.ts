import type { Gunzip, Inflate, Unzlib } from "fflate";
import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { join } from "./limits.ts";

// Unpacks by fflate: a browser's DecompressionStream refuses gzip files of several members.

/** Number of packed bytes passed to the decompressor at once: of the first piece, and at most; these unpack to 4 MB at most. */
const PIECE = { first: 2 ** 8, most: 2 ** 12 };
/** Number of bytes that a piece is to unpack to, by the ratio of those before it: some milliseconds of work. */
const OUTPUT = 2 ** 20;

/** Makes the `invalid_file` error for a packed file that is damaged. */
export function damagedFile(why: string, cause?: unknown): LatentflowError {
  return invalidFile(`the file is damaged or cut short: ${why}`, cause);
}

/**
 * Passes packed bytes to a decompressor piece by piece, until more than `most` bytes have come out, so that no file makes it
 * unpack much more.
 *
 * @param take gets each unpacked part
 * @returns the unpacked bytes: all, or more than `most`
 * @throws LatentflowError `invalid_file` if the packed bytes are damaged or cut short
 */
export function* unpack(
  stream: Gunzip | Inflate | Unzlib,
  packed: Uint8Array,
  most: number,
  take?: (part: Uint8Array) => void,
): Pausable<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  stream.ondata = (part) => {
    take?.(part);
    parts.push(part);
    size += part.length;
  };
  let piece = PIECE.first;
  for (let start = 0; start < packed.length && size <= most; ) {
    const end = start + piece;
    try {
      stream.push(packed.subarray(start, end), end >= packed.length);
    } catch (cause) {
      // An error of the decompressor, or of its caller's checksums.
      if (cause instanceof LatentflowError) throw cause;
      throw damagedFile("it cannot be unpacked", cause);
    }
    start = end;
    piece = Math.min(PIECE.most, Math.ceil((OUTPUT * end) / size));
    yield;
  }
  return yield* join(parts, size);
}

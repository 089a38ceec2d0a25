import type { Gunzip, Inflate, Unzlib } from "fflate";
import { LatentflowError } from "../base/errors.ts";
import type { Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { join } from "./limits.ts";

// Unpacks by fflate: a browser's DecompressionStream refuses gzip files of several members.

/** Number of packed bytes passed to the decompressor at once; they unpack to at most 4 MB, in at most 20 ms. */
const PIECE = 2 ** 12;

/** Makes the `invalid_file` error for a packed file that is damaged. */
export function damagedFile(where: string, why: string, cause?: unknown): LatentflowError {
  return invalidFile(`${where}: the file is damaged or cut short: ${why}`, cause);
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
  where: string,
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
  for (let start = 0; start < packed.length && size <= most; start += PIECE) {
    try {
      stream.push(packed.subarray(start, start + PIECE), start + PIECE >= packed.length);
    } catch (cause) {
      // An error of the decompressor, or of its caller's checksums.
      if (cause instanceof LatentflowError) throw cause;
      throw damagedFile(where, "it cannot be unpacked", cause);
    }
    yield;
  }
  return yield* join(where, parts, size);
}

import { invalidFile } from "../check.ts";
import { recognise } from "../file-kind.ts";
import { onGiven, STANDARD_MAX_BYTES } from "../source.ts";
import { inTurns, type Work } from "../turns.ts";
import type { DataArray } from "./array.ts";
import { isGzip, unpackGzip } from "./gzip.ts";
import { isIdx, longestIdxHeader, parseIdx, promisedIdxSize } from "./idx.ts";
import { isNpy, longestNpyHeader, parseNpy, promisedNpySize } from "./npy.ts";
import { type ArrayChoice, parseNpz } from "./npz.ts";
import { isZip } from "./zip.ts";

/** How an array is read. */
export interface ArrayOptions {
  /** What messages begin with. Default "readArray". */
  readonly where?: string;
  /** Its name, where the file is a .npz. Default: the only one there is. */
  readonly array?: string | undefined;
  /** How to say which, for a message. Default: by the option `array`. */
  readonly choice?: ArrayChoice | undefined;
  /** The most memory for it, unpacked. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads an IDX file, a .npy file, either of them gzipped, or a .npz file, told apart by how they begin.
 *
 * @param bytes the whole file
 * @throws LatentflowError `invalid_file` when it is none of them, which it names where it can, or cannot be read
 */
export function readArray(bytes: Uint8Array, options: ArrayOptions = {}): Promise<DataArray> {
  const { where = "readArray", maxBytes = STANDARD_MAX_BYTES, signal } = options;
  return inTurns(onGiven(where, bytes, parseArray(where, bytes, options, maxBytes)), signal);
}

function* parseArray(
  where: string,
  bytes: Uint8Array,
  { array, choice }: ArrayOptions,
  maxBytes: number,
): Work<DataArray> {
  if (isZip(bytes) && recognise(bytes)?.asData === undefined)
    return yield* parseNpz(where, bytes, array, maxBytes, choice);
  const promisedSize = (beginning: Uint8Array) => promisedArraySize(where, beginning);
  const unpacked = isGzip(bytes)
    ? yield* unpackGzip(
        `${where}: gzip`,
        bytes,
        Math.max(longestNpyHeader, longestIdxHeader),
        promisedSize,
        maxBytes,
      )
    : bytes;
  const problem = problemOf(unpacked);
  if (problem) throw invalidFile(`${where}: ${problem}`);
  if (array !== undefined) {
    throw invalidFile(`${where}: the file holds one array, without a name; a name is for .npz files`);
  }
  return isNpy(unpacked)
    ? yield* parseNpy(where, unpacked, maxBytes)
    : yield* parseIdx(where, unpacked, maxBytes);
}

function promisedArraySize(where: string, beginning: Uint8Array): number {
  const problem = problemOf(beginning);
  if (problem) throw invalidFile(`${where}: gzip: within is ${problem}`);
  return isNpy(beginning) ? promisedNpySize(where, beginning) : promisedIdxSize(where, beginning);
}

/** Why bytes are no array; undefined where they may be one. */
function problemOf(bytes: Uint8Array): string | undefined {
  if (isNpy(bytes) || isIdx(bytes)) return undefined;
  const kind = recognise(bytes);
  if (kind?.asData) return `${kind.name}; ${kind.asData}`;
  return (
    "neither an IDX file (it would begin with 00 00, or 1f 8b when gzipped) nor a .npy file (93 4e 55 4d 50 59) " +
    "nor a .npz file (50 4b)"
  );
}

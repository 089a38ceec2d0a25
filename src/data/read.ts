import { recognise } from "../file-kind.ts";
import { onGiven, STANDARD_MAX_BYTES } from "../source.ts";
import { inTurns, type Work } from "../turns.ts";
import { type DataArray, invalidFile } from "./array.ts";
import { isGzip, unpackGzip } from "./gzip.ts";
import { isIdx, longestIdxHeader, parseIdx, promisedIdxSize } from "./idx.ts";
import { isNpy, longestNpyHeader, parseNpy, promisedNpySize } from "./npy.ts";
import { parseNpz } from "./npz.ts";
import { isZip } from "./zip.ts";

/** How an array is read. */
export interface ArrayOptions {
  /** Its name, where the file is a .npz. Default: the only one there is. */
  readonly array?: string | undefined;
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
  const { array, maxBytes = STANDARD_MAX_BYTES, signal } = options;
  return inTurns(onGiven("readArray", bytes, parseArray(bytes, array, maxBytes)), signal);
}

function* parseArray(bytes: Uint8Array, array: string | undefined, maxBytes: number): Work<DataArray> {
  if (isZip(bytes) && recognise(bytes)?.asData === undefined) return yield* parseNpz(bytes, array, maxBytes);
  const unpacked = isGzip(bytes)
    ? yield* unpackGzip("gzip", bytes, Math.max(longestNpyHeader, longestIdxHeader), promisedSize, maxBytes)
    : bytes;
  const problem = problemOf(unpacked);
  if (problem) throw invalidFile(problem);
  if (array !== undefined) {
    throw invalidFile("the file holds one array, without a name; a name is for .npz files");
  }
  return isNpy(unpacked) ? yield* parseNpy(unpacked, maxBytes) : yield* parseIdx(unpacked, maxBytes);
}

function promisedSize(beginning: Uint8Array): number {
  const problem = problemOf(beginning);
  if (problem) throw invalidFile(`gzip: within is ${problem}`);
  return isNpy(beginning) ? promisedNpySize(beginning) : promisedIdxSize(beginning);
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

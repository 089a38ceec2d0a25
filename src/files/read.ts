import { aboutSteps } from "../base/calling.ts";
import { inTurns, type Pausable } from "../base/event-loop.ts";
import { invalidFile } from "../base/refuse.ts";
import { alternatives } from "../base/show.ts";
import { type ArrayFormat, type DataArray, parseArray } from "./array.ts";
import { recognise, savedAsArray, showStart } from "./file-kind.ts";
import { gunzip, gunzipWithin, isGzip } from "./gzip.ts";
import { idxFormat } from "./idx.ts";
import { STANDARD_MAX_BYTES } from "./limits.ts";
import { npyFormat } from "./npy.ts";
import { type ArrayChoice, parseNpz } from "./npz.ts";
import { whileUnchanged } from "./source.ts";
import { isZip } from "./zip.ts";

/** Formats for one array, which may be gzipped; ordered, the first match wins. */
export const ARRAY_FORMATS: readonly ArrayFormat[] = [idxFormat, npyFormat];

/**
 * Returns the size in bytes of the longest header of all formats. A function, so that bundlers omit it from programs that
 * load no files.
 */
export function longestHeader(): number {
  return Math.max(...ARRAY_FORMATS.map((format) => format.longestHeader));
}

/** Options of `readArray`. */
export interface ArrayOptions {
  /** Name of the array in a .npz file. Default: the only one. */
  readonly array?: string | undefined;
  /** Returns, for error messages, how the caller selects an array of a .npz file by its name. Default: `array: "NAME"`. */
  readonly choice?: ArrayChoice | undefined;
  /** Maximum memory of the unpacked array, in bytes. Default 2^30. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the array in a file of one of `ARRAY_FORMATS`, gzipped or not, or in a .npz file. Their first bytes tell which.
 *
 * @param bytes the whole file
 * @throws LatentflowError `invalid_file` if it is of another kind (named in the message if it is known) or cannot be read;
 *   `invalid_argument` if a .npz file has several arrays and none is named
 */
export function readArray(bytes: Uint8Array, options: ArrayOptions = {}): Promise<DataArray> {
  const { maxBytes = STANDARD_MAX_BYTES, signal } = options;
  return inTurns(whileUnchanged(bytes, parseAny(bytes, options, maxBytes)), signal);
}

function* parseAny(
  bytes: Uint8Array,
  { array, choice }: ArrayOptions,
  maxBytes: number,
): Pausable<DataArray> {
  if (isZip(bytes) && recognise(bytes)?.asData === undefined)
    return yield* parseNpz(bytes, array, maxBytes, choice);
  const unpacked = isGzip(bytes) ? yield* unpackArray(bytes, maxBytes) : bytes;
  const format = formatOf(unpacked);
  if (!format) throw invalidFile(problemOf(unpacked));
  if (array !== undefined) {
    throw invalidFile("the file holds one array, without a name; a name is for .npz files");
  }
  return yield* parseArray(format, unpacked, maxBytes);
}

function unpackArray(bytes: Uint8Array, maxBytes: number): Pausable<Uint8Array> {
  return aboutSteps("gzip", unpackedArray(bytes, maxBytes));
}

function* unpackedArray(bytes: Uint8Array, maxBytes: number): Pausable<Uint8Array> {
  // A file of another kind, however long, is refused by its beginning.
  const beginning = yield* gunzip(bytes, longestHeader());
  if (!formatOf(beginning)) throw invalidFile(`within, ${problemOf(beginning)}`);
  return beginning.length <= Math.min(longestHeader(), maxBytes)
    ? beginning
    : yield* gunzipWithin(bytes, maxBytes);
}

/** Returns the format of a file from its first `longestHeader()` bytes or more, or the whole file; undefined if unknown. */
function formatOf(bytes: Uint8Array): ArrayFormat | undefined {
  return ARRAY_FORMATS.find((format) => format.recognises(bytes));
}

/** Returns, for the error message, the reason why bytes hold no array. */
function problemOf(bytes: Uint8Array): string {
  const kind = recognise(bytes);
  if (kind?.asData) return `it is ${kind.name}; ${kind.asData}`;
  const expected = alternatives([...ARRAY_FORMATS.map(({ name }) => name), "a .npz file"]);
  return `it begins with ${showStart(bytes)}, expected ${expected}; ${savedAsArray}`;
}

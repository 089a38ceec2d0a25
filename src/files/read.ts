import { invalidFile } from "../base/check.ts";
import { inTurns, type Pausable } from "../base/event-loop.ts";
import type { DataArray } from "./array.ts";
import { recognise } from "./file-kind.ts";
import { isGzip, unpackGzip } from "./gzip.ts";
import { isIdx, longestIdxHeader, parseIdx, promisedIdxSize } from "./idx.ts";
import { STANDARD_MAX_BYTES } from "./limits.ts";
import { isNpy, longestNpyHeader, parseNpy, promisedNpySize } from "./npy.ts";
import { type ArrayChoice, parseNpz } from "./npz.ts";
import { whileUnchanged } from "./source.ts";
import { isZip } from "./zip.ts";

/** A format of one array, whose header says how large it is. */
interface Format {
  /** Name of the format, and its first bytes, for messages. */
  readonly name: string;
  readonly beginning: string;
  recognises(bytes: Uint8Array): boolean;
  /** Most bytes of a header. */
  readonly longestHeader: number;
  /** Returns the size of the whole file by its header. */
  promisedSize(where: string, beginning: Uint8Array): number;
  parse(where: string, bytes: Uint8Array, maxBytes: number): Pausable<DataArray>;
}

/** The formats that are read, gzipped or not. */
const FORMATS: readonly Format[] = [
  {
    name: "an IDX file",
    beginning: "00 00",
    recognises: isIdx,
    longestHeader: longestIdxHeader,
    promisedSize: promisedIdxSize,
    parse: parseIdx,
  },
  {
    name: "a .npy file",
    beginning: "93 4e 55 4d 50 59",
    recognises: isNpy,
    longestHeader: longestNpyHeader,
    promisedSize: promisedNpySize,
    parse: parseNpy,
  },
];

/** Options of readArray. */
export interface ArrayOptions {
  /** Beginning of messages. Default "readArray". */
  readonly where?: string;
  /** Name of the array in a .npz file. Default: the only one. */
  readonly array?: string | undefined;
  /** Formats the way to choose an array, for messages. Default: by the option `array`. */
  readonly choice?: ArrayChoice | undefined;
  /** Most memory for the array, unpacked. */
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
  return inTurns(whileUnchanged(where, bytes, parseArray(where, bytes, options, maxBytes)), signal);
}

function* parseArray(
  where: string,
  bytes: Uint8Array,
  { array, choice }: ArrayOptions,
  maxBytes: number,
): Pausable<DataArray> {
  if (isZip(bytes) && recognise(bytes)?.asData === undefined)
    return yield* parseNpz(where, bytes, array, maxBytes, choice);
  const unpacked = isGzip(bytes) ? yield* unpackArray(where, bytes, maxBytes) : bytes;
  const format = formatOf(unpacked);
  if (!format) throw invalidFile(`${where}: ${problemOf(unpacked)}`);
  if (array !== undefined) {
    throw invalidFile(`${where}: the file holds one array, without a name; a name is for .npz files`);
  }
  return yield* format.parse(where, unpacked, maxBytes);
}

function unpackArray(where: string, bytes: Uint8Array, maxBytes: number): Pausable<Uint8Array> {
  const longestHeader = Math.max(...FORMATS.map((format) => format.longestHeader));
  const promisedSize = (beginning: Uint8Array) => {
    const format = formatOf(beginning);
    if (!format) throw invalidFile(`${where}: gzip: within is ${problemOf(beginning)}`);
    return format.promisedSize(where, beginning);
  };
  return unpackGzip(`${where}: gzip`, bytes, longestHeader, promisedSize, maxBytes);
}

function formatOf(bytes: Uint8Array): Format | undefined {
  return FORMATS.find((format) => format.recognises(bytes));
}

/** Explains why bytes hold no array. */
function problemOf(bytes: Uint8Array): string {
  const kind = recognise(bytes);
  if (kind?.asData) return `${kind.name}; ${kind.asData}`;
  const [first, ...others] = FORMATS.map(({ name, beginning }) => ({ name, beginning }));
  return (
    `neither ${first!.name} (it would begin with ${first!.beginning}, or 1f 8b when gzipped) ` +
    `${others.map(({ name, beginning }) => `nor ${name} (${beginning}) `).join("")}nor a .npz file (50 4b)`
  );
}

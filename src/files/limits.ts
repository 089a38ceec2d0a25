import { checkNumber, checkSignal } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { inTurns, makeTurns, type Pausable } from "../base/event-loop.ts";
import { option, words } from "../base/message.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { invalidFile } from "../base/refuse.ts";

// Bounds on reading files: their size, their unpacked size, and the memory of their values.

/** Options of all functions that read files. */
export interface ReadingOptions {
  /**
   * Maximum size in bytes of a file, and of its values in memory: a file of a megabyte can unpack to a gigabyte. For bytes
   * that are passed in, only the unpacked values are bounded. Default: 2^30, 1 GiB.
   */
  maxBytes?: number | undefined;
  /** Stops reading; the promise then rejects with the abort signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/** Reading options, checked and completed. */
export interface Limits {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Default of `maxBytes`, 1 GiB. */
export const STANDARD_MAX_BYTES = 2 ** 30;

/** Names of the reading options, for `checkOptions`. */
export const readingOptions = { maxBytes: true, signal: true } as const;

/**
 * Checks reading options and fills in the default.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkReading({ maxBytes, signal }: ReadingOptions): Limits {
  checkSignal(signal);
  if (maxBytes !== undefined) checkNumber("maxBytes", maxBytes, { min: 1, integer: true });
  return { maxBytes: maxBytes ?? STANDARD_MAX_BYTES, signal };
}

/**
 * Throws if a size is above `maxBytes`.
 *
 * @param what beginning of the message, such as "the file has"
 * @param size size in bytes; may be too large to be exact
 * @throws LatentflowError `invalid_file`
 */
export function checkSize(what: string, size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  const cure = Number.isSafeInteger(size) ? words`; to read it give ${option("maxBytes", size)}` : "";
  throw invalidFile(words`${what} ${size} bytes, more than ${option("maxBytes")}, ${maxBytes}${cure}`);
}

/**
 * Allocates a typed array of `length` values.
 *
 * @param Type class of the array
 * @throws LatentflowError `out_of_memory`
 */
export function allocate<T>(Type: { new (length: number): T; name: string }, length: number): T {
  try {
    return new Type(length);
  } catch (cause) {
    throw new LatentflowError("out_of_memory", `there is no memory for ${length} values (${Type.name})`, {
      cause,
    });
  }
}

/**
 * Collects the chunks of a file into one array.
 *
 * @throws LatentflowError `invalid_file` as soon as they exceed `maxBytes`; `out_of_memory`; the abort signal's reason after
 *   an abort
 */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: Limits,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const turn = makeTurns();
  for await (const chunk of chunks) {
    throwIfAborted(signal);
    size += chunk.length;
    if (size > maxBytes) {
      throw invalidFile(
        words`the file has more than ${option("maxBytes")}, ${maxBytes} bytes; give a larger ${option("maxBytes")} to read it`,
      );
    }
    parts.push(chunk);
    await turn();
  }
  return inTurns(join(parts, size), signal);
}

/**
 * Joins parts of `size` bytes in all to one array.
 *
 * @throws LatentflowError `out_of_memory`
 */
export function* join(parts: readonly Uint8Array[], size: number): Pausable<Uint8Array> {
  const joined = allocate(Uint8Array, size);
  let filled = 0;
  for (const part of parts) {
    joined.set(part, filled);
    filled += part.length;
    yield;
  }
  return joined;
}

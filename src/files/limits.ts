import { checkNumber, checkSignal } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { inTurns, makeTurns, type Pausable } from "../base/event-loop.ts";
import { option } from "../base/message.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { throwIfAborted } from "../base/realms.ts";
import { invalidFile } from "../base/refuse.ts";

// Bounds on what is read: a file's size, what it unpacks to, and the memory of its values.

/** Options of all functions that read files. */
export interface ReadingOptions {
  /**
   * The most bytes that a file may have, and that its values may take in memory: a file of a megabyte can unpack to a
   * gigabyte. Bytes that are passed in are bounded only in what they unpack to. Default: 2^30, 1 GiB.
   */
  maxBytes?: number | undefined;
  /** Stops the reading; the promise then rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/** Checked reading options. */
export interface Limits {
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** The default of `maxBytes`. */
export const STANDARD_MAX_BYTES = 2 ** 30;

/** Names of the reading options. */
export const readingOptions = { maxBytes: true, signal: true } as const;

/**
 * Checks reading options.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkReading(where: string, { maxBytes, signal }: ReadingOptions): Limits {
  checkSignal(where, signal);
  if (maxBytes !== undefined) checkNumber(where, "maxBytes", maxBytes, { min: 1, integer: true });
  return { maxBytes: maxBytes ?? STANDARD_MAX_BYTES, signal };
}

/**
 * Refuses a size above `maxBytes`.
 *
 * @param what beginning of the message: "the file has", say
 * @param size in bytes; may be too large to be exact
 * @throws LatentflowError `invalid_file`
 */
export function checkSize(where: string, what: string, size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  const cure = Number.isSafeInteger(size) ? `, to read it give ${option("maxBytes", size)}` : "";
  throw invalidFile(`${where}: ${what} ${size} bytes, more than ${option("maxBytes")}, ${maxBytes}${cure}`);
}

/**
 * Allocates an array of values.
 *
 * @throws LatentflowError `out_of_memory`
 */
export function allocate<T>(
  where: string,
  Type: { new (length: number): T; name: string },
  length: number,
): T {
  try {
    return new Type(length);
  } catch (cause) {
    throw new LatentflowError(
      "out_of_memory",
      `${where}: there is no memory for ${length} values (${Type.name})`,
      { cause },
    );
  }
}

/**
 * Joins chunks as they arrive, as long as they stay within the limits.
 *
 * @throws LatentflowError `invalid_file`
 */
export async function collect(
  where: string,
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
        `${where}: the file has more than ${option("maxBytes")}, ${maxBytes} bytes; give a larger ${option("maxBytes")} to read it`,
      );
    }
    parts.push(chunk);
    await turn();
  }
  return inTurns(join(where, parts, size), signal);
}

function* join(where: string, parts: readonly Uint8Array[], size: number): Pausable<Uint8Array> {
  const joined = allocate(where, Uint8Array, size);
  let filled = 0;
  for (const part of parts) {
    joined.set(part, filled);
    filled += part.length;
    yield;
  }
  return joined;
}

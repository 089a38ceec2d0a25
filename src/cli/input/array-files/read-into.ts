import type { FileHandle } from "node:fs/promises";
import { throwIfAborted } from "../../../base/realms.ts";
import { fileError } from "../../../files/durable-file.ts";

/** Bytes that are read between two checks of the signal. */
const PIECE = 2 ** 24;

/**
 * Fills `bytes` from byte `position` of a file on.
 *
 * @param where beginning of messages
 * @returns number of bytes read: fewer than asked for at the end of the file
 * @throws LatentflowError on an error of the system, or the signal's reason once it aborts
 */
export async function readInto(
  where: string,
  handle: FileHandle,
  bytes: Uint8Array,
  position: number,
  signal?: AbortSignal,
): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    throwIfAborted(signal);
    const length = Math.min(PIECE, bytes.length - filled);
    const { bytesRead } = await handle.read(bytes, filled, length, position + filled).catch((cause) => {
      throw fileError(where, cause);
    });
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

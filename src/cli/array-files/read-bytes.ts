import type { FileHandle } from "node:fs/promises";
import { throwIfAborted } from "../../brand.ts";
import { fileError } from "../../durable-file.ts";

/** So many bytes are read at once, between two looks at the signal. */
const PIECE = 2 ** 24;

/** Fills `bytes` from a place in a file on; returns how many there were. */
export async function readBytes(
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

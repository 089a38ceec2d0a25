import { type FileHandle, open } from "node:fs/promises";
import { throwIfAborted } from "../../../base/realms.ts";
import { fileError } from "../../../files/durable-file.ts";

/** A file that is read in parts until the command ends. */
export interface OpenFile {
  /** Beginning of messages. */
  readonly where: string;
  readonly handle: FileHandle;
  /** Bytes at opening. */
  readonly size: number;
  /** Time of the last change at opening, in nanoseconds. */
  readonly written: bigint;
}

/** Files that the command has opened. */
const opened = new Set<FileHandle>();

/** Opens a file. @param where beginning of messages */
export async function openFile(where: string, path: string): Promise<OpenFile> {
  const handle = await open(path).catch((cause) => {
    throw fileError(where, cause);
  });
  opened.add(handle);
  const { size, mtimeNs: written } = await handle.stat({ bigint: true });
  return { where, handle, size: Number(size), written };
}

/** Closes all files of the command. */
export async function closeFiles(): Promise<void> {
  for (const handle of opened) await handle.close();
  opened.clear();
}

/** Bytes that are read between two checks of the signal. */
const PIECE = 2 ** 24;

/**
 * Fills `bytes` from byte `position` of a file on.
 *
 * @returns number of bytes read: fewer than asked for at the end of the file
 * @throws LatentflowError on an error of the system, or the signal's reason once it aborts
 */
export async function readInto(
  { where, handle }: OpenFile,
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

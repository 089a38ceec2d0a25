import type { FileHandle } from "node:fs/promises";
import { throwIfAborted } from "../../../base/realms.ts";
import { fileError } from "../../../files/durable-file.ts";
import { openAtOnce } from "../../../files/local-file.ts";
import { systemPath } from "../file-names.ts";

/** A file that is read piece by piece and stays open until the command ends. */
export interface OpenFile {
  /** Beginning of error messages about the file. */
  readonly where: string;
  readonly handle: FileHandle;
  /** Size in bytes when the file was opened. */
  readonly size: number;
  /** Modification time when the file was opened, in nanoseconds since 1970. */
  readonly written: bigint;
}

/** Files opened by the command and not closed yet. */
const opened = new Set<FileHandle>();

/**
 * Opens a file for reading.
 *
 * @param where beginning of error messages
 * @throws LatentflowError if the file cannot be opened
 */
export async function openFile(where: string, path: string): Promise<OpenFile> {
  const handle = await openAtOnce(systemPath(path)).catch((cause) => {
    throw fileError(where, cause);
  });
  opened.add(handle);
  const { size, mtimeNs: written } = await handle.stat({ bigint: true });
  return { where, handle, size: Number(size), written };
}

/** Closes a file before the command ends. */
export async function closeFile({ handle }: OpenFile): Promise<void> {
  opened.delete(handle);
  await handle.close();
}

/** Closes all files that `openFile` opened. */
export async function closeFiles(): Promise<void> {
  for (const handle of opened) await handle.close();
  opened.clear();
}

/** Number of bytes read between two checks of the abort signal. */
const PIECE = 2 ** 24;

/**
 * Fills `bytes` with the contents of a file from byte `position` on.
 *
 * @returns the number of bytes read, less than `bytes.length` only if the file ends before
 * @throws LatentflowError if the file cannot be read, or the abort signal's reason once it aborts
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

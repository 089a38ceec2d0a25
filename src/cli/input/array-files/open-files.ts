import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../../files/durable-file.ts";

/** Files that the command has opened, to be read until it ends. */
const opened = new Set<FileHandle>();

/**
 * Opens a file to be read until the command ends.
 *
 * @param where beginning of messages
 */
export async function openFile(where: string, path: string): Promise<FileHandle> {
  const handle = await open(path).catch((cause) => {
    throw fileError(where, cause);
  });
  opened.add(handle);
  return handle;
}

/** Closes all files of the command. */
export async function closeFiles(): Promise<void> {
  for (const handle of opened) await handle.close();
  opened.clear();
}

import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../../files/durable-file.ts";

/** The files that the command has opened. They are read until it ends, and there are as many as it was given. */
const opened = new Set<FileHandle>();

/**
 * Opens a file to be read until the command ends.
 *
 * @param where what messages begin with
 */
export async function openFile(where: string, path: string): Promise<FileHandle> {
  const handle = await open(path).catch((cause) => {
    throw fileError(where, cause);
  });
  opened.add(handle);
  return handle;
}

/** Closes all of them: whatever has ended the command. */
export async function closeFiles(): Promise<void> {
  for (const handle of opened) await handle.close();
  opened.clear();
}

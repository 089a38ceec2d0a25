import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { codeOf, messageOf } from "../base/realms.ts";

// Files are written beside their place, brought to the disk and renamed into it: whenever the process is killed, and
// whatever the disk says, there is the old file, the new one or none, never a part of one.

/** Node's modules for files; undefined where there are none. */
export function fileModules() {
  const fileSystem = builtinModule("node:fs/promises");
  const path = builtinModule("node:path");
  const os = builtinModule("node:os");
  return fileSystem && path && os ? { fileSystem, path, os } : undefined;
}

type FileSystem = typeof import("node:fs/promises");

/**
 * Writes a file that is not in its place yet, and waits until it is on the disk. What may be there is removed first,
 * not written over: a process that has stood still in the middle of writing it goes on in a file without a name. A
 * file that cannot be written as a whole is removed.
 */
export async function writeSynced(
  fileSystem: FileSystem,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await fileSystem.unlink(path).catch((cause) => {
    if (codeOf(cause) !== "ENOENT") throw cause;
  });
  const handle = await fileSystem.open(path, "wx");
  try {
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await fileSystem.unlink(path).catch(() => {});
    throw error;
  }
}

/** Makes renamings in a folder last. Not every system can: Windows opens no folders. */
export async function syncFolder(fileSystem: FileSystem, folder: string): Promise<void> {
  const handle = await fileSystem.open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EISDIR: "it is a folder, expected a file",
  ENOTDIR: "a part of the path is a file, expected a folder",
  EEXIST: "it is a file, expected a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "it would be larger than a file may be here",
  ELOOP: "its symbolic links go in a circle",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open; let the process open more (ulimit -n), or give fewer, larger files",
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
};

/** Why the system refuses, in words, if it is for a common reason. */
export function reasonOf(cause: unknown): string | undefined {
  return reasons[codeOf(cause) ?? ""];
}

/**
 * What went wrong with a file, in words.
 *
 * @param what could not be done: `cannot write FILE`
 */
export function fileError(what: string, cause: unknown): LatentflowError {
  const code = codeOf(cause);
  const reason = reasonOf(cause) ?? messageOf(cause);
  return new LatentflowError(code === "ENOENT" ? "not_found" : "invalid_file", `${what}: ${reason}`, {
    cause,
  });
}

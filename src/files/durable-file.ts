import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { codeOf, messageOf } from "../base/realms.ts";

// Files are written beside their place, synced to the disk and renamed. Whenever the process is killed or the disk fails,
// the place has the old file, the new one or none, never a part of one.

/** Returns Node's modules for files; undefined where there are none. */
export function fileModules() {
  const fileSystem = builtinModule("node:fs/promises");
  const path = builtinModule("node:path");
  const os = builtinModule("node:os");
  return fileSystem && path && os ? { fileSystem, path, os } : undefined;
}

type FileSystem = typeof import("node:fs/promises");

/**
 * Writes a file, to be renamed afterwards, and brings it to the disk. A file of that name is removed first, not
 * written over: another process that is still writing it goes on in a file without a name. On failure the file is
 * removed.
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

/** Brings renamings in a folder to the disk. No-op on systems, such as Windows, that open no folders. */
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

/** Returns the reason of a file system's error in words, if it is a common one. */
export function reasonOf(cause: unknown): string | undefined {
  return reasons[codeOf(cause) ?? ""];
}

/**
 * Makes the error of a file that cannot be read or written.
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

import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { codeOf, messageOf } from "../base/realms.ts";
import { invalidFile } from "../base/refuse.ts";
import { showPath } from "../base/show.ts";

// Files are written under a temporary name in the same folder, synced to the disk and renamed. If the process is killed or the
// disk fails, the path has the old file, the new one or none, never a part of one.

type FileSystem = typeof import("node:fs/promises");

type Stats = import("node:fs").Stats;

/** Path of a file that no later `process.chdir` changes. */
export interface ResolvedPath {
  /** Absolute path. */
  readonly file: string;
  /** Formats `file`, or a path that begins with it, for a message: as the caller gave it. */
  readonly shown: (path: string) => string;
}

/**
 * Resolves a path once, so that a later `process.chdir` does not move the file. In Node alone.
 *
 * @param given path of a file, as the caller passed it
 */
export function resolveOnce(given: string): ResolvedPath {
  const file = builtinModule("node:path")!.resolve(given);
  return { file, shown: (path: string) => showPath(given + path.slice(file.length)) };
}

/**
 * Writes a file, which the caller renames afterwards, and syncs it to the disk. An existing file of that name is removed
 * first, not overwritten: a process still writing it continues in the unlinked file. On failure the new file is removed.
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

/** Syncs a folder, and so renames in it, to the disk. No-op on systems, such as Windows, that cannot open folders. */
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
  ENXIO: "it is a socket or a device that is not there, expected a file",
  EMFILE: "too many files are open; let the process open more (ulimit -n), or give fewer, larger files",
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
};

/**
 * Throws unless a status is that of a regular file. Reading a named pipe would wait for ever, and a device may have no end.
 *
 * @throws LatentflowError `invalid_file`
 */
export function checkIsFile(status: Stats): void {
  if (status.isFile()) return;
  const kinds = {
    "a folder": status.isDirectory(),
    "a named pipe": status.isFIFO(),
    "a socket": status.isSocket(),
  };
  const [kind] = Object.entries(kinds).find(([, isOne]) => isOne) ?? ["a device"];
  throw invalidFile(`it is ${kind}, expected a file`);
}

/** Returns the reason of a file system's error in words; undefined for an uncommon one. */
export function reasonOf(cause: unknown): string | undefined {
  return reasons[codeOf(cause) ?? ""];
}

/**
 * Makes the error for a file that cannot be read or written: `not_found` if it does not exist, else `invalid_file`.
 *
 * @param what failed action, such as `cannot write FILE`
 * @param cause error of the file system
 */
export function fileError(what: string, cause: unknown): LatentflowError {
  const code = codeOf(cause);
  const reason = reasonOf(cause) ?? messageOf(cause);
  return new LatentflowError(code === "ENOENT" ? "not_found" : "invalid_file", `${what}: ${reason}`, {
    cause,
  });
}

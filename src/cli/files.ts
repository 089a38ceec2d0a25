import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import type { DataArray } from "../data/array.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { readArray } from "../data/read.ts";
import { LatentflowError } from "../errors.ts";

/** Reads an IDX, gzipped IDX or .npy file; errors name the file. */
export async function readArrayFile(path: string): Promise<DataArray> {
  return readWith(readArray, path);
}

/** Reads such a file as a data set, whose bytes stay bytes; errors name the file. */
export async function readDatasetFile(path: string): Promise<Dataset> {
  return readWith(readDataset, path);
}

async function readWith<T>(parse: (bytes: Uint8Array) => Promise<T>, path: string): Promise<T> {
  const bytes = await readFile(path).catch((cause) => {
    throw fileError("read", path, cause);
  });
  try {
    return await parse(bytes);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw new LatentflowError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

/** Makes a folder for output, and those around it, unless it is there. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause) => {
    throw fileError("make the folder", path, cause);
  });
}

/** Writes a file, over what may be there; returns its path. */
export async function writeOutput(
  folder: string,
  name: string,
  content: string | Uint8Array,
): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content).catch((cause) => {
    throw fileError("write", path, cause);
  });
  return path;
}

/** Removes a file from a folder of output, if it is there. */
export async function removeOutput(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  await rm(path, { force: true }).catch((cause) => {
    throw fileError("replace", path, cause);
  });
}

/** A path as people would type it: from the current folder when it lies below. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
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
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
};

/** What went wrong with a file, in words. */
export function fileError(action: string, path: string, cause: NodeJS.ErrnoException): LatentflowError {
  const reason = reasons[cause.code ?? ""] ?? cause.message;
  const code = cause.code === "ENOENT" ? "not_found" : "invalid_file";
  return new LatentflowError(code, `cannot ${action} ${path}: ${reason}`, { cause });
}

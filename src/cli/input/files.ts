import { open, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { LatentflowError } from "../../base/errors.ts";
import { onAbort } from "../../base/on-abort.ts";
import { throwIfAborted } from "../../base/realms.ts";
import { invalid } from "../../base/refuse.ts";
import { show, showPath } from "../../base/show.ts";
import type { DataArray } from "../../files/array.ts";
import { fileError } from "../../files/durable-file.ts";
import { collect, type Limits } from "../../files/limits.ts";
import { readFile } from "../../files/local-file.ts";
import { splitArrayName } from "../../files/npz.ts";
import { readArray } from "../../files/read.ts";
import { type Dataset, readDatasetAs } from "../../train/dataset.ts";

/**
 * Reads a file of one array, gzipped or not, or `file.npz#name`, or the same from stdin for "-" and `-#name`.
 *
 * @param flag flag that gives the file, for messages
 */
export async function readArrayFile(flag: string, path: string, limits: Limits): Promise<DataArray> {
  const { where, bytes, array, choice } = await readInput(flag, path, limits);
  return readArray(bytes, { where, array, choice, ...limits });
}

/** Reads a file of `readArrayFile` as a data set, whose bytes stay bytes. */
export async function readDatasetFile(flag: string, path: string, limits: Limits): Promise<Dataset> {
  const { maxBytes, signal } = limits;
  const { where, bytes, array, choice } = await readInput(flag, path, limits);
  return readDatasetAs(where, bytes, { array, maxBytes, signal }, choice);
}

/** Beginning of messages for a flag and its file: `--data digits.npy`. */
export function showFile(flag: string, path: string): string {
  return isStdin(path) ? `${flag} (stdin)` : withValue(flag, showPath(path));
}

/** A flag with its value. For `--fixed NAME=FILE` the flag is `--fixed NAME`. */
function withValue(flag: string, value: string): string {
  return flag.includes(" ") ? `${flag}=${value}` : `${flag} ${value}`;
}

/** True if the source is a URL. */
export function isUrl(file: string): boolean {
  return /^https?:/i.test(file);
}

/** First bytes of a local file; undefined if it cannot be read, or not twice, as a pipe. */
export async function beginningOf(file: string, most = 512): Promise<Uint8Array | undefined> {
  if (isUrl(file)) return undefined;
  try {
    const path = /^file:/i.test(file) ? new URL(file) : file;
    if (!(await stat(path)).isFile()) return undefined;
    const handle = await open(path);
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(most), 0, most, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // The caller reads the file next, and reports the error.
    return undefined;
  }
}

async function readInput(flag: string, path: string, limits: Limits) {
  const { file, array } = isStdin(path)
    ? { file: stdin, array: path.slice(stdin.length + 1) || undefined }
    : splitArrayName(path);
  const where = showFile(flag, path);
  if (isUrl(file)) {
    throw invalid(
      `${where}: a URL, expected a file; send it in: curl -L URL | latentflow … ${withValue(flag, "-")}`,
    );
  }
  const bytes = await (file === stdin ? readStdin(where, limits) : readFile(where, file, limits)).catch(
    (cause) => {
      throw limits.signal?.aborted || cause instanceof LatentflowError ? cause : fileError(where, cause);
    },
  );
  const named = file === stdin || /\.npz$/i.test(file) ? file : "FILE.npz";
  return { where, bytes, array, choice: (name: string) => showChoice(flag, named, name) };
}

/** Advice that names one of a file's arrays. With =, since commander may take -#name for a flag. */
export function showChoice(flag: string, file: string, name: string): string {
  return show(`${flag}=${file}#${name}`);
}

/** Path of standard input. */
const stdin = "-";

/** True if a path of data is standard input: `-`, or `-#name` for an array of a .npz file. */
export function isStdin(path: unknown): boolean {
  return path === stdin || (typeof path === "string" && path.startsWith(`${stdin}#`));
}

async function readStdin(where: string, limits: Limits): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw invalid(`${where}: it is a terminal here; send a file into it: < FILE`);
  }
  // A read of stdin may wait for long, and looks at no signal.
  throwIfAborted(limits.signal);
  const forget = onAbort(limits.signal, () => void process.stdin.destroy());
  try {
    return await collect(where, process.stdin, limits);
  } finally {
    forget();
  }
}

/** Makes a path absolute; in a folder that has been removed, in which Node cannot, it stays as it is. */
export function wholePath(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

/** Shortens a path: relative to the current folder if it lies below. */
export function shortPath(path: string): string {
  try {
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
  } catch {
    // process.cwd() throws in a folder that has been removed.
    return path;
  }
}

/** A path in a message, shortened. */
export function shownPath(path: string): string {
  return showPath(shortPath(path));
}

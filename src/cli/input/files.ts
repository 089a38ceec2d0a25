import { stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { about } from "../../base/calling.ts";
import { LatentflowError } from "../../base/errors.ts";
import { onAbort } from "../../base/on-abort.ts";
import { throwIfAborted } from "../../base/realms.ts";
import { invalid } from "../../base/refuse.ts";
import { show, showPath, withoutSecrets } from "../../base/show.ts";
import { fileError } from "../../files/durable-file.ts";
import { collect, type Limits } from "../../files/limits.ts";
import { openAtOnce, readFile } from "../../files/local-file.ts";
import { splitArrayName } from "../../files/npz.ts";
import { systemPath } from "./file-names.ts";

/** Returns the beginning of error messages about an option's file, such as `--data digits.npy`. */
export function showFile(flag: string, path: string): string {
  return isStdin(path) ? `${flag} (stdin)` : withValue(flag, showPath(path));
}

/**
 * Joins an option and its value. If the option is `--fixed NAME`, they are joined by `=`, as users write
 * `--fixed NAME=FILE`.
 */
function withValue(flag: string, value: string): string {
  return flag.includes(" ") ? `${flag}=${value}` : `${flag} ${value}`;
}

/** True if the source is a URL. */
export function isUrl(file: string): boolean {
  return /^https?:/i.test(file);
}

/**
 * Reads the first bytes of a local file. Returns undefined for URLs and pipes, and if the file cannot be read.
 *
 * @param most maximum number of bytes
 */
export async function beginningOf(file: string, most = 512): Promise<Uint8Array | undefined> {
  if (isUrl(file)) return undefined;
  try {
    const path = /^file:/i.test(file) ? new URL(file) : systemPath(file);
    if (!(await stat(path)).isFile()) return undefined;
    const handle = await openAtOnce(path);
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

/**
 * Reads all bytes of an option's file; "-" and `-#name` read standard input.
 *
 * @param flag option that names the file, for messages
 * @returns also the beginning of messages, and the name of an array in a .npz file, if the path has one
 * @throws LatentflowError if the file cannot be read
 */
export async function readInput(flag: string, path: string, limits: Limits) {
  const { file, array } = isStdin(path)
    ? { file: stdin, array: path.slice(stdin.length + 1) || undefined }
    : splitArrayName(path);
  const where = showFile(flag, path);
  if (isUrl(file)) {
    throw invalid(
      `${where}: a URL, expected a file; send it in: curl -L URL | latentflow … ${withValue(flag, "-")}`,
    );
  }
  const bytes = await (file === stdin
    ? readStdin(where, limits)
    : about(where, () => readFile(systemPath(file), limits))
  ).catch((cause) => {
    throw limits.signal?.aborted || cause instanceof LatentflowError ? cause : fileError(where, cause);
  });
  const named = file === stdin || /\.npz$/i.test(file) ? file : "FILE.npz";
  return { where, bytes, array, choice: (name: string) => showChoice(flag, named, name) };
}

/**
 * Returns an option that names one array in a file, for messages: `"--data=FILE.npz#NAME"`. The `=` matters for stdin,
 * since commander may parse a separate `-#NAME` as an option.
 */
export function showChoice(flag: string, file: string, name: string): string {
  return show(`${flag}=${file}#${name}`);
}

/** Path that stands for standard input. */
const stdin = "-";

/** True if a path stands for standard input: `-`, or `-#NAME` for an array of a .npz file. */
export function isStdin(path: unknown): boolean {
  return path === stdin || (typeof path === "string" && path.startsWith(`${stdin}#`));
}

async function readStdin(where: string, limits: Limits): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw invalid(`${where}: it is a terminal here; send a file into it: < FILE`);
  }
  // Reading stdin may block for long and ignores the signal, so stdin is destroyed when the signal aborts.
  throwIfAborted(limits.signal);
  const forget = onAbort(limits.signal, () => void process.stdin.destroy());
  try {
    return await about(where, () => collect(process.stdin, limits));
  } finally {
    forget();
  }
}

/** Makes a path absolute; returns it unchanged if the current folder has been removed, where Node throws. */
export function wholePath(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

/** Returns a path relative to the current folder if it lies below that folder, else unchanged; a URL without its secrets. */
export function shortPath(path: string): string {
  if (isUrl(path)) return withoutSecrets(path);
  try {
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
  } catch {
    // process.cwd() throws in a folder that has been removed.
    return path;
  }
}

/** Formats a path for a message, relative to the current folder if it lies below. */
export function shownPath(path: string): string {
  return showPath(shortPath(path));
}

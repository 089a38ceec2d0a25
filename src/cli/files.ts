import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import * as fileSystem from "node:fs/promises";
import {
  access,
  constants,
  mkdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { codeOf } from "../brand.ts";
import type { DataArray } from "../data/array.ts";
import { type Dataset, readDataset } from "../data/dataset.ts";
import { fileError, syncFolder, writeSynced } from "../data/durable-file.ts";
import { splitArrayName } from "../data/npz.ts";
import { readArray } from "../data/read.ts";
import { LatentflowError } from "../errors.ts";
import { collect, type Limits, readFile } from "../source.ts";
import type { Output } from "./report.ts";

/** Reads an IDX or .npy file, gzipped or not, or `file.npz#name`, or one from stdin for "-"; errors name the file. */
export async function readArrayFile(path: string, limits: Limits): Promise<DataArray> {
  return readWith(readArray, path, limits);
}

/** Reads such a file as a data set, whose bytes stay bytes; errors name the file. */
export async function readDatasetFile(path: string, limits: Limits): Promise<Dataset> {
  return readWith(readDataset, path, limits);
}

type Parse<T> = (
  bytes: Uint8Array,
  options: { array?: string; maxBytes: number; signal?: AbortSignal },
) => Promise<T>;

async function readWith<T>(parse: Parse<T>, path: string, limits: Limits): Promise<T> {
  const { maxBytes, signal } = limits;
  const { file, array } = splitArrayName(path);
  const options = { maxBytes, ...(array !== undefined && { array }), ...(signal && { signal }) };
  const bytes = await (file === STDIN ? readStdin(limits) : readFile(file, file, limits)).catch((cause) => {
    throw signal?.aborted || cause instanceof LatentflowError
      ? cause
      : fileError(`cannot read ${file}`, cause);
  });
  try {
    return await parse(bytes, options);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    const name = path === STDIN ? "stdin" : path;
    // The reader's own name says nothing to whoever gave a file.
    const problem = error.message.replace(/^read\w+: /, "");
    throw new LatentflowError(error.code, `${name}: ${problem}`, { cause: error });
  }
}

/** What a path of data may be instead: standard input. */
export const STDIN = "-";

async function readStdin(limits: Limits): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw new LatentflowError(
      "invalid_argument",
      "- is stdin, which is a terminal here; send a file into it: < FILE",
    );
  }
  return collect("stdin", process.stdin, limits);
}

/** A file for the user. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** A word on what is in it. */
  readonly content: string;
}

/**
 * Makes a folder for output, and those around it, unless it is there.
 *
 * @param names of the files that will be written there: that none can be written is to be known before the work
 */
export async function makeFolder(folder: string, names: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw fileError(`cannot make the folder ${folder}`, cause);
  });
  for (const name of names) await placeOf(join(folder, name));
  const probe = temporaryOf(join(folder, "probe"));
  await writeSynced(fileSystem, probe, "").catch((cause) => {
    throw fileError(`cannot write into ${folder}`, cause);
  });
  await unlink(probe);
}

/**
 * Writes files into a folder, over those of earlier runs. They take their places once all of them are on the disk:
 * where one cannot be written, all is as it was before.
 *
 * @param stale names of files that would not go with them: those of an earlier run are removed
 */
export async function writeOutputs(
  folder: string,
  files: readonly OutputFile[],
  stale: readonly string[] = [],
): Promise<Output[]> {
  const staged: { readonly place: string; readonly temporary: string }[] = [];
  try {
    for (const { name, bytes } of files) {
      const { place, status } = await placeOf(join(folder, name));
      // What is no file, a device say, takes the bytes as they come.
      if (status && !status.isFile()) {
        await attempt(place, writeFile(place, bytes));
        continue;
      }
      const temporary = temporaryOf(place);
      await attempt(place, writeSynced(fileSystem, temporary, bytes, status && status.mode & 0o777));
      staged.push({ place, temporary });
    }
    for (const name of stale) await attempt(join(folder, name), rm(join(folder, name), { force: true }));
    for (const { place, temporary } of staged) await attempt(place, rename(temporary, place));
  } catch (error) {
    for (const { temporary } of staged) await unlink(temporary).catch(() => {});
    throw error;
  }
  for (const place of new Set([folder, ...staged.map((each) => dirname(each.place))])) {
    await syncFolder(fileSystem, place);
  }
  return files.map(({ name, content }) => ({ path: join(folder, name), content }));
}

/** Where a path leads, through symbolic links, and what is there, if anything. Refused is what cannot be replaced. */
async function placeOf(
  path: string,
): Promise<{ readonly place: string; readonly status: Stats | undefined }> {
  const [place, status] = await attempt(path, follow(path));
  if (status?.isDirectory())
    throw fileError(`cannot write ${path}`, Object.assign(new Error(), { code: "EISDIR" }));
  if (status) await attempt(path, access(place, constants.W_OK));
  return { place, status };
}

async function follow(path: string): Promise<[place: string, status: Stats | undefined]> {
  const status = await stat(path).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  });
  if (status) return [await realpath(path), status];
  const target = await readlink(path).catch(() => undefined);
  // A link to what is not there yet.
  return target === undefined ? [path, undefined] : follow(resolve(dirname(path), target));
}

/** A name of its own beside a file's place: two programs may write into one folder. */
function temporaryOf(place: string): string {
  return `${place}.${randomBytes(6).toString("hex")}.temporary`;
}

function attempt<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause) => {
    throw fileError(`cannot write ${path}`, cause);
  });
}

/** A path as people would type it: from the current folder when it lies below. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}

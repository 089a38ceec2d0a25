import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import * as fileSystem from "node:fs/promises";
import {
  access,
  constants,
  mkdir,
  open,
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
import { invalid, show, showPath } from "../check.ts";
import type { DataArray } from "../data/array.ts";
import { type Dataset, readDatasetAs } from "../data/dataset.ts";
import { splitArrayName } from "../data/npz.ts";
import { readArray } from "../data/read.ts";
import { fileError, syncFolder, writeSynced } from "../durable-file.ts";
import { LatentflowError } from "../errors.ts";
import { collect, type Limits, readFile } from "../source.ts";
import { type FixedArgument, kebabCase } from "./parse.ts";

/** A file that has been written, with a word on what is in it. */
export interface Output {
  readonly path: string;
  readonly content: string;
}
/**
 * Reads an IDX or .npy file, gzipped or not, or `file.npz#name`, or one from stdin for "-" and `-#name`.
 *
 * @param flag that gives the file: errors name both
 */
export async function readArrayFile(flag: string, path: string, limits: Limits): Promise<DataArray> {
  const { where, bytes, array, choice } = await readBytes(flag, path, limits);
  return readArray(bytes, { where, array, choice, ...limits });
}

/** Reads such a file as a data set, whose bytes stay bytes. */
export async function readDatasetFile(flag: string, path: string, limits: Limits): Promise<Dataset> {
  const { maxBytes, signal } = limits;
  const { where, bytes, array, choice } = await readBytes(flag, path, limits);
  const options = { maxBytes, ...(array !== undefined && { array }), ...(signal && { signal }) };
  return readDatasetAs(where, bytes, options, choice);
}

/** A flag and the file that it gives, as messages begin: `--data digits.npy`. */
export function showFile(flag: string, path: string): string {
  return isStdin(path) ? `${flag} (stdin)` : withValue(flag, showPath(path));
}

/** A flag with its value. Of `--fixed NAME=FILE` the name is a part of the flag: `--fixed NAME`. */
function withValue(flag: string, value: string): string {
  return flag.includes(" ") ? `${flag}=${value}` : `${flag} ${value}`;
}

/** Whether a file is to be fetched. */
export function isUrl(file: string): boolean {
  return /^https?:/i.test(file);
}

/** The first bytes of a file that is here; undefined of what cannot be read twice, a pipe say, or not at all. */
export async function beginningOf(file: string): Promise<Uint8Array | undefined> {
  if (isUrl(file)) return undefined;
  try {
    const path = /^file:/i.test(file) ? new URL(file) : file;
    if (!(await stat(path)).isFile()) return undefined;
    const handle = await open(path);
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(512), 0, 512, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // Whoever reads it says why it cannot be.
    return undefined;
  }
}

async function readBytes(flag: string, path: string, limits: Limits) {
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
  // With =, since commander takes -#name for a flag where a value may be left out.
  const choice = (name: string) => show(`${flag}=${named}#${name}`);
  return { where, bytes, array, choice };
}

/** What a path of data may be instead: standard input. */
const stdin = "-";

/** Whether a path of data is standard input: `-`, or `-#name` for an array of a .npz file. */
export function isStdin(path: unknown): boolean {
  return path === stdin || (typeof path === "string" && path.startsWith(`${stdin}#`));
}

async function readStdin(where: string, limits: Limits): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw new LatentflowError(
      "invalid_argument",
      `${where}: it is a terminal here; send a file into it: < FILE`,
    );
  }
  return collect(where, process.stdin, limits);
}

/** A file for the user. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** A word on what is in it. */
  readonly content: string;
}

/** The options that give a file of data, which may be stdin. */
export const dataOptions = ["data", "latents", "weights", "z0", "validate", "priorFrom"] as const;

/** The options that give a file of a network. */
export const networkOptions = ["decoder", "encoder", "architecture"] as const;

const inputOptions = [...dataOptions, ...networkOptions];

/** A command's options, as far as they give files to be read. */
type InputFiles = { readonly [name in (typeof inputOptions)[number]]?: unknown } & {
  readonly fixed?: unknown;
  readonly validateFixed?: unknown;
};

/** What a command's options give of files, each with its flag. */
export function givenFiles(
  options: InputFiles,
  names: readonly (typeof inputOptions)[number][],
): { readonly flag: string; readonly path: string }[] {
  const inputs = (["fixed", "validateFixed"] as const).flatMap((option) => {
    const given = (options[option] ?? []) as readonly FixedArgument[];
    return given.map(({ name, value }) => ({
      flag: `--${kebabCase(option)} ${showPath(name)}`,
      path: value,
    }));
  });
  return [...names.map((name) => ({ flag: `--${kebabCase(name)}`, path: options[name] })), ...inputs].flatMap(
    ({ flag, path }) => (typeof path === "string" ? [{ flag, path }] : []),
  );
}

/**
 * Makes a folder for output, and those around it, unless it is there.
 *
 * @param names of the files that will be written there: that none can be written is to be known before the work
 * @param inputs the command's options: a file that they give is not to be replaced
 */
export async function makeFolder(
  folder: string,
  names: readonly string[],
  inputs: InputFiles,
): Promise<void> {
  await makeFolders(resolve(folder)).catch((cause) => {
    throw fileError(`cannot make the folder ${folder}`, cause);
  });
  for (const name of names) {
    const { status } = await placeOf(join(folder, name));
    if (status?.isFile()) await refuseInput(folder, name, status, inputs);
  }
  const probe = temporaryOf(join(folder, "probe"));
  await writeSynced(fileSystem, probe, "").catch((cause) => {
    throw fileError(`cannot write into ${folder}`, cause);
  });
  await unlink(probe);
}

/** Not by mkdir's own `recursive`: on Node 20 it goes on for ever where a folder is that can have no others, as /proc. */
async function makeFolders(folder: string): Promise<void> {
  const parent = dirname(folder);
  const make = () =>
    mkdir(folder).catch(async (cause) => {
      const isThere = codeOf(cause) === "EEXIST" && (await stat(folder)).isDirectory();
      if (!isThere) throw cause;
    });
  await make().catch(async (cause) => {
    if (codeOf(cause) !== "ENOENT" || parent === folder) throw cause;
    await makeFolders(parent);
    await make();
  });
}

/** Refuses to write over a file that is read. */
async function refuseInput(folder: string, name: string, output: Stats, inputs: InputFiles): Promise<void> {
  for (const { flag, path } of givenFiles(inputs, inputOptions)) {
    if (isStdin(path)) continue;
    for (const file of [path, splitArrayName(path).file]) {
      const input = await stat(file).catch(() => undefined);
      if (input?.ino !== output.ino || input.dev !== output.dev) continue;
      throw invalid(
        `--out ${showPath(folder)}: ${name} would be written over the file of ${flag}; give another folder`,
      );
    }
  }
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

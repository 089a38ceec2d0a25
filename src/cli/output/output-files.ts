import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import * as fileSystem from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { about } from "../../base/calling.ts";
import { codeOf } from "../../base/realms.ts";
import { invalid } from "../../base/refuse.ts";
import { showPath } from "../../base/show.ts";
import { checkIsFile, fileError, syncFolder } from "../../files/durable-file.ts";
import { splitArrayName } from "../../files/npz.ts";
import { isStdin } from "../input/files.ts";
import { givenFiles, type InputFiles, inputOptions } from "../options/input-options.ts";

// Writes a command's output files and makes their folders.

/** Help text on files of an earlier run, for commands that write several files. */
export const replacedHelp = `Files of these names in DIR are replaced; those that this run does not write are
removed, as they are an earlier run's.`;

/** A file to write. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** Description for the list of output files. */
  readonly content: string;
}

/** A file that was written, with its description for the list of output files. */
export interface Output {
  readonly path: string;
  readonly content: string;
}

/** Absolute paths of folders created by this process. */
const made: string[] = [];

/** Removes those folders created by this process that are empty, for example after a command has refused its input. */
export async function removeEmptyFolders(): Promise<void> {
  const innermostFirst = made.splice(0).sort((a, b) => b.length - a.length);
  for (const folder of innermostFirst) await fileSystem.rmdir(folder).catch(() => {});
}

/**
 * Creates an output folder with its parents, unless it exists. Checks that files can be written in it, and in the folders
 * that symbolic links with the names of output files lead to.
 *
 * @param names files that will be written there
 * @param inputs the command's options; the input files that they name must not be overwritten
 * @param flag option that names the folder or the file, for messages
 * @throws LatentflowError if the folder cannot be created or written, or an output file is an input file
 */
export async function makeFolder(
  folder: string,
  names: readonly string[],
  inputs: InputFiles,
  flag = `--out ${showPath(folder)}`,
): Promise<void> {
  await makeFolders(folder).catch((cause) => {
    throw fileError(`cannot make the folder ${folder}`, cause);
  });
  const folders = [folder];
  for (const name of names) {
    const { place, status } = await placeOf(join(folder, name));
    if (status) await refuseInput(flag, name, place, inputs);
    folders.push(dirname(place));
  }
  for (const each of new Set(folders)) {
    await fileSystem.access(each, fileSystem.constants.W_OK).catch((cause) => {
      throw fileError(`cannot write into ${each}`, cause);
    });
  }
}

/** Creates a folder with its parents, unless it exists. */
async function makeFolders(path: string): Promise<void> {
  const first = await fileSystem.mkdir(path, { recursive: true });
  if (first === undefined) return;
  const top = resolve(first);
  for (let each = resolve(path); each.length >= top.length; each = dirname(each)) made.push(each);
}

/**
 * Throws if an output file is one of the command's input files.
 *
 * @param at option that names the output, with its value
 * @param place real path of the output file
 * @param inputs the command's options, which name the input files
 */
async function refuseInput(at: string, name: string, place: string, inputs: InputFiles): Promise<void> {
  for (const { flag, path } of givenFiles(inputs, inputOptions)) {
    if (isStdin(path)) continue;
    for (const file of [path, splitArrayName(path).file]) {
      if ((await fileSystem.realpath(file).catch(() => undefined)) !== place) continue;
      throw invalid(
        `${at}: ${name} would be written over the file of ${flag}; give another ${at.startsWith("--out") ? "folder" : "name"}`,
      );
    }
  }
}

/**
 * Writes files into a folder, in place of files of the same names. All files are first written and synced under temporary
 * names, then renamed one by one.
 *
 * @param stale names of an earlier run's files to remove
 */
export async function writeOutputs(
  folder: string,
  files: readonly OutputFile[],
  stale: readonly string[] = [],
): Promise<Output[]> {
  await StagedOutputs.write(folder, stale, async (staged) => {
    for (const { name, bytes } of files) await staged.append(name, bytes);
  });
  return files.map(({ name, content }) => ({ path: join(folder, name), content }));
}

/** Output files that are written piece by piece under temporary names, and renamed once all are complete. */
export class StagedOutputs {
  private readonly files = new Map<string, StagedFile>();

  private constructor(private readonly folder: string) {}

  /**
   * Writes files into a folder under temporary names; once all are on disk, removes the stale files and renames the new ones.
   * After an error the temporary files are removed. Until all files are on disk, the folder's other files stay unchanged.
   *
   * @param stale names of an earlier run's files to remove
   * @param work writes the files: calls `append` with each piece of each file
   */
  static async write(
    folder: string,
    stale: readonly string[],
    work: (outputs: StagedOutputs) => Promise<void>,
  ): Promise<void> {
    const outputs = new StagedOutputs(folder);
    try {
      await work(outputs);
      await outputs.commit(stale);
    } catch (error) {
      await outputs.discard();
      throw error;
    }
  }

  /** Appends bytes to a file, which it creates under a temporary name if needed. */
  async append(name: string, bytes: string | Uint8Array): Promise<void> {
    let file = this.files.get(name);
    if (!file) {
      // Another process, which created the folder, may have removed it after refusing its input.
      await attempt(this.folder, makeFolders(this.folder));
      file = await stage(join(this.folder, name));
      this.files.set(name, file);
    }
    await attempt(file.place, file.handle.writeFile(bytes));
  }

  /** Syncs the new files to disk, removes the files `stale` of an earlier run, and gives the new files their final names. */
  private async commit(stale: readonly string[]): Promise<void> {
    const files = [...this.files.values()];
    for (const { place, handle } of files) {
      await attempt(place, handle.sync());
      await attempt(place, handle.close());
    }
    for (const name of stale) {
      const path = join(this.folder, name);
      await attempt(path, removeFile(path));
    }
    for (const { place, temporary } of files) await attempt(place, fileSystem.rename(temporary, place));
    for (const place of new Set([this.folder, ...files.map((each) => dirname(each.place))])) {
      await syncFolder(fileSystem, place);
    }
  }

  /** Removes the temporary files that were not renamed. */
  private async discard(): Promise<void> {
    for (const { handle, temporary } of this.files.values()) {
      await handle.close().catch(() => {});
      await fileSystem.unlink(temporary).catch(() => {});
    }
  }
}

/** Output file that is written under a temporary name; `place` is its final path. */
interface StagedFile {
  readonly place: string;
  readonly temporary: string;
  readonly handle: fileSystem.FileHandle;
}

async function stage(path: string): Promise<StagedFile> {
  const { place, status } = await placeOf(path);
  await removeLeftovers(place);
  const temporary = temporaryOf(place);
  const mode = status ? status.mode & 0o777 : 0o666;
  return { place, temporary, handle: await attempt(place, fileSystem.open(temporary, "wx", mode)) };
}

/**
 * Follows symbolic links in an output path. Returns the real path, and the status of the file there if it exists.
 *
 * @throws LatentflowError if a read-only file, or something else than a file is there
 */
async function placeOf(
  path: string,
): Promise<{ readonly place: string; readonly status: Stats | undefined }> {
  const status = await attempt(path, fileSystem.stat(path).catch(unlessMissing));
  if (status) {
    about(`cannot write ${path}`, () => checkIsFile(status));
    const place = await attempt(path, fileSystem.realpath(path));
    await attempt(path, fileSystem.access(place, fileSystem.constants.W_OK));
    return { place, status };
  }
  const target = await fileSystem.readlink(path).catch(() => undefined);
  // A link may point to a file that does not exist yet.
  return target === undefined ? { place: path, status } : placeOf(resolve(dirname(path), target));
}

/**
 * Returns a name for a temporary file in the same folder: random, since two processes may write the same file, and cut, since a
 * name has at most 255 bytes.
 */
export function temporaryOf(place: string): string {
  return join(dirname(place), `${beginningOf(place)}${randomBytes(6).toString("hex")}.temporary`);
}

/** Returns the beginning of the names of a file's temporary files. */
function beginningOf(place: string): string {
  return `${basename(place).slice(0, 60)}.`;
}

/** Time in milliseconds for which a temporary file that is not written to may still be another process's. */
const LEFT = 3_600_000;

/** Removes a file's temporary files that killed processes have left. */
async function removeLeftovers(place: string): Promise<void> {
  const names = await fileSystem.readdir(dirname(place)).catch(() => []);
  const beginning = beginningOf(place);
  for (const name of names) {
    if (!name.startsWith(beginning) || !isTemporary(name) || name.length !== beginning.length + ENDING)
      continue;
    const path = join(dirname(place), name);
    const status = await fileSystem.stat(path).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > LEFT) await fileSystem.unlink(path).catch(() => {});
  }
}

/** Length of what follows the beginning of a temporary file's name. */
const ENDING = "0123456789ab.temporary".length;

/** True for the name of a temporary file, as `temporaryOf` makes it. */
export function isTemporary(name: string): boolean {
  return /\.[0-9a-f]{12}\.temporary$/.test(name);
}

/** Removes a file if it exists. `rm` is not used: for a file that may not be removed, its error is about folders. */
export async function removeFile(path: string): Promise<void> {
  await fileSystem.unlink(path).catch(unlessMissing);
}

/** Returns undefined for the error that a file does not exist; rethrows any other. */
function unlessMissing(cause: unknown): undefined {
  if (codeOf(cause) !== "ENOENT") throw cause;
}

function attempt<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause) => {
    throw fileError(`cannot write ${path}`, cause);
  });
}

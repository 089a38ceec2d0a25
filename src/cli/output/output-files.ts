import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import * as fileSystem from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../../base/realms.ts";
import { invalid } from "../../base/refuse.ts";
import { showPath } from "../../base/show.ts";
import { fileError, syncFolder, writeSynced } from "../../files/durable-file.ts";
import { splitArrayName } from "../../files/npz.ts";
import { isStdin } from "../input/files.ts";
import { givenFiles, type InputFiles, inputOptions } from "../options/input-options.ts";

// Files that the program writes into folders of the user's.

/** Help for the fate of an earlier run's files, of a command that writes several. */
export const replacedHelp = `Files of these names in DIR are replaced; those that this run does not write are
removed, as they are an earlier run's.`;

/** A file to be written. */
export interface OutputFile {
  readonly name: string;
  readonly bytes: string | Uint8Array;
  /** Description for the list of outputs. */
  readonly content: string;
}

/** A file that has been written. */
export interface Output {
  readonly path: string;
  readonly content: string;
}

/** Folders that this process has made, parents first. */
const made: string[] = [];

/** Removes the folders made that are empty, say after a command that has refused its input. */
export async function removeEmptyFolders(): Promise<void> {
  for (const folder of made.splice(0).reverse()) await fileSystem.rmdir(folder).catch(() => {});
}

/**
 * Makes a folder for output, with its parents, unless it is there. Checks that the folder, and those to which symbolic
 * links of the names lead, can be written.
 *
 * @param names files that will be written there
 * @param inputs the command's options, whose files must not be replaced
 * @throws LatentflowError if the folder cannot be made or written, or a file must not be replaced
 */
export async function makeFolder(
  folder: string,
  names: readonly string[],
  inputs: InputFiles,
): Promise<void> {
  await makeFolders(folder).catch((cause) => {
    throw fileError(`cannot make the folder ${folder}`, cause);
  });
  const folders = new Map([[await attempt(folder, fileSystem.realpath(folder)), folder]]);
  for (const name of names) {
    const { place, status } = await placeOf(join(folder, name));
    if (status?.isFile()) await refuseInput(folder, name, status, inputs);
    if (status && !status.isFile()) continue;
    const target = await attempt(place, fileSystem.realpath(dirname(place)));
    if (!folders.has(target)) folders.set(target, target);
  }
  for (const each of folders.values()) {
    await tryToWrite(each);
    await removeAbandoned(each, names);
  }
}

/** Milliseconds, a day, after which an unchanged temporary file belongs to a killed run. */
const ABANDONED_AFTER = 86_400_000;

/** Removes temporary files of these names that killed runs have left in a folder. Errors are ignored. */
async function removeAbandoned(folder: string, names: readonly string[]): Promise<void> {
  const ours = new Set([...names, PROBE]);
  for (const name of await fileSystem.readdir(folder).catch((): string[] => [])) {
    const [, place] = /^(.*)\.[0-9a-f]{12}\.temporary$/s.exec(name) ?? [];
    if (place === undefined || !ours.has(place)) continue;
    const path = join(folder, name);
    const status = await fileSystem.lstat(path).catch(() => undefined);
    const isAbandoned = status?.isFile() && Date.now() - status.mtimeMs > ABANDONED_AFTER;
    if (isAbandoned) await fileSystem.unlink(path).catch(() => {});
  }
}

/** Name of the file by which a folder is tried. */
const PROBE = "probe";

/** Refuses a folder that cannot be written. */
async function tryToWrite(folder: string): Promise<void> {
  const probe = temporaryOf(join(folder, PROBE));
  await writeSynced(fileSystem, probe, "")
    .then(() => fileSystem.unlink(probe))
    .catch((cause) => {
      throw fileError(`cannot write into ${folder}`, cause);
    });
}

/** Makes a folder with its parents. Not by mkdir's own `recursive`, which never returns on Node 20 in folders as /proc. */
async function makeFolders(path: string): Promise<void> {
  const folder = resolve(path);
  const parent = dirname(folder);
  const make = () =>
    fileSystem.mkdir(folder).then(
      () => void made.push(folder),
      async (cause) => {
        if (codeOf(cause) !== "EEXIST" || !(await isFolder(folder))) throw cause;
      },
    );
  await make().catch(async (cause) => {
    if (codeOf(cause) !== "ENOENT" || parent === folder) throw cause;
    await makeFolders(parent);
    await make();
  });
}

/** True if a path is a folder. */
async function isFolder(path: string): Promise<boolean> {
  const status = await fileSystem.stat(path).catch(async (cause) => {
    const target = codeOf(cause) === "ENOENT" && (await fileSystem.readlink(path).catch(() => undefined));
    throw target ? new Error(`it is a symbolic link to ${target}, where nothing is`) : cause;
  });
  return status.isDirectory();
}

/** Refuses to replace a file that the command reads. */
async function refuseInput(folder: string, name: string, output: Stats, inputs: InputFiles): Promise<void> {
  for (const { flag, path } of givenFiles(inputs, inputOptions)) {
    if (isStdin(path)) continue;
    for (const file of [path, splitArrayName(path).file]) {
      const input = await fileSystem.stat(file).catch(() => undefined);
      if (input?.ino !== output.ino || input.dev !== output.dev) continue;
      throw invalid(
        `--out ${showPath(folder)}: ${name} would be written over the file of ${flag}; give another folder`,
      );
    }
  }
}

/**
 * Writes files into a folder, over those of earlier runs. The folder changes once all files are on the disk: they are then
 * renamed into their places one by one.
 *
 * @param stale names of further files of earlier runs, which are removed
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

/** Files that are written beside their places, piece by piece, and then renamed into them. */
export class StagedOutputs {
  private readonly files = new Map<string, StagedFile>();

  private constructor(private readonly folder: string) {}

  /**
   * Writes files into a folder. The folder changes once all files are on the disk; after an error it has none of them.
   *
   * @param stale names of further files of earlier runs, which are removed
   * @param work appends to the files
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

  /** Appends to a file. */
  async append(name: string, bytes: string | Uint8Array): Promise<void> {
    let file = this.files.get(name);
    if (!file) {
      // Another process, which had made the folder, may have removed it after a refusal.
      await attempt(this.folder, makeFolders(this.folder));
      file = await stage(join(this.folder, name));
      this.files.set(name, file);
    }
    await attempt(file.place, file.handle.writeFile(bytes));
  }

  /** Syncs all files, and renames them. */
  private async commit(stale: readonly string[]): Promise<void> {
    const files = [...this.files.values()];
    for (const { place, handle, temporary } of files) {
      if (temporary !== undefined) await attempt(place, handle.sync());
      await attempt(place, handle.close());
    }
    for (const name of stale) {
      const path = join(this.folder, name);
      await attempt(path, removeFile(path));
    }
    for (const { place, temporary } of files) {
      if (temporary !== undefined) await attempt(place, fileSystem.rename(temporary, place));
    }
    for (const place of new Set([this.folder, ...files.map((each) => dirname(each.place))])) {
      await syncFolder(fileSystem, place);
    }
  }

  /** Removes the staged files. Files in the places stay. */
  private async discard(): Promise<void> {
    for (const { handle, temporary } of this.files.values()) {
      await handle.close().catch(() => {});
      if (temporary !== undefined) await fileSystem.unlink(temporary).catch(() => {});
    }
  }
}

interface StagedFile {
  readonly place: string;
  readonly handle: fileSystem.FileHandle;
  /** Temporary file; undefined for a place that is no regular file, which takes the bytes as they come. */
  readonly temporary: string | undefined;
}

async function stage(path: string): Promise<StagedFile> {
  const { place, status } = await placeOf(path);
  if (status && !status.isFile())
    return { place, handle: await attempt(place, fileSystem.open(place, "w")), temporary: undefined };
  const temporary = temporaryOf(place);
  const mode = status ? status.mode & 0o777 : 0o666;
  return { place, handle: await attempt(place, fileSystem.open(temporary, "wx", mode)), temporary };
}

/**
 * Follows symbolic links to the place of a path, and looks up the file there.
 *
 * @throws LatentflowError if it is a folder, or may not be written
 */
async function placeOf(
  path: string,
): Promise<{ readonly place: string; readonly status: Stats | undefined }> {
  const [place, status] = await attempt(path, follow(path));
  if (status?.isDirectory())
    throw fileError(`cannot write ${path}`, Object.assign(new Error(), { code: "EISDIR" }));
  if (status) await attempt(path, fileSystem.access(place, fileSystem.constants.W_OK));
  return { place, status };
}

async function follow(path: string): Promise<[place: string, status: Stats | undefined]> {
  const status = await fileSystem.stat(path).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  });
  if (status) return [await fileSystem.realpath(path), status];
  const target = await fileSystem.readlink(path).catch(() => undefined);
  // A link to what is not there yet.
  return target === undefined ? [path, undefined] : follow(resolve(dirname(path), target));
}

/** Random name beside a file's place, since two processes may write the same file. */
export function temporaryOf(place: string): string {
  return `${place}.${randomBytes(6).toString("hex")}.temporary`;
}

/**
 * Removes a file, if it is there. Not by `rm`, whose error for a file that may not be removed says that it is no folder.
 */
export async function removeFile(path: string): Promise<void> {
  await fileSystem.unlink(path).catch((cause) => {
    if (codeOf(cause) !== "ENOENT") throw cause;
  });
}

function attempt<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause) => {
    throw fileError(`cannot write ${path}`, cause);
  });
}

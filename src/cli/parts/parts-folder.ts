import * as fileSystem from "node:fs/promises";
import { join } from "node:path";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { checkIsFile, fileError, syncFolder, writeSynced } from "../../files/durable-file.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shownPath } from "../input/files.ts";
import { removeFile, temporaryOf } from "../output/output-files.ts";
import { type PictureName, pictureNames } from "../output/picture-names.ts";
import {
  formatManifest,
  type Manifest,
  manifestDifferences,
  manifestSum,
  parseManifest,
} from "./manifest.ts";
import { formatPart, type Part, type PartOrigin, parsePart } from "./part.ts";
import { type Unit, unitCount } from "./shard-units.ts";

// A folder of parts contains manifest.json and a file for each finished unit of samples. Each file is written under a
// temporary name, synced and renamed, so that it is never half-written. If several processes compute the same unit, their
// parts differ only in their times, so any of them is valid.

/** Subfolder of a run's output folder for its parts: files of saved results, one per unit of samples. */
export const partsName = "parts";

const manifestName = "manifest.json";

/** The folder with the parts of one run: files of saved results, one per unit of samples. */
export class PartsFolder {
  private readonly origin: PartOrigin;

  constructor(
    readonly folder: string,
    readonly manifest: Manifest,
  ) {
    this.origin = { manifest: manifestSum(manifest), build: manifest.build };
  }

  /**
   * Opens the folder of a run's parts (files of saved results), and writes the manifest if there is none.
   *
   * @param alone true if no other process can be using the folder; then a manifest without parts is replaced
   * @throws OtherRunError if the folder contains parts of another run
   */
  static async forRun(folder: string, manifest: Manifest, alone: boolean): Promise<PartsFolder> {
    const path = join(folder, manifestName);
    let there = await readManifest(path);
    if (!there || (alone && (await partNames(folder)).length === 0)) {
      // If two processes write the first manifest at the same time, both use the one that was linked first.
      const isThere = await fileSystem.lstat(path).then(
        () => true,
        () => false,
      );
      await write(folder, manifestName, formatManifest(manifest), isThere ? "replace" : "keep");
      there = await readManifest(path);
    }
    const found = there ? manifestDifferences(there, manifest) : [];
    if (found.length === 0) return new PartsFolder(folder, manifest);
    const problem = `${shownPath(folder)} has the parts of another run`;
    throw new OtherRunError(problem, found, "Give another --out, or remove the folder");
  }

  /** True if a folder contains a part (file of saved results) of any run. */
  static async hasParts(folder: string): Promise<boolean> {
    return (await partNames(folder)).length > 0;
  }

  /**
   * Opens an existing folder of parts (files of saved results).
   *
   * @throws LatentflowError `not_found` if it has no manifest, or an incomplete one
   */
  static async open(folder: string): Promise<PartsFolder> {
    const manifest = await readManifest(join(folder, manifestName));
    if (manifest) return new PartsFolder(folder, manifest);
    throw new LatentflowError(
      "not_found",
      `${shownPath(folder)} has no parts: there is no ${manifestName}, or it is torn. A run without shards ` +
        "that has ended keeps none; else name the folder that was given as --out, or run a shard again, which writes it anew",
    );
  }

  /**
   * Reads the part (file of saved results) of a unit of samples; undefined if there is none.
   *
   * @throws LatentflowError if the part is incomplete or damaged, or belongs to another run
   */
  async read(unit: Unit): Promise<Part | undefined> {
    const path = join(this.folder, nameOf(unit));
    const bytes = await readFile(path);
    if (!bytes) return undefined;
    return parsePart(shownPath(path), bytes, unit, this.origin);
  }

  /**
   * Reads the part (file of saved results) of a unit of samples. Returns undefined if there is none; also if it is incomplete,
   * damaged or from another run, after `tell` was called with this problem.
   *
   * @throws LatentflowError if the file cannot be read
   */
  async readIfWhole(unit: Unit, tell: (problem: string) => void): Promise<Part | undefined> {
    return this.read(unit).catch((error) => {
      if (!(error instanceof LatentflowError) || isAboutDisk(error)) throw error;
      tell(error.message);
      return undefined;
    });
  }

  /**
   * Writes a part (the results of a unit of samples) to its file, replacing an existing one.
   *
   * @throws LatentflowError `other_run` if another run has taken over the folder, `invalid_argument` if its manifest was
   *   removed
   */
  async write(part: Part): Promise<void> {
    await this.checkOwner();
    await write(this.folder, nameOf(part), formatPart(part, this.origin), "replace");
  }

  /** Throws if another run has taken over the folder, before more samples are encoded in vain. */
  private async checkOwner(): Promise<void> {
    const there = await readManifest(join(this.folder, manifestName));
    if (there && manifestSum(there) === this.origin.manifest) return;
    const where = shownPath(this.folder);
    if (there) {
      throw new OtherRunError(
        `${where} has become, while this run was at work, that of another run`,
        manifestDifferences(there, this.manifest),
        "Give each run an --out of its own",
      );
    }
    throw invalid(
      `${where}: ${manifestName} is gone; another process has merged or removed the parts while this one was at work. ` +
        "Where the results are there, nothing is missing; else run the same command again",
    );
  }

  /**
   * Reads a picture of the run's first samples, which the process that encodes these samples draws; undefined if there is none.
   */
  readPicture(name: PictureName): Promise<Uint8Array | undefined> {
    return readFile(join(this.folder, name));
  }

  /**
   * Lists the indices of the units of samples that have a part (file of saved results), each with the modification time of the
   * part in milliseconds since 1970, without reading the parts.
   */
  async list(): Promise<Map<number, number>> {
    const parts = new Map<number, number>();
    for (const name of await partNames(this.folder)) {
      // A part may have been removed since the folder was listed.
      const status = await fileSystem.stat(join(this.folder, name)).catch(() => undefined);
      const index = Number.parseInt(name.slice("part-".length), 10);
      if (status && index < unitCount(this.manifest)) parts.set(index, status.mtimeMs);
    }
    return parts;
  }

  /**
   * Removes the run's files from the folder: the parts (files of saved results), pictures, temporary files of killed processes,
   * and at last the manifest, which describes the run; then the folder if it is empty.
   */
  async remove(): Promise<void> {
    const names = await namesIn(this.folder);
    const ours = names.filter(
      (name) =>
        isPart(name) ||
        (pictureNames as readonly string[]).includes(name) ||
        /^(part-|manifest\.|probe\.|reconstructions\.|steps\.|samples\.).*\.temporary$/.test(name),
    );
    for (const name of [...ours, manifestName]) {
      await removeFile(join(this.folder, name)).catch((cause) => {
        throw fileError(`cannot remove ${shownPath(join(this.folder, name))}`, cause);
      });
    }
    // Fails if other files are in the folder, which are not removed.
    await fileSystem.rmdir(this.folder).catch(() => {});
  }

  /** Removes the folder if it still belongs to this run and has no saved results, as when the first samples were refused. */
  async removeUnused(): Promise<void> {
    const there = await readManifest(join(this.folder, manifestName));
    const isOurs = there !== undefined && manifestSum(there) === this.origin.manifest;
    if (isOurs && !(await PartsFolder.hasParts(this.folder))) await this.remove();
  }
}

/** True for a file system error, which would recur if the results in the file were computed again. */
export function isAboutDisk({ cause }: LatentflowError): boolean {
  return cause !== undefined;
}

function nameOf({ index }: Unit): string {
  return `part-${String(index).padStart(8, "0")}.safetensors`;
}

function isPart(name: string): boolean {
  return /^part-\d{8,15}\.safetensors$/.test(name);
}

/** Lists the file names of the parts (files of saved results) in a folder; none if the folder does not exist. */
async function partNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(isPart);
}

/** Lists all names in a folder; none if the folder does not exist. */
function namesIn(folder: string): Promise<string[]> {
  return fileSystem.readdir(folder).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return [];
    throw fileError(`cannot read the folder ${shownPath(folder)}`, cause);
  });
}

/** Reads a file; undefined if it does not exist. */
async function readFile(path: string): Promise<Uint8Array | undefined> {
  const where = shownPath(path);
  const read = async () => {
    checkIsFile(`cannot read ${where}`, await fileSystem.stat(path));
    return fileSystem.readFile(path);
  };
  return read().catch((cause) => {
    // With a cause, as what is wrong with the disk: the part cannot be computed again.
    if (cause instanceof LatentflowError) throw invalidFile(markedMessage(cause), cause);
    if (codeOf(cause) === "ENOENT") return undefined;
    if (codeOf(cause) === "ENOTDIR") throw invalidFile(`${where}: a part of the path is a file`);
    throw fileError(`cannot read ${where}`, cause);
  });
}

/** Reads a manifest; undefined if it does not exist or is incomplete. */
async function readManifest(path: string): Promise<Manifest | undefined> {
  const where = shownPath(path);
  const bytes = await readFile(path);
  return bytes && parseManifest(where, Buffer.from(bytes).toString());
}

/**
 * Writes a file durably: under a temporary name, synced, then renamed.
 *
 * @param existing what to do with an existing file of this name
 */
async function write(
  folder: string,
  name: string,
  content: string | Uint8Array,
  existing: "replace" | "keep",
): Promise<void> {
  const place = join(folder, name);
  const temporary = temporaryOf(place);
  try {
    await writeSynced(fileSystem, temporary, content);
    await (existing === "keep" ? linkOrRename(temporary, place) : fileSystem.rename(temporary, place));
  } catch (cause) {
    await fileSystem.unlink(temporary).catch(() => {});
    throw fileError(`cannot write ${shownPath(place)}`, cause);
  }
  await syncFolder(fileSystem, folder);
}

/** Atomically moves a temporary file to its final name, unless that exists. Removes the temporary file. */
async function linkOrRename(temporary: string, place: string): Promise<void> {
  const error = await fileSystem.link(temporary, place).catch((cause) => cause);
  // On a file system without hard links, the last process wins, and the others fail when they write their next part.
  if (error && codeOf(error) !== "EEXIST") await fileSystem.rename(temporary, place);
  else await fileSystem.unlink(temporary);
}

import * as fileSystem from "node:fs/promises";
import { join } from "node:path";
import { LatentflowError } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { invalid, invalidFile } from "../../base/refuse.ts";
import { fileError, syncFolder, writeSynced } from "../../files/durable-file.ts";
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

// A folder of parts holds manifest.json, and a file for each unit that is done. Each file is written beside its place, synced
// and renamed, so that a killed process leaves it whole or absent. Processes that compute the same unit write parts that
// differ in their seconds only: either may stay.

/** Name of the folder of parts in a run's folder. */
export const partsName = "parts";

const manifestName = "manifest.json";

/** Parts of one run. */
export class PartsFolder {
  private readonly origin: PartOrigin;

  constructor(
    readonly folder: string,
    readonly manifest: Manifest,
  ) {
    this.origin = { manifest: manifestSum(manifest), build: manifest.build };
  }

  /**
   * Opens the folder of a run, and writes the manifest unless it is there.
   *
   * @param alone true if no other process can work in the folder: a manifest without parts is then replaced
   * @throws OtherRunError if the folder has the parts of another run
   */
  static async forRun(folder: string, manifest: Manifest, alone: boolean): Promise<PartsFolder> {
    const path = join(folder, manifestName);
    let there = await readManifest(path);
    if (!there || (alone && (await partNames(folder)).length === 0)) {
      // If two processes make the first manifest at the same time, the first link counts for both.
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

  /** True if a folder has a part, of any run. */
  static async hasParts(folder: string): Promise<boolean> {
    return (await partNames(folder)).length > 0;
  }

  /** Opens a folder that is there. @throws LatentflowError `not_found` if it has no manifest */
  static async open(folder: string): Promise<PartsFolder> {
    const manifest = await readManifest(join(folder, manifestName));
    if (manifest) return new PartsFolder(folder, manifest);
    throw new LatentflowError(
      "not_found",
      `${shownPath(folder)} has no parts: there is no ${manifestName}, or it is torn. A run without shards ` +
        "that has ended keeps none; else name the folder that was given as --out, or run a shard again, which writes it anew",
    );
  }

  /** Reads the part of a unit; undefined if there is none. @throws LatentflowError if it is torn or of another run */
  async read(unit: Unit): Promise<Part | undefined> {
    const path = this.pathOf(unit);
    const bytes = await readFile(path);
    if (!bytes) return undefined;
    return parsePart(shownPath(path), bytes, unit, this.origin);
  }

  /** Reads the part of a unit; undefined if there is none. A torn part, or another run's, is undefined, too, and reported to `tell`. */
  async readIfWhole(unit: Unit, tell: (problem: string) => void): Promise<Part | undefined> {
    return this.read(unit).catch((error) => {
      if (!(error instanceof LatentflowError) || isAboutDisk(error)) throw error;
      tell(error.message);
      return undefined;
    });
  }

  /**
   * Writes a part, over an earlier one.
   *
   * @throws LatentflowError `other_run` if the folder has become another run's, `invalid_argument` if it has been cleared
   */
  async write(part: Part): Promise<void> {
    await this.checkOwner();
    await write(this.folder, nameOf(part), formatPart(part, this.origin), "replace");
  }

  /** Refuses a folder that another run has taken over, before more units are computed in vain. */
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

  /** Reads a picture of the run's first samples, which the process that has the first unit draws; undefined if there is none. */
  readPicture(name: PictureName): Promise<Uint8Array | undefined> {
    return readFile(join(this.folder, name));
  }

  /** Lists the units that have a part, with the time of its last change in milliseconds. Reads no part. */
  async list(): Promise<Map<number, number>> {
    const parts = new Map<number, number>();
    for (const name of await partNames(this.folder)) {
      // A part may have been removed since the listing.
      const status = await fileSystem.stat(join(this.folder, name)).catch(() => undefined);
      const index = Number.parseInt(name.slice("part-".length), 10);
      if (status && index < unitCount(this.manifest)) parts.set(index, status.mtimeMs);
    }
    return parts;
  }

  /** Removes the parts, files that killed processes left half written, and last the manifest. */
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
    // Fails if the folder holds files of other programs, which stay.
    await fileSystem.rmdir(this.folder).catch(() => {});
  }

  /** Removes the folder if it is still this run's and has no part: after a refused first unit, say. */
  async removeUnused(): Promise<void> {
    const there = await readManifest(join(this.folder, manifestName));
    const isOurs = there !== undefined && manifestSum(there) === this.origin.manifest;
    if (isOurs && !(await PartsFolder.hasParts(this.folder))) await this.remove();
  }

  private pathOf(unit: Unit): string {
    return join(this.folder, nameOf(unit));
  }
}

/** True for an error of the file system, which would recur if the part were computed again. */
export function isAboutDisk({ cause }: LatentflowError): boolean {
  return cause !== undefined;
}

function nameOf({ index }: Unit): string {
  return `part-${String(index).padStart(8, "0")}.safetensors`;
}

function isPart(name: string): boolean {
  return /^part-\d{8,15}\.safetensors$/.test(name);
}

/** Names of the parts in a folder; none if there is no folder. */
async function partNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(isPart);
}

/** All names in a folder; none if there is no folder. */
function namesIn(folder: string): Promise<string[]> {
  return fileSystem.readdir(folder).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return [];
    throw fileError(`cannot read the folder ${shownPath(folder)}`, cause);
  });
}

/** Reads a file; undefined if there is none. */
async function readFile(path: string): Promise<Uint8Array | undefined> {
  return fileSystem.readFile(path).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    const where = shownPath(path);
    if (codeOf(cause) === "ENOTDIR") throw invalidFile(`${where}: a part of the path is a file`);
    throw fileError(`cannot read ${where}`, cause);
  });
}

/** Reads a manifest; undefined if there is none, or a torn one. */
async function readManifest(path: string): Promise<Manifest | undefined> {
  const where = shownPath(path);
  const bytes = await readFile(path);
  return bytes && parseManifest(where, Buffer.from(bytes).toString());
}

/** Writes a file durably. @param existing fate of a file of this name that is there */
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

/** Moves a file to its place unless a file is there, atomically. */
async function linkOrRename(temporary: string, place: string): Promise<void> {
  const error = await fileSystem.link(temporary, place).catch((cause) => cause);
  // On a file system without links the last process wins, and the others fail at their next part.
  if (error && codeOf(error) !== "EEXIST") await fileSystem.rename(temporary, place);
  else await fileSystem.unlink(temporary);
}

import * as fileSystem from "node:fs/promises";
import { join } from "node:path";
import { invalid, invalidFile, showPath } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { fileError, syncFolder, writeSynced } from "../../files/durable-file.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shortPath } from "../input/files.ts";
import { removeFile, temporaryOf } from "../output/output-files.ts";
import {
  formatManifest,
  type Manifest,
  manifestDifferences,
  manifestSum,
  parseManifest,
} from "./manifest.ts";
import { formatPart, type Part, type PartOrigin, parsePart } from "./part.ts";
import { type Unit, unitCount } from "./units.ts";

// A folder of parts: manifest.json, and a file for each unit that is done. A file is written beside its place, brought to the
// disk and renamed, so that it is whole or not there whenever a process is killed. Two processes that compute the same unit
// write the same results: their parts differ in the seconds that it took, and either may stay.

/** The folder of parts in a run's folder. */
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
   * Opens the folder for a run, which is made unless it is there.
   *
   * @param alone whether nobody else can be at work there: a manifest without parts is then replaced
   * @throws OtherRunError where the parts there are of another run
   */
  static async forRun(folder: string, manifest: Manifest, alone: boolean): Promise<PartsFolder> {
    const path = join(folder, manifestName);
    let there = await readManifest(path);
    if (!there || (alone && (await partNames(folder)).length === 0)) {
      // Where none is there, of two processes that make one at the same time the first has made it for both.
      const isThere = await fileSystem.lstat(path).then(
        () => true,
        () => false,
      );
      await write(folder, manifestName, formatManifest(manifest), isThere ? "replace" : "keep");
      there = await readManifest(path);
    }
    const found = there ? manifestDifferences(there, manifest) : [];
    if (found.length === 0) return new PartsFolder(folder, manifest);
    const problem = `${showPath(shortPath(folder))} has the parts of another run`;
    throw new OtherRunError(problem, found, "Give another --out, or remove the folder");
  }

  /** Whether there is a part in a folder, of whatever run. */
  static async hasParts(folder: string): Promise<boolean> {
    return (await partNames(folder)).length > 0;
  }

  /** Opens a folder that is there. @throws LatentflowError where it has no manifest */
  static async open(folder: string): Promise<PartsFolder> {
    const manifest = await readManifest(join(folder, manifestName));
    if (manifest) return new PartsFolder(folder, manifest);
    throw new LatentflowError(
      "not_found",
      `${showPath(shortPath(folder))} has no parts: there is no ${manifestName}, or it is torn. A run without shards ` +
        "that has ended keeps none; else name the folder that was given as --out, or run a shard again, which writes it anew",
    );
  }

  /** Reads the part of a unit; undefined where there is none. @throws LatentflowError where it is torn or not this run's */
  async read(unit: Unit): Promise<Part | undefined> {
    const path = this.pathOf(unit);
    const bytes = await readFile(path);
    if (!bytes) return undefined;
    return parsePart(showPath(shortPath(path)), bytes, unit, this.origin);
  }

  /** As `read`, but a part that is torn or not this run's is undefined, too; `tell` gets the reason. */
  async readIfWhole(unit: Unit, tell: (problem: string) => void): Promise<Part | undefined> {
    return this.read(unit).catch((error) => {
      if (!(error instanceof LatentflowError) || isAboutDisk(error)) throw error;
      tell(error.message);
      return undefined;
    });
  }

  /**
   * Writes a part, in place of what may be there.
   *
   * @throws LatentflowError `other_run` where the folder has become another run's, `invalid_argument` where it has been
   *   cleared
   */
  async write(part: Part): Promise<void> {
    await this.checkOwner();
    await write(this.folder, nameOf(part), formatPart(part, this.origin), "replace");
  }

  /** Of two runs in one folder, the one that has lost it is to know before it has computed everything for nothing. */
  private async checkOwner(): Promise<void> {
    const there = await readManifest(join(this.folder, manifestName));
    if (there && manifestSum(there) === this.origin.manifest) return;
    const where = showPath(shortPath(this.folder));
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

  /** When the parts of this run's units came that are there, in milliseconds, by their units; nothing is read. */
  async list(): Promise<Map<number, number>> {
    const parts = new Map<number, number>();
    for (const name of await partNames(this.folder)) {
      // It may be gone since.
      const status = await fileSystem.stat(join(this.folder, name)).catch(() => undefined);
      const index = Number.parseInt(name.slice("part-".length), 10);
      if (status && index < unitCount(this.manifest)) parts.set(index, status.mtimeMs);
    }
    return parts;
  }

  /** Removes the parts, the manifest last, and what killed processes have left half written. */
  async remove(): Promise<void> {
    // Where merge is given a folder by two names, it is gone already.
    const names = await namesIn(this.folder);
    const ours = names.filter(
      (name) => isPart(name) || /^(part-|manifest\.|probe\.).*\.temporary$/.test(name),
    );
    for (const name of [...ours, manifestName]) {
      await removeFile(join(this.folder, name)).catch((cause) => {
        throw fileError(`cannot remove ${showPath(shortPath(join(this.folder, name)))}`, cause);
      });
    }
    // Whatever else is there is somebody else's.
    await fileSystem.rmdir(this.folder).catch(() => {});
  }

  /** Removes the folder if it is still this run's and no part is in it: the first unit was refused, say. */
  async removeUnused(): Promise<void> {
    const there = await readManifest(join(this.folder, manifestName));
    const isOurs = there !== undefined && manifestSum(there) === this.origin.manifest;
    if (isOurs && !(await PartsFolder.hasParts(this.folder))) await this.remove();
  }

  private pathOf(unit: Unit): string {
    return join(this.folder, nameOf(unit));
  }
}

/** Is it what the system says, of the disk, and nothing that is wrong with a part? Computing the part again is no cure then. */
export function isAboutDisk({ cause }: LatentflowError): boolean {
  return cause !== undefined;
}

function nameOf({ index }: Unit): string {
  return `part-${String(index).padStart(8, "0")}.safetensors`;
}

function isPart(name: string): boolean {
  return /^part-\d{8,15}\.safetensors$/.test(name);
}

/** The names of the parts in a folder; none where it is not there. */
async function partNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(isPart);
}

/** All names in a folder; none where it is not there. */
function namesIn(folder: string): Promise<string[]> {
  return fileSystem.readdir(folder).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return [];
    throw fileError(`cannot read the folder ${showPath(shortPath(folder))}`, cause);
  });
}

/** Reads a file; undefined where there is none. */
async function readFile(path: string): Promise<Uint8Array | undefined> {
  return fileSystem.readFile(path).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return undefined;
    const where = showPath(shortPath(path));
    if (codeOf(cause) === "ENOTDIR") throw invalidFile(`${where}: a part of the path is a file`);
    throw fileError(`cannot read ${where}`, cause);
  });
}

/** Undefined where there is none, or a torn one. */
async function readManifest(path: string): Promise<Manifest | undefined> {
  const where = showPath(shortPath(path));
  const bytes = await readFile(path);
  return bytes && parseManifest(where, Buffer.from(bytes).toString());
}

/** @param existing what becomes of a file that is there */
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
    throw fileError(`cannot write ${showPath(shortPath(place))}`, cause);
  }
  await syncFolder(fileSystem, folder);
}

/** Brings a file to its place unless there is one, whoever else does so at the same moment. */
async function linkOrRename(temporary: string, place: string): Promise<void> {
  const error = await fileSystem.link(temporary, place).catch((cause) => cause);
  // Where the file system has no links, who comes last wins, and the others are told at their next part.
  if (error && codeOf(error) !== "EEXIST") await fileSystem.rename(temporary, place);
  else await fileSystem.unlink(temporary);
}

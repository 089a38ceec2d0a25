import * as fileSystem from "node:fs/promises";
import { join } from "node:path";
import { about } from "../../base/calling.ts";
import { LatentflowError } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { refusedFile } from "../../base/refuse.ts";
import { fileError, syncFolder, writeSynced } from "../../files/durable-file.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shownPath } from "../input/files.ts";
import { isTemporary, removeFile, temporaryOf } from "../output/output-files.ts";
import { type PictureName, pictureNames } from "../output/picture-names.ts";
import {
  formatManifest,
  type Manifest,
  manifestDifferences,
  manifestSum,
  parseManifest,
} from "./manifest.ts";
import { formatPart, type Part, parsePart } from "./part.ts";
import type { PartRange } from "./part-range.ts";

// A folder of parts contains manifest.json and a file for each finished part of a run. Each file is written under a temporary
// name, synced and renamed, so that a file under its final name is whole. If several processes compute the same part, their
// files differ only in times, so any of them is valid.

/** Subfolder of a run's output folder for its parts: files of saved results. */
export const partsName = "parts";

const manifestName = "manifest.json";

/** The folder with the parts (files of saved results) of one run. */
export class PartsFolder {
  private readonly run: string;

  private constructor(
    readonly folder: string,
    readonly manifest: Manifest,
  ) {
    this.run = manifestSum(manifest);
  }

  /**
   * Opens the folder of a run's parts, and writes the manifest if there is none.
   *
   * @throws OtherRunError if the folder belongs to another run
   */
  static async forRun(folder: string, manifest: Manifest): Promise<PartsFolder> {
    let there = await readManifest(folder);
    if (!there) {
      await write(folder, manifestName, formatManifest(manifest), "keep");
      there = await readManifest(folder);
    }
    const found = there ? manifestDifferences(there, manifest) : [];
    if (found.length === 0) return new PartsFolder(folder, manifest);
    const problem = `${shownPath(folder)} has the parts of another run`;
    const parts = found.length === 1 && found.find(({ name }) => name === "parts");
    const cure = parts ? `Give --parts ${parts.there}, too` : "Give the options that it was made with";
    throw new OtherRunError(problem, found, `${cure}, or another --out, or remove the folder`);
  }

  /**
   * Opens the parts in an output folder.
   *
   * @throws LatentflowError `not_found` if there is no manifest of them
   */
  static async open(out: string): Promise<PartsFolder> {
    const folder = join(out, partsName);
    const manifest = await readManifest(folder);
    if (manifest) return new PartsFolder(folder, manifest);
    throw new LatentflowError(
      "not_found",
      `${shownPath(out)} holds no parts of a run: there is no ${partsName}/${manifestName}; name the folder that was ` +
        "--out of encode --part. A run without --part that has ended keeps none, and merge --delete-parts removes them",
    );
  }

  /** Lists the indices of the parts that have a file. */
  async list(): Promise<ReadonlySet<number>> {
    const indices = (await namesIn(this.folder)).map(indexOf);
    return new Set(indices.filter((index) => index !== undefined));
  }

  /**
   * Reads a part from its file.
   *
   * @throws LatentflowError if the file cannot be read, is damaged, or belongs to another run
   */
  async read(range: PartRange): Promise<Part> {
    const path = join(this.folder, nameOf(range));
    const bytes = await readFile(path);
    try {
      return about(shownPath(path), () => parsePart(bytes, range, this.run));
    } catch (cause) {
      if (!(cause instanceof LatentflowError)) throw cause;
      throw refusedFile(cause, "; remove it and run the same encode command again");
    }
  }

  /** Writes a part to its file, replacing an existing one. */
  async write(part: Part): Promise<void> {
    await write(this.folder, nameOf(part), formatPart(part, this.run), "replace");
  }

  /** Reads a picture of the run's first samples, which the process that encodes them draws; undefined if there is none. */
  async readPicture(name: PictureName): Promise<Uint8Array | undefined> {
    const names = await namesIn(this.folder);
    return names.includes(name) ? readFile(join(this.folder, name)) : undefined;
  }

  /**
   * Removes the run's files from the folder: the parts, pictures, temporary files of killed processes, and at last the
   * manifest; then the folder if it is empty.
   */
  async remove(): Promise<void> {
    const ours = (await namesIn(this.folder)).filter(
      (name) =>
        indexOf(name) !== undefined ||
        (pictureNames as readonly string[]).includes(name) ||
        isTemporary(name),
    );
    for (const name of [...ours, manifestName]) {
      await removeFile(join(this.folder, name)).catch((cause) => {
        throw fileError(`cannot remove ${shownPath(join(this.folder, name))}`, cause);
      });
    }
    // Fails if other files are in the folder, which are not removed.
    await fileSystem.rmdir(this.folder).catch(() => {});
  }
}

function nameOf({ index }: PartRange): string {
  return `part-${String(index).padStart(8, "0")}.safetensors`;
}

/** Returns the index of the part that a file's name has; undefined if it is no part. */
function indexOf(name: string): number | undefined {
  const [, index] = /^part-(\d{8,15})\.safetensors$/.exec(name) ?? [];
  return index === undefined ? undefined : Number(index);
}

/** Lists all names in a folder; none if the folder does not exist. */
function namesIn(folder: string): Promise<string[]> {
  return fileSystem.readdir(folder).catch((cause) => {
    if (codeOf(cause) === "ENOENT") return [];
    throw fileError(`cannot read the folder ${shownPath(folder)}`, cause);
  });
}

async function readFile(path: string): Promise<Uint8Array> {
  return fileSystem.readFile(path).catch((cause) => {
    throw fileError(`cannot read ${shownPath(path)}`, cause);
  });
}

/** Reads the manifest of a folder; undefined if there is none, or the path leads through a file. */
async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, manifestName);
  const text = await fileSystem.readFile(path, "utf8").catch((cause) => {
    if (["ENOENT", "ENOTDIR"].includes(String(codeOf(cause)))) return undefined;
    throw fileError(`cannot read ${shownPath(path)}`, cause);
  });
  return text === undefined ? undefined : about(shownPath(path), () => parseManifest(text));
}

/**
 * Writes a file durably: under a temporary name, synced, then moved atomically to its final name.
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
    if (existing === "keep") await linkOrReplace(temporary, place);
    else await fileSystem.rename(temporary, place);
  } catch (cause) {
    await fileSystem.unlink(temporary).catch(() => {});
    throw fileError(`cannot write ${shownPath(place)}`, cause);
  }
  await syncFolder(fileSystem, folder);
}

/** Moves a file to a place where none is yet, else removes it. On a file system without hard links, it replaces the other. */
async function linkOrReplace(temporary: string, place: string): Promise<void> {
  const refusal = await fileSystem.link(temporary, place).catch((cause) => ({ code: codeOf(cause) }));
  if (refusal && refusal.code !== "EEXIST") await fileSystem.rename(temporary, place);
  else await fileSystem.unlink(temporary);
}

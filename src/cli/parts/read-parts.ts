import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { LatentflowError } from "../../base/errors.ts";
import { codeOf } from "../../base/realms.ts";
import { invalidFile } from "../../base/refuse.ts";
import { fileError } from "../../files/durable-file.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shownPath } from "../input/files.ts";
import { manifestDifferences } from "./manifest.ts";
import type { Part } from "./part.ts";
import { isAboutDisk, PartsFolder, partsName } from "./parts-folder.ts";
import { type Unit, unitAt, unitCount } from "./shard-units.ts";

// Reads the parts of a run from one folder or, if its processes shared no file system, from several.

const NAME_OUT = "name the folder that was --out of the shards";

/**
 * Opens the folders of a run's parts (files of saved results), which are in the folders `outs` that its processes were given as
 * `--out`. A folder that is named twice is opened once.
 *
 * @throws LatentflowError if a folder does not exist, contains no parts, or belongs to another run than the first
 */
export async function openRunFolders(outs: readonly string[]): Promise<PartsFolder[]> {
  for (const out of outs) {
    const where = shownPath(out);
    if (!(await isThere(out))) {
      throw new LatentflowError("not_found", `${where}: there is no such folder; ${NAME_OUT}`);
    }
    if (await isThere(join(out, partsName))) continue;
    throw invalidFile(
      `${where} holds no parts of a run; ${NAME_OUT}. A run without --shard that has ended keeps none`,
    );
  }
  const folders = new Map<string, PartsFolder>();
  for (const out of outs) {
    const path = join(out, partsName);
    const place = await realpath(path).catch(() => path);
    if (folders.has(place)) continue;
    const folder = await PartsFolder.open(path);
    const [first = folder] = folders.values();
    const found = manifestDifferences(first.manifest, folder.manifest);
    if (found.length > 0) {
      throw new OtherRunError(
        `${shownPath(path)} has the parts of another run than ${shownPath(first.folder)}`,
        found,
        "Only parts of one run can be put together",
      );
    }
    folders.set(place, folder);
  }
  return [...folders.values()];
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause) => {
      // ENOTDIR means that a file is part of the path.
      if (["ENOENT", "ENOTDIR"].includes(String(codeOf(cause)))) return false;
      throw fileError(`cannot read ${shownPath(path)}`, cause);
    },
  );
}

/** Lists the indices of units (samples saved together in one file) that have no file in any folder, judged by file names. */
export async function missingUnits(folders: readonly PartsFolder[]): Promise<number[]> {
  const found = new Set<number>();
  for (const folder of folders) for (const index of (await folder.list()).keys()) found.add(index);
  return unitsOfAll(folders)
    .map(({ index }) => index)
    .filter((index) => !found.has(index));
}

function unitsOfAll([first]: readonly PartsFolder[]): Unit[] {
  const { manifest } = first!;
  return Array.from({ length: unitCount(manifest) }, (_, index) => unitAt(index, manifest));
}

/**
 * Reads all parts of a run (the saved results of its units of samples), in order.
 *
 * @throws LatentflowError `invalid_file` if a part is missing, incomplete or damaged
 */
export async function* allParts(folders: readonly PartsFolder[]): AsyncGenerator<Part> {
  for (const unit of unitsOfAll(folders)) yield readPart(folders, unit);
}

async function readPart(folders: readonly PartsFolder[], unit: Unit): Promise<Part> {
  let problem: LatentflowError | undefined;
  for (const folder of folders) {
    try {
      const part = await folder.read(unit);
      if (part) return part;
    } catch (error) {
      if (!(error instanceof LatentflowError)) throw error;
      problem ??= error;
    }
  }
  if (problem && isAboutDisk(problem)) throw problem;
  const cure = "run its shard, or the same encode command, again";
  throw problem
    ? new LatentflowError(problem.code, `${problem.message}; ${cure}`, { cause: problem })
    : invalidFile(`the part of unit ${unit.index} is missing; ${cure}`);
}

/**
 * Lists the indices of the units of samples that have no intact part (file of saved results) in any folder, by reading all
 * parts.
 *
 * @param missing indices of the units without a part
 * @param tell called with a message for each incomplete or damaged part
 */
export async function tornUnits(
  folders: readonly PartsFolder[],
  missing: readonly number[],
  tell: (problem: string) => void,
): Promise<number[]> {
  const torn = new Set(missing);
  for (const unit of unitsOfAll(folders)) {
    if (torn.has(unit.index)) continue;
    try {
      await readPart(folders, unit);
    } catch (error) {
      if (!(error instanceof LatentflowError)) throw error;
      tell(error.message);
      torn.add(unit.index);
    }
  }
  return [...torn].sort((a, b) => a - b);
}

/**
 * Formats ascending integers as ranges: `3-5,9`.
 *
 * @param most maximum number of ranges shown
 */
export function showRanges(numbers: readonly number[], most = 12): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const shown = ranges
    .slice(0, most)
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const rest = ranges.length - most;
  return shown.join(",") + (rest > 0 ? `, and ${rest} more ranges` : "");
}

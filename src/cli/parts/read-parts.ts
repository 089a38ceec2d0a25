import { realpath } from "node:fs/promises";
import { invalidFile, showPath } from "../../base/check.ts";
import { LatentflowError } from "../../base/errors.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shortPath } from "../input/files.ts";
import { manifestDifferences } from "./manifest.ts";
import type { Part } from "./part.ts";
import { isAboutDisk, PartsFolder } from "./parts-folder.ts";
import { type Unit, unitAt, unitCount } from "./units.ts";

// The parts of a run together, from one folder or, where its processes had no file system in common, from several.

/**
 * Opens folders whose parts are to be put together.
 *
 * @throws LatentflowError where one has no parts, or those of another run
 */
export async function openFolders(paths: readonly string[]): Promise<PartsFolder[]> {
  const folders: PartsFolder[] = [];
  const places = new Set<string>();
  for (const path of paths) {
    // A folder that is named twice has its parts once.
    const place = await realpath(path).catch(() => path);
    if (places.has(place)) continue;
    places.add(place);
    const folder = await PartsFolder.open(path);
    const first = folders[0] ?? folder;
    const found = manifestDifferences(first.manifest, folder.manifest);
    if (found.length > 0) {
      throw new OtherRunError(
        `${showPath(shortPath(path))} has the parts of another run than ${showPath(shortPath(first.folder))}`,
        found,
        "Only parts of one run can be put together",
      );
    }
    folders.push(folder);
  }
  return folders;
}

/** The units of which no folder has a part, by the files' names; nothing is read. */
export async function missingUnits(folders: readonly PartsFolder[]): Promise<number[]> {
  const [{ manifest }] = folders as [PartsFolder];
  const there = new Set<number>();
  for (const folder of folders) for (const index of (await folder.list()).keys()) there.add(index);
  const missing: number[] = [];
  for (let index = 0; index < unitCount(manifest); index++) if (!there.has(index)) missing.push(index);
  return missing;
}

/** All parts of a run, in order, each checked. @throws LatentflowError `invalid_file` where one is missing or torn */
export async function* allParts(folders: readonly PartsFolder[]): AsyncGenerator<Part> {
  const [{ manifest }] = folders as [PartsFolder];
  for (let index = 0; index < unitCount(manifest); index++) yield readPart(folders, unitAt(index, manifest));
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

/** The units of which no folder has a whole part: each is read. @param tell is told what is wrong with a part */
export async function tornUnits(
  folders: readonly PartsFolder[],
  missing: readonly number[],
  tell: (problem: string) => void,
): Promise<number[]> {
  const [{ manifest }] = folders as [PartsFolder];
  const torn = [...missing];
  const absent = new Set(missing);
  for (let index = 0; index < unitCount(manifest); index++) {
    if (absent.has(index)) continue;
    const isWhole = await readPart(folders, unitAt(index, manifest)).then(
      () => true,
      (error) => {
        if (!(error instanceof LatentflowError)) throw error;
        tell(error.message);
        return false;
      },
    );
    if (!isWhole) torn.push(index);
  }
  return torn.sort((a, b) => a - b);
}

/** The same parts. `look` is called with each as it comes. */
export async function* observed(
  parts: AsyncIterable<Part> | Iterable<Part>,
  look: (part: Part) => void,
): AsyncGenerator<Part> {
  for await (const part of parts) {
    look(part);
    yield part;
  }
}

/** Numbers in ascending order as ranges: `3-5,9`. @param most the most ranges that are shown */
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

import { invalidFile } from "../../base/refuse.ts";
import { OtherRunError } from "../../train/run-differences.ts";
import { shownPath } from "../input/files.ts";
import { formatCount } from "../output/report.ts";
import { manifestDifferences } from "./manifest.ts";
import type { Part } from "./part.ts";
import { rangesOf } from "./part-range.ts";
import { PartsFolder } from "./parts-folder.ts";

// Opens the parts of a run in one folder or, if its processes shared no file system, in several.

/**
 * Opens the folders of a run's parts (files of saved results) in the folders that its processes were given as `--out`.
 *
 * @throws LatentflowError if a folder contains no parts, or those of another run than the first
 */
export async function openFolders(outs: readonly string[]): Promise<PartsFolder[]> {
  const folders: PartsFolder[] = [];
  for (const out of outs) {
    const folder = await PartsFolder.open(out);
    const [first = folder] = folders;
    const found = manifestDifferences(first.manifest, folder.manifest);
    if (found.length > 0) {
      const [one, other] = [shownPath(first.folder), shownPath(folder.folder)];
      const cure = "Only parts of one run can be put together";
      const where = [`in ${one}`, `in ${other}`] as const;
      throw new OtherRunError(`${other} has the parts of another run than ${one}`, found, cure, where);
    }
    folders.push(folder);
  }
  return folders;
}

/**
 * Finds a file for each part of a run; returns a function that reads all parts, in order.
 *
 * @throws LatentflowError `invalid_file` if parts are missing
 */
export async function findParts(folders: readonly PartsFolder[]): Promise<() => AsyncGenerator<Part>> {
  const [{ manifest }] = folders as [PartsFolder];
  const places = new Map<number, PartsFolder>();
  for (const folder of folders) for (const index of await folder.list()) places.set(index, folder);
  const ranges = rangesOf(manifest);
  const missing = ranges.map(({ index }) => index).filter((index) => !places.has(index));
  if (missing.length > 0) {
    const [those, { parts }] = [showRanges(missing), manifest];
    // One process would compute what is in the other folders, too.
    const atOnce =
      folders.length === 1 ? `--plain --parts ${parts} in place of --part, which merges as well, or ` : "";
    throw invalidFile(
      `${formatCount(missing.length)} of ${formatCount(parts)} parts are missing: ${those}; run the same encode command ` +
        `again with ${atOnce}--part K/${parts} for each of them: sbatch --array=${those}`,
    );
  }
  return async function* () {
    for (const range of ranges) yield await places.get(range.index)!.read(range);
  };
}

/** Formats ascending integers as ranges: `3-5,9`. */
export function showRanges(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

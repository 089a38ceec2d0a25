import { join } from "node:path";
import { flag } from "../options/flag-table.ts";
import { type Output, StagedOutputs } from "../output/output-files.ts";
import { npyResults } from "./npy-results.ts";
import { parquetResults } from "./parquet-results.ts";
import type { Part } from "./part.ts";
import type { Group, ResultsFormat } from "./results-format.ts";
import { type ResultsPlan, sampleBytes } from "./results-plan.ts";
import { joinAll, sliceAll } from "./sample-slices.ts";

/** Names of the formats of results, the values of `--format`. */
export type ResultsFormatName = "npy" | "parquet";

const FORMATS: { readonly [Name in ResultsFormatName]: ResultsFormat } = {
  npy: npyResults,
  parquet: parquetResults,
};

const STANDARD_FORMAT: ResultsFormatName = "npy";

/**
 * Lists the names of the files that are written in a format of results. They do not depend on the samples.
 *
 * @param isAll true to include optional files
 */
function fileNames(format: ResultsFormat, isAll: boolean): string[] {
  const optional = { hasReconstructions: isAll, codesPerSample: isAll ? 1 : 0 };
  const plan = { samples: 0, latentSize: 0, sampleShape: [], hasPrior: true, ...optional };
  return format.files(plan).map(({ name }) => name);
}

/** Names of the files of all formats of results, optional ones included. */
export const resultsFileNames = Object.values(FORMATS).flatMap((format) => fileNames(format, true));

/**
 * Declares the option `--format`.
 *
 * @param more text appended to its help
 */
export function formatFlag(more = "") {
  const formats = Object.entries(FORMATS).map(
    ([name, format]) => `${name} (${fileNames(format, false).join(" and ")})`,
  );
  const text = `format of the results: ${formats.join(" or ")} (default: ${STANDARD_FORMAT})${more}`;
  return flag("<name>", text, { choices: Object.keys(FORMATS) as ResultsFormatName[] });
}

/**
 * Limits of the samples that are written together: their number, and the bytes of their results. They bound memory, and do not
 * depend on the parts, so that a Parquet file has the same row groups however the run is divided.
 */
const GROUP = { samples: 10_000, bytes: 2 ** 26 };

/**
 * Writes the results of a run to its folder, part by part, in place of the results of earlier runs, which stay until all
 * new files are on disk.
 *
 * @param parts all parts of the run, in order
 * @param others names of further files of earlier runs, to be removed
 * @param onPart called with each part before it is written
 */
export async function writeResults(
  folder: string,
  format: ResultsFormatName | undefined,
  plan: ResultsPlan,
  parts: AsyncIterable<Part> | Iterable<Part>,
  others: readonly string[],
  onPart?: (part: Part) => void,
): Promise<Output[]> {
  const chosen = FORMATS[format ?? STANDARD_FORMAT];
  const written = chosen.files(plan);
  const shown = async function* () {
    for await (const part of parts) {
      onPart?.(part);
      yield part;
    }
  };
  const size = Math.max(1, Math.min(GROUP.samples, Math.floor(GROUP.bytes / sampleBytes(plan))));
  const isStale = (name: string) => !written.some((file) => file.name === name);
  const stale = [...resultsFileNames, ...others].filter(isStale);
  await StagedOutputs.write(folder, stale, (outputs) => chosen.write(plan, outputs, regroup(shown(), size)));
  return written.map(({ name, content }) => ({ path: join(folder, name), content }));
}

/** Cuts the results of consecutive samples into groups of `size` samples; the last one may have fewer. */
async function* regroup(parts: AsyncIterable<Part>, size: number): AsyncGenerator<Group> {
  let [first, count] = [0, 0];
  let pieces: Part["results"][] = [];
  const group = () => ({ first, count, results: joinAll(pieces) });
  for await (const part of parts) {
    let at = 0;
    do {
      const end = Math.min(part.count, at + size - count);
      pieces.push(sliceAll(part.results, part.count, at, end));
      count += end - at;
      at = end;
      if (count < size) continue;
      yield group();
      first += count;
      [count, pieces] = [0, []];
    } while (at < part.count);
  }
  // Also of no samples, so that files begin.
  if (pieces.length > 0) yield group();
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { LatentflowError, partsOf, remade } from "../../base/errors.ts";
import { words } from "../../base/message.ts";
import { invalid } from "../../base/refuse.ts";
import { costOf } from "../../graph/graph.ts";
import { type EncodingInput, type EncodingRun, openInput } from "../input/encoding-input.ts";
import { shownPath } from "../input/files.ts";
import {
  interruptSignal,
  sayInterrupted,
  setInterrupted,
  undefinedIfAborted,
  unlessInterrupted,
} from "../interrupt.ts";
import type { Job } from "../options/job.ts";
import { type Completion, planCompletion, writeCompletedFiles } from "../output/completed-files.ts";
import { chooseNames, completedName, writeCompleted } from "../output/completed-pictures.ts";
import { encodeFigures, type PartCounts } from "../output/encode-figures.ts";
import { makeFolder, type Output } from "../output/output-files.ts";
import { pictureNames } from "../output/picture-names.ts";
import { writePictures } from "../output/pictures.ts";
import { print, say } from "../output/print.ts";
import { showProgress } from "../output/progress.ts";
import { formatCount, formatReport } from "../output/report.ts";
import { encodeParts } from "../parts/encode-parts.ts";
import { manifestOf, planOf } from "../parts/manifest.ts";
import type { Part } from "../parts/part.ts";
import { type Division, divide, type PartRange, rangeOf, rangesOf } from "../parts/part-range.ts";
import { PartsFolder, partsName } from "../parts/parts-folder.ts";
import { RunSummariser } from "../parts/run-summary.ts";
import { resultsFileNames, writeResults } from "../parts/write-results.ts";

/** Names of the files that `encode` may write. */
const encodeOutputs = [...resultsFileNames, ...pictureNames];

/** A run of `encode` or `demo`, and the division of its samples into parts. */
interface Run extends EncodingRun {
  readonly division: Division;
  /** File names of the completed pictures; undefined if no pictures are completed. */
  readonly completed: readonly string[] | undefined;
  /** Completed files of arrays and tables; undefined if there are none. */
  readonly completion: Completion | undefined;
}

/** Place where the parts of a run are kept until its results are written: a folder, or memory if there is one part. */
type PartsPlace = Pick<PartsFolder, "list" | "read" | "write" | "remove"> & { readonly folder?: string };

/**
 * Encodes files of samples, writes the results to the job's folder and prints a report. Each finished part is saved in a folder,
 * from which the same command resumes, unless all samples are one part: then nothing is written if Ctrl-C or SIGTERM stops the
 * run. A job of a single part saves that part alone. After a signal the exit code is 128 + its number.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const nothing = "stopped before the first sample; nothing is written";
  const input = await unlessInterrupted(signal, openInput(job, signal), nothing);
  if (!input) return;
  // Before the encoding, so that a folder that cannot be created is refused at once. For a job of a part this also checks the
  // files that `merge` will write.
  await makeFolder(job.out, encodeOutputs, job);
  if (job.part && input.samples.count === 0)
    throw invalid("there are no samples in --data, so there is no part of them");
  const division = divide(job, planOf(job, input), operationsOf(job, input));
  const completed = job.part ? undefined : chooseNames(input);
  if (completed) await makeFolder(join(job.out, completedName), completed, {});
  const completion = job.part ? undefined : await planCompletion(job, input, encodeOutputs);
  const run = { job, input, division, completed, completion, signal };
  const path = join(job.out, partsName);
  // A folder of parts is always used, so that parts of a different run are refused with a message.
  const isSaved =
    job.part !== undefined || division.parts > 1 || (input.samples.count > 0 && existsSync(path));
  if (!isSaved) return encodeInto(run, partsInMemory());
  const manifest = await unlessInterrupted(signal, manifestOf(job, input, division.parts), nothing);
  if (!manifest) return;
  await makeFolder(path, [], job);
  const folder = await PartsFolder.forRun(path, manifest);
  try {
    await encodeInto(run, folder);
  } finally {
    // The job of a part leaves the folder, since others may be using it. An error here must not hide an earlier one.
    const isUnused = !job.part && (await folder.list()).size === 0;
    if (isUnused) await folder.remove().catch(() => {});
  }
}

/** Assumed cost of encoding a sample, in forward passes of the decoder: some 40 passes forward and back. */
const PASSES = 120;

/** Returns the multiply-adds for decoding a sample once, with the share of this cost that drawing its codes adds. */
function operationsOf({ samples: codes = 0 }: Job, { fixed }: EncodingInput): number {
  const { multiplications, sums } = costOf(fixed.decoder);
  // Each drawn code takes one forward pass.
  return (multiplications + sums) * (1 + codes / PASSES);
}

function partsInMemory(): PartsPlace {
  const parts = new Map<number, Part>();
  return {
    list: async () => new Set(parts.keys()),
    read: async ({ index }) => parts.get(index)!,
    write: async (part) => void parts.set(part.index, part),
    remove: async () => {},
  };
}

/**
 * Encodes the parts that are not in their place yet and saves them there. Then writes the results and removes the parts; a job of
 * a single part leaves it there instead, with the run's pictures if it is the first one.
 */
async function encodeInto(run: Run, place: PartsPlace): Promise<void> {
  const { job, division, signal } = run;
  const ranges = job.part ? [rangeOf(job.part.index, division)] : rangesOf(division);
  const there = await place.list();
  const missing = ranges.filter(({ index }) => !there.has(index));
  const found = ranges.length - missing.length;
  let done = found;
  if (missing.length > 0) {
    await encodeShown(run, missing, async (part) => {
      await place.write(part);
      done++;
    });
  }
  const counts = place.folder === undefined ? undefined : { count: division.parts, found };
  const end = async () => {
    if (job.part) await endPart(run, place.folder!, await place.read(ranges[0]!), counts);
    else await writeAll(run, place, counts);
    return true;
  };
  const isWhole = !signal.aborted && (await undefinedIfAborted(signal, end()));
  if (!isWhole) sayStopped(run, place.folder, done, ranges.length);
  else if (!job.part) await place.remove();
}

function sayStopped({ job }: Run, folder: string | undefined, done: number, of: number): void {
  // The demo sets `dataFlag` and has no `--parts` option.
  const hint = ": all samples are one part. With --parts 10, say, what is done is kept";
  if (folder === undefined) sayInterrupted(`stopped; nothing is written${job.dataFlag ? "" : hint}`);
  else if (done === 0) sayInterrupted("stopped before a part was done; nothing is written");
  else {
    const share = `${formatCount(done)} of ${formatCount(of)} parts`;
    sayInterrupted(`stopped; ${share} are in ${shownPath(folder)}, and the same command goes on from there`);
  }
}

/** Draws the run's pictures if it is the first part, for `merge`, and prints the report of a part. */
async function endPart(run: Run, folder: string, part: Part, counts: PartCounts | undefined): Promise<void> {
  if (part.index === 0) await writePictures(folder, run, part);
  run.signal.throwIfAborted();
  const summariser = new RunSummariser();
  summariser.add(part);
  const content = `its part; latentflow merge ${shownPath(run.job.out)} puts all together`;
  const figures = encodeFigures(run, summariser.summary(), false, counts);
  print(formatReport(figures, [{ path: folder, content }], run.job.json));
}

/** Encodes parts with progress shown on stderr; calls `keep` with the results of each finished part. */
async function encodeShown(
  run: Run,
  ranges: readonly PartRange[],
  keep: (part: Part) => Promise<void>,
): Promise<void> {
  const total = ranges.reduce((sum, { count }) => sum + count, 0);
  const display = showProgress(`encoding ${formatCount(total)} samples`, total, run.job.quiet, run.signal);
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    const encoding = { ...run, onProgress: display.update, onWarning };
    for await (const part of encodeParts(encoding, ranges)) await keep(part);
  } finally {
    display.stop();
    // After the progress bar has been removed, which needs its line to itself.
    for (const warning of warnings) say(warning);
  }
}

/**
 * Writes the results of all samples and pictures of the first ones, and prints the report.
 *
 * @param counts numbers of parts for the report; undefined for a run of one part, which is not saved
 */
async function writeAll(run: Run, place: PartsPlace, counts: PartCounts | undefined): Promise<void> {
  const { job, input, division, signal } = run;
  const parts = async function* () {
    for (const range of rangesOf(division)) yield await place.read(range);
  };
  const summariser = new RunSummariser();
  const plan = planOf(job, input);
  const written = await writeResults(job.out, job.format, plan, parts(), pictureNames, (part) => {
    signal.throwIfAborted();
    summariser.add(part);
  });
  const outputs = [...written];
  try {
    // The numeric results are complete without pictures, which a signal may cut short.
    const first = await place.read(rangeOf(0, division));
    outputs.push(...((await undefinedIfAborted(signal, writePictures(job.out, run, first))) ?? []));
    const completed = run.completion
      ? writeCompletedFiles(run, run.completion, parts(), summariser.summary().missing)
      : writeCompleted(job.out, run, run.completed, parts());
    outputs.push(...((await undefinedIfAborted(signal, completed)) ?? []));
  } catch (error) {
    throw error instanceof LatentflowError ? besides(error, outputs) : error;
  }
  const figures = encodeFigures(run, summariser.summary(), signal.aborted, counts);
  print(formatReport(figures, outputs, job.json));
  // A signal after the last sample also counts: pictures may be missing.
  if (signal.aborted) setInterrupted();
}

/** Returns an error about a picture, extended by the names of the files that were written before. */
function besides(error: LatentflowError, written: readonly Output[]): LatentflowError {
  const names = written.map(({ path }) => shownPath(path)).join(", ");
  return remade(error, {
    words: words`${partsOf(error).words}; what is written before it is whole: ${names}`,
  });
}

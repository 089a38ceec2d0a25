import { join } from "node:path";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import { invalid } from "../../base/refuse.ts";
import { costOf } from "../../graph/graph.ts";
import { type EncodingInput, type EncodingRun, openInput } from "../input/encoding-input.ts";
import { shownPath } from "../input/files.ts";
import {
  interruptSignal,
  sayInterrupted,
  setInterrupted,
  unlessAborted,
  unlessInterrupted,
} from "../interrupt.ts";
import type { Job } from "../options/job.ts";
import { chooseNames, completedName, writeCompleted } from "../output/completed-pictures.ts";
import { encodeFigures, type UnitCounts } from "../output/encode-figures.ts";
import { makeFolder, type Output } from "../output/output-files.ts";
import { pictureNames } from "../output/picture-names.ts";
import { writePictures } from "../output/pictures.ts";
import { print, say } from "../output/print.ts";
import { showProgress } from "../output/progress.ts";
import { countOf, formatCount, formatReport } from "../output/report.ts";
import { encodeUnits } from "../parts/encode-units.ts";
import { manifestOf, planOf } from "../parts/manifest.ts";
import type { Part } from "../parts/part.ts";
import { PartsFolder, partsName } from "../parts/parts-folder.ts";
import { allParts } from "../parts/read-parts.ts";
import { RunSummariser, type RunSummary } from "../parts/run-summary.ts";
import { type Cut, standardUnit, type Unit, unitCount, unitsOf } from "../parts/shard-units.ts";
import { resultsFileNames, writeResults } from "../parts/write-results.ts";

/** Names of the files that `encode` may write. */
const encodeOutputs = [...resultsFileNames, ...pictureNames];

/** A run of `encode` or `demo`, and the division of its samples into units, which are encoded together. */
interface Run extends EncodingRun {
  readonly cut: Cut;
  /** File names of the completed pictures; undefined if no pictures are completed. */
  readonly completed: readonly string[] | undefined;
}

/**
 * Encodes files of samples, writes the results to the job's folder and prints a report. A run of one unit (the samples
 * encoded and saved together) writes nothing if Ctrl-C or SIGTERM stops it. In larger runs and in shards, each finished
 * unit is saved as a part, from which the same command resumes. After a signal the exit code is 128 + its number.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const nothing = "stopped before the first sample; nothing is written";
  const input = await unlessInterrupted(signal, openInput(job, signal), nothing);
  if (!input) return;
  // Before the encoding, so that a folder that cannot be created is refused at once. For a shard this also checks the
  // files that `merge` will write.
  await makeFolder(job.out, encodeOutputs, job);
  const cut = { samples: input.samples.count, unit: job.unit ?? unitFor(job, input) };
  const completed = job.shard ? undefined : chooseNames(input);
  if (completed) await makeFolder(join(job.out, completedName), completed, {});
  const run = { job, input, cut, completed, signal };
  if (cut.samples === 0 && job.shard)
    throw invalid("there are no samples in --data, so there is no shard of them");
  // A folder with parts always runs in parts, so that parts of a different run are refused with a message.
  const isOneUnit =
    unitCount(cut) <= 1 && !job.shard && !(await PartsFolder.hasParts(join(job.out, partsName)));
  if (cut.samples === 0 || isOneUnit) return encodeAtOnce(run);
  const manifest = await unlessInterrupted(signal, manifestOf(job, input, cut.unit), nothing);
  if (!manifest) return;
  const path = join(job.out, partsName);
  await makeFolder(path, [], job);
  const folder = await PartsFolder.forRun(path, manifest, job.shard === undefined);
  try {
    await encodeInParts(run, folder);
  } finally {
    // A shard leaves the folder, since other shards may be using it. An error here must not hide an earlier one.
    if (!job.shard) await folder.removeUnused().catch(() => {});
  }
}

/** Assumed cost of encoding a sample, in forward passes of the decoder: some 40 passes forward and back. */
const PASSES = 120;

function unitFor({ samples: codes = 0 }: Job, { fixed, samples }: EncodingInput): number {
  const { multiplications, sums } = costOf(fixed.decoder);
  // Each drawn code takes one forward pass.
  return standardUnit((multiplications + sums) * (1 + codes / PASSES), samples.count);
}

/**
 * Encodes the samples of a run that is a single unit (all are encoded together), without saving parts (results of
 * units) for a resumption, and writes the results.
 */
async function encodeAtOnce(run: Run): Promise<void> {
  const { job, cut } = run;
  const unit = { index: 0, first: 0, count: cut.samples };
  const parts: Part[] = [];
  await encodeShown(run, [unit], async (part) => void parts.push(part));
  if (parts.length > 0) return writeAll(run, () => parts, parts[0]!);
  // The demo sets `dataFlag` and has no `--unit` option.
  const hint = `: up to --unit samples, ${formatCount(cut.unit)}, are computed as a whole. With fewer what is done is kept`;
  sayInterrupted(`stopped; nothing is written${job.dataFlag ? "" : hint}`);
}

/**
 * Encodes the units (samples that are encoded together) that have no saved part (file of results) yet, and saves their
 * parts. A run that is not a shard then writes the results and removes the parts.
 */
async function encodeInParts(run: Run, folder: PartsFolder): Promise<void> {
  const { job, cut, signal } = run;
  const units = unitsOf(cut, job.shard);
  if (job.shard && unitCount(cut) < job.shard.count) {
    say(
      `the samples are cut into ${countOf(unitCount(cut), "unit")}, fewer than ${formatCount(job.shard.count)} shards, so ` +
        "some have nothing to do; a smaller --unit makes more",
    );
  }
  const summariser = new RunSummariser();
  const { found, missing } = await findParts(folder, units, summariser, signal);
  let encoded = 0;
  if (!signal.aborted && missing.length > 0) {
    await encodeShown(run, missing, async (part) => {
      await folder.write(part);
      summariser.add(part);
      encoded++;
    });
  }
  const sayStopped = () => {
    if (found + encoded === 0) return sayInterrupted("stopped before a unit was done; nothing is written");
    sayInterrupted(
      `stopped; ${formatCount(found + encoded)} of ${formatCount(units.length)} units are in ` +
        `${shownPath(folder.folder)}, and the same command goes on from there`,
    );
  };
  if (signal.aborted) return sayStopped();
  const counts = { count: units.length, found, of: unitCount(cut) };
  if (job.shard) {
    const [unit] = units;
    // `merge` reads the pictures from this folder.
    const part = unit?.index === 0 ? await folder.read(unit) : undefined;
    if (part) await unlessAborted(signal, writePictures(folder.folder, run, part));
    return printShard(run, folder, summariser.summary(), counts);
  }
  const first = (await allParts([folder]).next()).value as Part;
  const written = writeAll(run, () => allParts([folder]), first, counts).then(() => true);
  if (!(await unlessAborted(signal, written))) return sayStopped();
  await folder.remove();
}

/**
 * Prints the report of a shard (one process's share of a run). A shard's only output is its parts (results of units of
 * samples), and the run's pictures if it has the first unit.
 */
function printShard(run: Run, { folder }: PartsFolder, summary: RunSummary, units: UnitCounts): void {
  const { out, json } = run.job;
  const content = `parts of ${countOf(units.count, "unit")}; latentflow merge ${shownPath(out)} puts all together`;
  print(formatReport(encodeFigures(run, summary, false, units), [{ path: folder, content }], json));
}

/**
 * Reads the saved parts (files of results) of `units`, until the signal aborts.
 *
 * @param summariser receives each intact part
 * @returns the number of units with an intact part, and the units whose part is missing, torn, or from another run
 */
async function findParts(
  folder: PartsFolder,
  units: readonly Unit[],
  summariser: RunSummariser,
  signal: AbortSignal,
): Promise<{ readonly found: number; readonly missing: readonly Unit[] }> {
  let found = 0;
  const missing: Unit[] = [];
  for (const unit of units) {
    if (signal.aborted) break;
    const part = await folder.readIfWhole(unit, (problem) => say(`${problem}; it is computed again`));
    if (part) {
      summariser.add(part);
      found++;
    } else missing.push(unit);
  }
  return { found, missing };
}

/**
 * Encodes units (samples that are encoded together) with progress shown on stderr; calls `keep` with the part (results)
 * of each finished unit.
 */
async function encodeShown(
  run: Run,
  units: readonly Unit[],
  keep: (part: Part) => Promise<void>,
): Promise<void> {
  const total = units.reduce((sum, { count }) => sum + count, 0);
  const display = showProgress(`encoding ${total} samples`, total, run.job.quiet, run.signal);
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    const encoding = { ...run, onProgress: display.update, onWarning };
    for await (const part of encodeUnits(encoding, units)) await keep(part);
  } finally {
    display.stop();
    // After the progress bar has been removed, which needs its line to itself.
    for (const warning of warnings) say(warning);
  }
}

/**
 * Writes the results of all samples and pictures of the first ones, and prints the report.
 *
 * @param parts returns an iterator over all parts (results of units of samples), in order; called twice
 * @param first part with the first samples, which are drawn
 * @param units numbers of units for the report; undefined for a run of a single unit, which saves no parts
 */
async function writeAll(
  run: Run,
  parts: () => AsyncIterable<Part> | Iterable<Part>,
  first: Part,
  units?: UnitCounts,
): Promise<void> {
  const { job, input, signal } = run;
  const plan = planOf(job, input);
  const summariser = new RunSummariser();
  const written = await writeResults(job.out, job.format, plan, parts(), pictureNames, (part) => {
    // The results of a single unit are written even after a signal: they are already computed.
    if (units) signal.throwIfAborted();
    summariser.add(part);
  });
  const outputs = [...written];
  try {
    // The numeric results are complete without pictures, which a signal may cut short.
    outputs.push(...((await unlessAborted(signal, writePictures(job.out, run, first))) ?? []));
    outputs.push(
      ...((await unlessAborted(signal, writeCompleted(job.out, run, run.completed, parts()))) ?? []),
    );
  } catch (error) {
    throw error instanceof LatentflowError ? besides(error, outputs) : error;
  }
  const figures = encodeFigures(run, summariser.summary(), signal.aborted, units);
  print(formatReport(figures, outputs, job.json));
  // A signal after the last sample also counts: pictures may be missing.
  if (signal.aborted) setInterrupted();
}

/** Returns an error about a picture, extended by the names of the files that were written before. */
function besides(error: LatentflowError, written: readonly Output[]): LatentflowError {
  const names = written.map(({ path }) => shownPath(path)).join(", ");
  const message = `${markedMessage(error)}; what is written before it is whole: ${names}`;
  return new LatentflowError(error.code, message, { cause: error });
}

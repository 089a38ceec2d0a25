import { join } from "node:path";
import { LatentflowError, markedMessage } from "../../base/errors.ts";
import { invalid } from "../../base/refuse.ts";
import { costOf } from "../../graph/graph.ts";
import { type EncodingInput, openInput } from "../input/encoding-input.ts";
import { shownPath } from "../input/files.ts";
import { interruptSignal, sayInterrupted, setInterrupted, unlessInterrupted } from "../interrupt.ts";
import type { Job } from "../options/job.ts";
import { writeCompleted } from "../output/completed-pictures.ts";
import { encodeFigures, type UnitCounts } from "../output/encode-figures.ts";
import { makeFolder, type Output } from "../output/output-files.ts";
import { pictureNames } from "../output/picture-names.ts";
import { writePictures } from "../output/pictures.ts";
import { print, say } from "../output/print.ts";
import { showSampleProgress } from "../output/progress.ts";
import { countOf, formatCount, formatReport } from "../output/report.ts";
import { encodeUnits } from "../parts/encode-units.ts";
import { manifestOf, planOf } from "../parts/manifest.ts";
import type { Part } from "../parts/part.ts";
import { PartsFolder, partsName } from "../parts/parts-folder.ts";
import { allParts } from "../parts/read-parts.ts";
import { RunSummariser, type RunSummary } from "../parts/run-summary.ts";
import { type Cut, standardUnit, type Unit, unitCount, unitsOf } from "../parts/shard-units.ts";
import { resultsFileNames, writeResults } from "../parts/write-results.ts";

/** Names of the files that a run may write. */
const encodeOutputs = [...resultsFileNames, ...pictureNames];

/** Run of `encode` whose input files are open. */
interface Run {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly cut: Cut;
  readonly signal: AbortSignal;
}

/**
 * Encodes files of samples, writes the results to the job's folder and prints a report. A run of one unit writes nothing
 * after Ctrl-C or SIGTERM. Larger runs, and shards, are encoded a unit at a time, and each unit's part is kept: after any
 * end the same command goes on from there. The exit code tells the signal.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const nothing = "stopped before the first sample; nothing is written";
  const input = await unlessInterrupted(signal, openInput(job, signal), nothing);
  if (!input) return;
  // Before the work, so that a folder that cannot be made costs nothing. A shard checks the files of merge.
  await makeFolder(job.out, encodeOutputs, job);
  const cut = { samples: input.samples.count, unit: job.unit ?? unitFor(job, input) };
  const run = { job, input, cut, signal };
  if (cut.samples === 0 && job.shard)
    throw invalid("there are no samples in --data, so there is no shard of them");
  // A folder with parts is never treated as one unit: parts of another run are refused by name.
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
    // Not for a shard, whose folder others may use. An error here must not hide the first one.
    if (!job.shard) await folder.removeUnused().catch(() => {});
  }
}

/** Time to encode a sample, in forward passes of the decoder: some 40 passes forward and back. */
const PASSES = 120;

function unitFor({ samples: codes = 0 }: Job, { fixed, samples }: EncodingInput): number {
  const { multiplications, sums } = costOf(fixed.decoder);
  // A drawn code takes a forward pass.
  return standardUnit((multiplications + sums) * (1 + codes / PASSES), samples.count);
}

/** Encodes the samples of a run that is a single unit, and stores no parts. */
async function encodeAtOnce(run: Run): Promise<void> {
  const { job, cut } = run;
  const unit = { index: 0, first: 0, count: cut.samples };
  const parts: Part[] = [];
  await encodeShown(run, [unit], async (part) => void parts.push(part));
  if (parts.length > 0) return writeAll(run, () => parts, parts[0]!);
  // The demo has a `dataFlag`, and no option for units.
  const hint = `: up to --unit samples, ${formatCount(cut.unit)}, are computed as a whole. With fewer what is done is kept`;
  sayInterrupted(`stopped; nothing is written${job.dataFlag ? "" : hint}`);
}

/** Encodes the units that have no part yet. A run of all units then writes the results and removes the parts. */
async function encodeInParts(run: Run, folder: PartsFolder): Promise<void> {
  const { job, cut, signal } = run;
  const units = unitsOf(cut, job.shard);
  if (job.shard && unitCount(cut) < job.shard.count) {
    say(
      `there are ${formatCount(unitCount(cut))} units for ${formatCount(job.shard.count)} shards, so some have nothing to ` +
        "do; a smaller --unit makes more",
    );
  }
  const summariser = new RunSummariser();
  const { found, missing } = await findParts(folder, units, summariser, signal);
  let written = 0;
  if (!signal.aborted && missing.length > 0) {
    await encodeShown(run, missing, async (part) => {
      await folder.write(part);
      summariser.add(part);
      written++;
    });
  }
  const sayStopped = () => {
    if (found + written === 0) return sayInterrupted("stopped before a unit was done; nothing is written");
    sayInterrupted(
      `stopped; ${formatCount(found + written)} of ${formatCount(units.length)} units are in ` +
        `${shownPath(folder.folder)}, and the same command goes on from there`,
    );
  };
  if (signal.aborted) return sayStopped();
  const counts = { count: units.length, found, of: unitCount(cut) };
  if (job.shard) {
    const [unit] = units;
    // merge takes the pictures from here.
    const part = unit?.index === 0 ? await folder.read(unit) : undefined;
    if (part) await beforeEnd(signal, writePictures(folder.folder, { job, input: run.input, signal }, part));
    return printShard(run, folder, summariser.summary(), counts);
  }
  const first = (await allParts([folder]).next()).value as Part;
  try {
    await writeAll(run, () => allParts([folder]), first, counts);
  } catch (error) {
    if (error !== signal.reason || !signal.aborted) throw error;
    return sayStopped();
  }
  await folder.remove();
}

/** Prints the report of a shard, whose only output is its parts. */
function printShard(
  { job, input }: Run,
  { folder }: PartsFolder,
  summary: RunSummary,
  units: UnitCounts,
): void {
  const content = `parts of ${countOf(units.count, "unit")}; latentflow merge ${shownPath(job.out)} puts all together`;
  const figures = encodeFigures({ job, input, summary, units, aborted: false });
  print(formatReport(figures, [{ path: folder, content }], job.json));
}

/**
 * Reads the parts that are there, until the signal aborts.
 *
 * @param summariser gets the whole parts
 * @returns the number of units with a whole part, and the units whose part is missing, torn, or of another run
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

/** Encodes units, with their progress on stderr. */
async function encodeShown(
  { job, input, signal }: Run,
  units: readonly Unit[],
  keep: (part: Part) => Promise<void>,
): Promise<void> {
  const total = units.reduce((sum, { count }) => sum + count, 0);
  const { onProgress, stop } = showSampleProgress("encoding", total, job.quiet ?? false, signal);
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  try {
    for await (const part of encodeUnits({ job, input, signal, onProgress, onWarning }, units))
      await keep(part);
  } finally {
    stop();
    // Behind the progress bar, which has its line to itself.
    for (const warning of warnings) say(warning);
  }
}

/**
 * Writes the results of all samples and pictures of the first ones, and prints the report.
 *
 * @param parts reads all of them, in order
 * @param units counts of a run that keeps parts
 */
async function writeAll(
  { job, input, signal }: Run,
  parts: () => AsyncIterable<Part> | Iterable<Part>,
  first: Part,
  units?: UnitCounts,
): Promise<void> {
  const plan = planOf(job, input);
  const summariser = new RunSummariser();
  const written = await writeResults(job.out, job.format, plan, parts(), pictureNames, (part) => {
    // The results of a single unit, once computed, are written even after a signal.
    if (units) signal.throwIfAborted();
    summariser.add(part);
  });
  const source = { job, input, signal };
  const outputs = [...written];
  try {
    outputs.push(...(await beforeEnd(signal, writePictures(job.out, source, first))));
    outputs.push(...(await beforeEnd(signal, writeCompleted(job.out, source, parts()))));
  } catch (error) {
    throw error instanceof LatentflowError ? besides(error, outputs) : error;
  }
  const summary = summariser.summary();
  const figures = encodeFigures({ job, input, summary, units, aborted: signal.aborted });
  print(formatReport(figures, outputs, job.json));
  // Also after the last sample: pictures may be missing.
  if (signal.aborted) setInterrupted();
}

/**
 * Draws pictures of the run's results, unless the signal aborts; the results are complete without them. Returns the pictures
 * drawn.
 */
async function beforeEnd(signal: AbortSignal, pictures: Promise<Output[]>): Promise<Output[]> {
  return pictures.catch((error) => {
    if (!signal.aborted || error !== signal.reason) throw error;
    return [];
  });
}

/** Makes an error about a picture that also names the files that were written. */
function besides(error: LatentflowError, written: readonly Output[]): LatentflowError {
  const names = written.map(({ path }) => shownPath(path)).join(", ");
  const message = `${markedMessage(error)}; what is written before it is whole: ${names}`;
  return new LatentflowError(error.code, message, { cause: error });
}

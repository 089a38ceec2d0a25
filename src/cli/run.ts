import { join } from "node:path";
import { showPath } from "../check.ts";
import { formatReport } from "./encode-report.ts";
import { type EncodingInput, openInput } from "./encoding-input.ts";
import { shortPath } from "./files.ts";
import { interruptSignal, sayInterrupted, setInterrupted, unlessInterrupted } from "./interrupt.ts";
import { type Job, STANDARD_UNIT } from "./job.ts";
import { makeFolder } from "./output-files.ts";
import { encodeUnits } from "./parts/encode-units.ts";
import { PartFigures } from "./parts/figures.ts";
import { manifestOf } from "./parts/manifest.ts";
import type { Part } from "./parts/part.ts";
import { PartsFolder, partsName } from "./parts/parts-folder.ts";
import { allParts } from "./parts/read-parts.ts";
import { type Cut, type Unit, unitAt, unitCount, unitsOf } from "./parts/units.ts";
import { type ResultsPlan, resultsFileNames, writeResults } from "./parts/write-results.ts";
import { pictureNames, writePictures } from "./picture-files.ts";
import { print, say } from "./print.ts";
import { showSampleProgress } from "./progress.ts";
import { formatCount } from "./table.ts";

/** What a run that encodes may write. */
const encodeOutputs = [...resultsFileNames, ...pictureNames];

/** A run whose input has been opened. */
interface Run {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly cut: Cut;
  readonly signal: AbortSignal;
}

/**
 * Encodes files of samples, writes what comes of it to the job's folder and prints a report. Ctrl-C or SIGTERM ends
 * the work and not the rest, or, before the work has begun, everything; the exit code says so. More samples than a unit
 * are computed a unit at a time, whose part is kept: the same command goes on from there, whatever has ended it.
 */
export async function runJob(job: Job): Promise<void> {
  const signal = interruptSignal();
  const nothing = "stopped before the first sample; nothing is written";
  const input = await unlessInterrupted(signal, openInput(job, signal), nothing);
  if (!input) return;
  // Before the work, so that a folder that cannot be made costs nothing.
  await makeFolder(job.out, job.shard ? [] : encodeOutputs, job);
  const cut = { samples: input.samples.count, unit: job.unit ?? STANDARD_UNIT };
  const run = { job, input, cut, signal };
  if (cut.samples === 0 || (unitCount(cut) === 1 && !job.shard)) return encodeAtOnce(run);
  const folder = await unlessInterrupted(signal, openParts(run), nothing);
  if (folder) await encodeInParts(run, folder);
}

/** Encodes the samples of one unit. */
async function encodeAtOnce(run: Run): Promise<void> {
  const { input, cut, signal } = run;
  const unit = { index: 0, first: 0, count: cut.samples };
  const parts: Part[] = [];
  await encodeShown(run, [unit], true, async (part) => void parts.push(part));
  await writeAll(run, input, parts, parts[0]!);
  if (signal.aborted) setInterrupted();
}

/** Encodes the units that have no part yet, and, of a run that is no shard, writes the results of all. */
async function encodeInParts(run: Run, folder: PartsFolder): Promise<void> {
  const { job, input, cut, signal } = run;
  const units = unitsOf(cut, job.shard);
  const figures = new PartFigures();
  const missing = await unitsWithoutPart(folder, units, job.shard ? figures : undefined, signal);
  let done = units.length - missing.length;
  if (!signal.aborted) {
    await encodeShown(run, missing, false, async (part) => {
      await folder.write(part);
      if (job.shard) figures.add(part);
      done++;
    });
  }
  if (signal.aborted) {
    sayInterrupted(
      `stopped; ${formatCount(done)} of ${formatCount(units.length)} units are in ` +
        `${showPath(shortPath(folder.folder))}, and the same command goes on from there`,
    );
    return;
  }
  if (!job.shard) {
    const first = await folder.read(unitAt(0, cut));
    await writeAll(run, input, allParts([folder]), first!, {
      count: units.length,
      found: units.length - missing.length,
    });
    await folder.remove();
    return;
  }
  const content = `parts of ${formatCount(units.length)} ${units.length === 1 ? "unit" : "units"}; latentflow merge ${showPath(shortPath(job.out))} puts all together`;
  const report = {
    ...{ job, input, aborted: false },
    figures: figures.figures(),
    units: { count: units.length, found: units.length - missing.length, of: unitCount(cut) },
  };
  print(formatReport(report, [{ path: folder.folder, content }]));
}

async function openParts({ job, input, cut }: Run): Promise<PartsFolder> {
  const manifest = await manifestOf(job, input, cut.unit);
  const folder = join(job.out, partsName);
  await makeFolder(folder, [], job);
  return PartsFolder.forRun(folder, manifest, job.shard === undefined);
}

/** The units whose part is missing, torn, or of another run. @param figures of those that are whole */
async function unitsWithoutPart(
  folder: PartsFolder,
  units: readonly Unit[],
  figures: PartFigures | undefined,
  signal: AbortSignal,
): Promise<Unit[]> {
  const missing: Unit[] = [];
  for (const unit of units) {
    if (signal.aborted) break;
    const part = await folder.readIfWhole(unit, (problem) => say(`${problem}; it is computed again`));
    if (part) figures?.add(part);
    else missing.push(unit);
  }
  return missing;
}

/** Encodes units, with a bar. */
async function encodeShown(
  { job, input, signal }: Run,
  units: readonly Unit[],
  keepsHalf: boolean,
  keep: (part: Part) => Promise<void>,
): Promise<void> {
  const total = units.reduce((sum, { count }) => sum + count, 0);
  const { onProgress, stop } = showSampleProgress("encoding", total, job.quiet ?? false, signal);
  try {
    for await (const part of encodeUnits({ job, input, signal, onProgress }, units, keepsHalf))
      await keep(part);
  } finally {
    stop();
  }
}

/** Writes the results of all samples, and pictures of the first ones; prints the report. */
async function writeAll(
  run: Run,
  input: EncodingInput,
  parts: AsyncIterable<Part> | Iterable<Part>,
  first: Part,
  units?: { readonly count: number; readonly found: number },
): Promise<void> {
  const { job, cut, signal } = run;
  const plan: ResultsPlan = {
    ...{ samples: cut.samples, latentSize: input.decoder.latentSize, sampleShape: input.samples.shape },
    hasPrior: input.prior.prior !== undefined,
    hasReconstructions: job.reconstructions ?? false,
  };
  const figures = new PartFigures();
  // A run that draws no pictures must not be left beside an earlier one's.
  const written = await writeResults(
    job.out,
    job.format ?? "npy",
    plan,
    summed(parts, figures),
    pictureNames,
  );
  const outputs = [...written, ...(await writePictures(job.out, { job, input, signal }, first))];
  const report = { job, input, figures: figures.figures(), aborted: signal.aborted };
  print(formatReport({ ...report, ...(units && { units: { ...units, of: unitCount(cut) } }) }, outputs));
}

/** The same parts, which are added to some figures as they come. */
async function* summed(
  parts: AsyncIterable<Part> | Iterable<Part>,
  figures: PartFigures,
): AsyncGenerator<Part> {
  for await (const part of parts) {
    figures.add(part);
    yield part;
  }
}

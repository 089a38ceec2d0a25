import type { EncodingRun } from "../input/encoding-input.ts";
import type { Job } from "../options/job.ts";
import type { RunSummary } from "../parts/run-summary.ts";
import {
  decoderFigure,
  fixedFigures,
  pictureFigures,
  showValues,
  sourceName,
  weightsAndStartFigures,
} from "./input-figures.ts";
import { priorFigures } from "./prior-figures.ts";
import { type Figure, figure, formatCount } from "./report.ts";
import {
  endFigures,
  lossFigures,
  samplingFigures,
  showOver,
  solverFigure,
  wordsOf,
  workFigures,
} from "./result-figures.ts";

/** Numbers of units in a run that saves its results in parts: a unit is the samples of one part, saved together. */
export interface UnitCounts {
  /** Number of units assigned to this process: those of its shard, or all if there are no shards. */
  readonly count: number;
  /** Number of the units assigned to this process that had been encoded and saved before it started. */
  readonly found: number;
  /** Number of units in the whole run, over all shards (the shares of its processes). */
  readonly of: number;
}

/**
 * Makes the report of a run of `encode` or `demo`, as a list of entries.
 *
 * @param units undefined for a run of a single unit, which saves no parts
 */
export function encodeFigures(
  { job, input }: EncodingRun,
  summary: RunSummary,
  aborted: boolean,
  units: UnitCounts | undefined,
): Figure[] {
  const { decoder, fixed, samples, loss, prior } = input;
  const { shard } = job;
  const [file] = job.data as [string];
  const others = job.data.length - 1;
  const source = sourceName(file) + (others > 0 ? ` and ${others} other file${others > 1 ? "s" : ""}` : "");
  const { total, shape, dividedBy } = samples;
  const data = { file, ...(others > 0 && { files: job.data }), samples: total, shape, dividedBy };
  const count = formatCount(shard ? summary.samples : samples.count);
  const words = { ...wordsOf(loss), over: showOver(input.weights !== undefined, job) };
  return [
    decoderFigure(job.decoder, decoder, fixed.decoder),
    figure("verified", decoder.verified === false ? `no, ${decoder.unverifiedReason}` : undefined),
    figure("data", source, { data }),
    figure("samples", `${count} of ${formatCount(total)}, ${showValues(samples)}`),
    ...pictureFigures(samples.array.pictures, samples.count, !(job.weights || job.mask)),
    ...fixedFigures(fixed),
    ...weightsAndStartFigures(job, decoder, input.weights?.hiddenShare),
    { json: { loss } },
    ...priorFigures(prior),
    solverFigure(job),
    ...lossFigures(summary, { ...words, before: `${words.after} before`, after: `${words.after} after` }),
    ...endFigures(summary),
    ...samplingFigures(summary),
    ...workFigures(summary),
    figure("units", units && showUnits(job, units), { shard, units, aborted }),
  ];
}

function showUnits({ shard }: Job, { count, found, of }: UnitCounts): string {
  const share = shard ? `shard ${shard.index} of ${shard.count} done: ` : "";
  const earlier = found > 0 ? `, ${formatCount(found)} were there` : "";
  return `${share}${formatCount(count)} of ${formatCount(of)}${earlier}`;
}

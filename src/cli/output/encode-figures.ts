import type { EncodingRun } from "../input/encoding-input.ts";
import type { Job } from "../options/job.ts";
import type { RunSummary } from "../parts/run-summary.ts";
import {
  decoderFigure,
  fixedFigures,
  missingFigure,
  pictureFigures,
  showValues,
  sourceName,
  tableFigures,
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

/** Numbers of parts in a run that saves its results in parts. */
export interface PartCounts {
  /** Number of parts in the whole run. */
  readonly count: number;
  /** Number of the parts assigned to this process that had been saved before it started. */
  readonly found: number;
}

/**
 * Makes the report of a run of `encode` or `demo`, as a list of entries.
 *
 * @param parts undefined for a run of one part, which is not saved
 */
export function encodeFigures(
  { job, input }: EncodingRun,
  summary: RunSummary,
  aborted: boolean,
  parts: PartCounts | undefined,
): Figure[] {
  const { decoder, fixed, samples, loss, prior } = input;
  const { part } = job;
  const [file] = job.data as [string];
  const others = job.data.length - 1;
  const source = sourceName(file) + (others > 0 ? ` and ${others} other file${others > 1 ? "s" : ""}` : "");
  const { total, shape, dividedBy } = samples;
  const data = { file, ...(others > 0 && { files: job.data }), samples: total, shape, dividedBy };
  const count = formatCount(part ? summary.samples : samples.count);
  const words = { ...wordsOf(loss), over: showOver(input.weights !== undefined, job) };
  return [
    decoderFigure(job.decoder, decoder, fixed.decoder),
    figure("verified", decoder.verified === false ? `no, ${decoder.unverifiedReason}` : undefined),
    figure("data", source, { data }),
    figure("samples", `${count} of ${formatCount(total)}, ${showValues(samples)}`),
    ...tableFigures(samples.array.tables),
    ...pictureFigures(samples.array.pictures, samples.count, !(job.weights || job.mask)),
    ...fixedFigures(fixed),
    missingFigure([summary.missing], summary.samples * fixed.decoder.outputSize),
    ...weightsAndStartFigures(job, decoder, input.weights?.hiddenShare),
    { json: { loss } },
    ...priorFigures(prior),
    solverFigure(job),
    ...lossFigures(summary, { ...words, before: `${words.after} before`, after: `${words.after} after` }),
    ...endFigures(summary),
    ...samplingFigures(summary),
    ...workFigures(summary, parts !== undefined && parts.found > 0),
    figure("parts", parts && showParts(job, parts), { part, parts, aborted }),
  ];
}

function showParts({ part }: Job, { count, found }: PartCounts): string {
  if (part) return `part ${part.index} of ${formatCount(count)}${found > 0 ? ", was there" : ""}`;
  return `${formatCount(count)}${found > 0 ? `, ${formatCount(found)} were there` : ""}`;
}

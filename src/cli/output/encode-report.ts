import { termTraits } from "../../terms/terms.ts";
import { demoDecoder } from "../assets.ts";
import { showValues, sourceName } from "../input/data-source.ts";
import type { EncodingInput } from "../input/encoding-input.ts";
import { givenFigures, givenRows } from "../input/fixed-inputs.ts";
import type { Job } from "../options/job.ts";
import { objectiveRows, priorFigures, priorRows } from "../options/prior.ts";
import type { Figures } from "../parts/figures.ts";
import type { Output } from "./output-files.ts";
import {
  besideFigures,
  besideRows,
  decoderFigures,
  formatJson,
  formatText,
  showDecoder,
  showLoss,
  showSolver,
  summaryRows,
  verifiedRows,
} from "./report.ts";
import { formatCount } from "./table.ts";

/** What a run of `encode` has come to. */
export interface EncodeReport {
  readonly job: Job;
  readonly input: EncodingInput;
  readonly figures: Figures;
  readonly aborted: boolean;
  /** Of a run that keeps parts. */
  readonly units?: UnitCounts;
}

/** The units of a run that keeps parts. */
export interface UnitCounts {
  /** How many units this process had to do: those of its shard, or all. */
  readonly count: number;
  /** How many of those had a whole part before. */
  readonly found: number;
  /** How many units the samples make. */
  readonly of: number;
}

/** A run's report: a table and the files written, or with `--json` one JSON document. */
export function formatReport(report: EncodeReport, outputs: readonly Output[]): string {
  return report.job.json
    ? formatJson(documentOf(report), outputs)
    : formatText([...rowsOf(report), ...unitRows(report)], outputs);
}

function documentOf({ job, input, figures, aborted, units }: EncodeReport) {
  const { decoder, given, samples, loss, prior } = input;
  const [file] = job.data;
  return {
    decoder: decoderFigures(job.decoder, decoder, given.decoder),
    data: {
      file,
      ...(job.data.length > 1 && { files: job.data }),
      samples: samples.total,
      shape: samples.shape,
      dividedBy: samples.dividedBy,
    },
    ...givenFigures(given),
    ...besideFigures(job),
    loss,
    ...priorFigures(prior),
    flow: job.flow.description,
    solver: job.solver.description,
    ...(job.shard && { shard: job.shard }),
    ...(units && { units }),
    ...figures,
    aborted,
  };
}

function rowsOf({ job, input, figures }: EncodeReport): [string, string][] {
  const { decoder, given, samples, loss, prior } = input;
  const [lossName, before] = showLoss(loss, figures.meanInitialLoss);
  const [, after] = showLoss(loss, figures.meanLoss);
  const others = job.data.length - 1;
  const rows: [string, string][] = [
    ["decoder", showDecoder(job.decoder, decoder)],
    // What comes along is known.
    ...(job.decoder === demoDecoder ? [] : verifiedRows(decoder)),
    [
      "data",
      sourceName(job.data[0]!) + (others > 0 ? ` and ${others} other file${others > 1 ? "s" : ""}` : ""),
    ],
    [
      "samples",
      `${formatCount(job.shard ? figures.samples : samples.count)} of ${formatCount(samples.total)}, ${showValues(samples)}`,
    ],
    ...givenRows(given),
    ...besideRows(job, decoder),
    ...priorRows(prior),
    ["solver", showSolver(job)],
    [`${lossName} before`, before],
    [`${lossName} after`, after],
  ];
  const { floor } = termTraits(loss);
  if (floor && figures.meanExcessLoss !== null) {
    rows.push([`above ${floor.name}`, showLoss(loss, figures.meanExcessLoss)[1]]);
  }
  rows.push(...objectiveRows(termTraits(loss).unit, figures), ...summaryRows(figures));
  return rows;
}

function unitRows({ job, units }: EncodeReport): [string, string][] {
  if (!units) return [];
  const { shard } = job;
  const share = shard ? `shard ${shard.index} of ${shard.count}: ` : "";
  const there = units.found > 0 ? `, ${formatCount(units.found)} were there` : "";
  return [["units", `${share}${formatCount(units.count)} of ${formatCount(units.of)}${there}`]];
}

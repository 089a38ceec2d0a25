import { type EncodeSummary, summary } from "../index.ts";
import { leastLosses } from "../terms/floor.ts";
import { termTraits } from "../terms/terms.ts";
import { DEMO_DECODERS } from "./assets.ts";
import { sourceName } from "./data-source.ts";
import type { Output } from "./files.ts";
import { givenFigures, givenRows } from "./fixed-inputs.ts";
import type { Run } from "./job.ts";
import { objectiveFigures, objectiveRows, priorFigures, priorRows } from "./prior.ts";
import {
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

/** The figures of a run: what `--json` prints, and the table shows in part. */
interface Figures extends EncodeSummary, ReturnType<typeof objectiveFigures> {
  readonly aborted: boolean;
  /** The least that the mean loss can come to, for cross entropy. */
  readonly meanTargetEntropy: number | null;
  readonly meanLossAboveEntropy: number | null;
}

/** A run's report: a table and the files written, or with `--json` one JSON document. */
export function formatReport(run: Run, outputs: readonly Output[]): string {
  const figures = figuresOf(run);
  return run.job.json
    ? formatJson(documentOf(run, figures), outputs)
    : formatText(rowsOf(run, figures), outputs);
}

function figuresOf(run: Run): Figures {
  const figures = { ...summary(run.result), ...objectiveFigures(run.result), aborted: run.signal.aborted };
  if (!termTraits(run.loss).floor) {
    return { ...figures, meanTargetEntropy: null, meanLossAboveEntropy: null };
  }
  const { given, loss, result, samples, weights } = run;
  const entropies = leastLosses(loss, samples.y, given.decoder.outputSize, weights);
  // Over the same samples as the mean loss: those that were started.
  const started = entropies.filter((_, sample) => !Number.isNaN(result.loss[sample]!));
  const meanTargetEntropy = started.reduce((sum, entropy) => sum + entropy, 0) / started.length;
  return { ...figures, meanTargetEntropy, meanLossAboveEntropy: figures.meanLoss - meanTargetEntropy };
}

function documentOf({ job, decoder, given, samples, loss, prior }: Run, figures: Figures) {
  return {
    decoder: decoderFigures(job.decoder, decoder, given.decoder),
    data: {
      file: job.data,
      samples: samples.total,
      shape: samples.shape,
      dividedBy: samples.scaled ? 255 : 1,
    },
    ...givenFigures(given),
    loss,
    ...priorFigures(prior),
    flow: job.flow.description,
    solver: job.solver.description,
    ...figures,
  };
}

function rowsOf({ job, decoder, given, samples, loss, prior }: Run, figures: Figures): [string, string][] {
  const [lossName, before] = showLoss(loss, figures.meanInitialLoss);
  const [, after] = showLoss(loss, figures.meanLoss);
  const values = `${samples.shape.join(" × ")} values each${samples.scaled ? ", bytes divided by 255" : ""}`;
  const rows: [string, string][] = [
    ["decoder", showDecoder(job.decoder, decoder)],
    // What comes along is known.
    ...(DEMO_DECODERS.includes(job.decoder) ? [] : verifiedRows(decoder)),
    ["data", sourceName(job.data)],
    ["samples", `${formatCount(samples.count)} of ${formatCount(samples.total)}, ${values}`],
    ...givenRows(given),
    ...priorRows(prior),
    ["solver", showSolver(job)],
    [`${lossName} before`, before],
    [`${lossName} after`, after],
  ];
  const { floor } = termTraits(loss);
  if (floor && figures.meanLossAboveEntropy !== null) {
    rows.push([`above ${floor.name}`, showLoss(loss, figures.meanLossAboveEntropy)[1]]);
  }
  rows.push(...objectiveRows(loss, figures), ...summaryRows(figures));
  return rows;
}

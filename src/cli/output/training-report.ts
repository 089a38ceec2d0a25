import type { TrainStep } from "../../train/index.ts";
import { dataFigures, showCount, showSamples } from "../input/data-source.ts";
import { givenFigures, givenRows } from "../input/fixed-inputs.ts";
import { priorFigures, priorRows } from "../options/prior.ts";
import type { TrainingRun } from "../options/training-job.ts";
import type { Output } from "./output-files.ts";
import {
  besideFigures,
  besideRows,
  decoderFigures,
  formatJson,
  formatText,
  showDecoder,
  showLoss,
  showSpeed,
} from "./report.ts";
import { formatCount } from "./table.ts";

/** A training run's report: a table and the files written, or with `--json` one JSON document. */
export function formatTrainingReport(run: TrainingRun, outputs: readonly Output[]): string {
  const decoderFile = outputs[0]!.path;
  return run.job.json
    ? formatJson(documentOf(run, decoderFile), outputs)
    : formatText(rowsOf(run, decoderFile), outputs);
}

function documentOf(run: TrainingRun, decoderFile: string) {
  const { training, data, validation, loss, prior, result, seconds } = run;
  const { history, resumedFrom } = result;
  return {
    decoder: decoderFigures(decoderFile, result.decoder),
    data: dataFigures(data),
    validationData: validation ? dataFigures(validation) : null,
    loss,
    ...(prior ? priorFigures(prior) : { prior: null }),
    ...training.description,
    ...givenFigures(run.given),
    ...besideFigures(run.job),
    images: history.at(-1)!.images,
    updates: history.length,
    skippedUpdates: skippedUpdates(history),
    meanLossFirstTenth: meanLoss(firstTenth(history)),
    meanLossLastTenth: meanLoss(lastTenth(history)),
    validation: result.validation,
    resumedFrom: resumedFrom ?? null,
    seconds,
    imagesPerSecond: imagesPerSecond(run),
  };
}

function rowsOf(run: TrainingRun, decoderFile: string): [string, string][] {
  const { training, data, loss, prior, result, seconds } = run;
  const { history, validation } = result;
  const { optimizer, schedule, epochs, batchSize } = training.description;
  const lossRow = (when: string, mean: number): [string, string] => {
    const [name, figure] = showLoss(loss, mean);
    return [`${name}, ${when}`, figure];
  };
  const rows: [string, string][] = [
    ["decoder", showDecoder(decoderFile, result.decoder)],
    ["data", data.source],
    ["samples", showSamples(data)],
    [
      "samples trained on",
      `${formatCount(history.at(-1)!.images)} (${epochs} × ${formatCount(data.dataset.count)})`,
    ],
    ["updates", `${formatCount(history.length)}, mini-batches of ${batchSize}`],
    ["optimizer", `${optimizer.name}, learning rate ${optimizer.learningRate}, ${schedule.name}`],
    ["method", showMethod(training.description)],
    ...givenRows(run.given),
    ...besideRows(run.job, "encoder" in result ? undefined : run.decoder),
    ...(prior ? priorRows(prior) : []),
    lossRow("first tenth", meanLoss(firstTenth(history))),
    lossRow("last tenth", meanLoss(lastTenth(history))),
  ];
  if (!Number.isFinite(meanLoss(lastTenth(history)))) {
    rows.push(["diverged", "yes; a smaller --learning-rate may help, or --gradient-clip"]);
  }
  const skipped = skippedUpdates(history);
  if (skipped > 0) rows.push(["skipped updates", `${formatCount(skipped)}: their gradients were not finite`]);
  if (run.validation) {
    rows.push(
      ["validation samples", `${showCount(run.validation)}, ${run.validation.source}`],
      lossRow("validation before", validation[0]!.loss),
      lossRow("validation after", validation.at(-1)!.loss),
    );
  }
  rows.push(...startRows(run), ["samples per second", showSpeed(imagesPerSecond(run), seconds)]);
  return rows;
}

/** Where flows of an autoencoder's decoder begin: its file says it, unless the run has diverged. */
function startRows({ result }: TrainingRun): [string, string][] {
  if (!("encoder" in result)) return [];
  const start = result.decoder.start
    ? "the mean code, in the decoder's file"
    : "0, since the mean code is 0 or not finite";
  return [["start", start]];
}

// The loss of one mini-batch alone says little.
const firstTenth = (history: readonly TrainStep[]) => history.slice(0, Math.ceil(history.length / 10));
const lastTenth = (history: readonly TrainStep[]) => history.slice(-Math.ceil(history.length / 10));

/** Mini-batches that changed nothing. */
function skippedUpdates(history: readonly TrainStep[]): number {
  return history.filter(({ gradientNorm }) => !Number.isFinite(gradientNorm)).length;
}

function meanLoss(steps: readonly TrainStep[]): number {
  return steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
}

function showMethod({
  flow,
  solver,
  adjoint,
  codeOptimizer,
}: TrainingRun["training"]["description"]): string {
  if (codeOptimizer) return `codes kept, ${codeOptimizer.name}, learning rate ${codeOptimizer.learningRate}`;
  if (!flow || !solver || !adjoint) return "autoencoder, backpropagation";
  return `${solver.name}, ${flow.name} flow, ${adjoint.name} adjoint`;
}

function imagesPerSecond({ result, seconds }: TrainingRun): number {
  return (result.history.at(-1)!.images - (result.resumedFrom?.images ?? 0)) / seconds;
}

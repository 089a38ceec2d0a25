import type { TrainStep } from "../../train/index.ts";
import { isBlank } from "../../train/progress.ts";
import { zeroShareOf } from "../input/sample-numbers.ts";
import type { ChosenTraining } from "../options/training-options.ts";
import {
  dataEntry,
  dataFigures,
  decoderFigure,
  fixedFigures,
  missingFigure,
  showCount,
  weightsAndStartFigures,
} from "./input-figures.ts";
import { priorFigures } from "./prior-figures.ts";
import { countOf, type Figure, figure, formatCount, formatMean } from "./report.ts";
import { kernelsFigure, showSpeed, wordsOf } from "./result-figures.ts";
import type { TrainingRun } from "./training-outputs.ts";

/**
 * Makes the report of a finished training run.
 *
 * @param decoderFile path of the trained decoder
 */
export function trainingFigures(run: TrainingRun, decoderFile: string): Figure[] {
  const { job, training, data, validation, loss, prior, result, seconds } = run;
  const { history, resumedFrom = null } = result;
  const { description } = training;
  const { optimizer, schedule, epochs, batchSize, shift } = description;
  const { images } = history.at(-1)!;
  const isAutoencoder = "encoder" in result;
  const { after: lossName, unit } = wordsOf(loss);
  // The loss of a single mini-batch is too noisy.
  const tenth = Math.ceil(history.length / 10);
  const first = meanLoss(history.slice(0, tenth));
  const last = meanLoss(history.slice(-tenth));
  const skipped = history.filter(({ gradientNorm }) => !Number.isFinite(gradientNorm)).length;
  const imagesPerSecond = (images - (resumedFrom?.images ?? 0)) / seconds;
  const [before, after] = [result.validation[0], result.validation.at(-1)];
  return [
    decoderFigure(decoderFile, result.decoder),
    ...dataFigures(data, job),
    missingFigure(result.missing, data.dataset.count * data.dataset.size),
    { json: { validationData: validation ? dataEntry(validation) : null, loss, ...description } },
    figure("samples trained on", `${formatCount(images)} (${epochs} × ${formatCount(data.dataset.count)})`, {
      images,
    }),
    figure("updates", `${formatCount(history.length)}, mini-batches of ${batchSize}`, {
      updates: history.length,
    }),
    figure("optimizer", `${optimizer.name}, learning rate ${optimizer.learningRate}, ${schedule.name}`),
    figure("method", showMethod(training)),
    figure("standardised", description.standardise ? showScale(result.decoder.loss?.scale ?? []) : undefined),
    figure("shifts in pixels", shift === undefined ? undefined : `random, at most ${shift} along each axis`),
    ...fixedFigures(run.fixed),
    ...weightsAndStartFigures(
      job,
      isAutoencoder ? undefined : run.decoder,
      job.mask && run.weights && zeroShareOf(run.weights),
    ),
    ...priorFigures(prior),
    figure(`${lossName}, first tenth`, formatMean(first, unit), { meanLossFirstTenth: first }),
    figure(`${lossName}, last tenth`, formatMean(last, unit), { meanLossLastTenth: last }),
    { json: { warnings: result.warnings } },
    figure(
      skipped > 0 ? "skipped updates" : undefined,
      `${formatCount(skipped)}: their gradients were not finite`,
      { skippedUpdates: skipped },
    ),
    figure("validation samples", validation && `${showCount(validation)}, ${validation.source}`, {
      validation: result.validation,
    }),
    figure(`${lossName}, validation before`, formatMean(before?.loss, unit)),
    figure(`${lossName}, validation after`, formatMean(after?.loss, unit)),
    figure("start", isAutoencoder ? showStart(run) : undefined),
    figure(
      "samples per second",
      resumedFrom?.images === images ? "none: the run was done already" : showSpeed(imagesPerSecond, seconds),
      { resumedFrom, seconds, imagesPerSecond },
    ),
    kernelsFigure(),
  ];
}

/**
 * Describes the start latent of an autoencoder's decoder for the report: the mean code of the training data; 0 if that is 0 or
 * not finite, as after training has diverged.
 */
function showStart({ result }: TrainingRun): string {
  return result.decoder.start
    ? "the mean code, in the decoder's file"
    : "0, since the mean code is 0 or not finite";
}

/** Formats the deviations by which outputs were standardised: `6 outputs, of deviations from 0.01 to 12`. */
function showScale(scale: readonly number[]): string {
  const [least, most] = [Math.min, Math.max].map((of) =>
    Number(scale.reduce((a, b) => of(a, b)).toPrecision(3)),
  );
  return `${countOf(scale.length, "output")}, of deviations from ${least} to ${most}; losses are of standardised values`;
}

function meanLoss(steps: readonly TrainStep[]): number {
  const seen = steps.filter((step) => !isBlank(step));
  return seen.reduce((sum, { loss }) => sum + loss, 0) / seen.length;
}

function showMethod({ description }: ChosenTraining): string {
  const { flow, solver, adjoint, codeOptimizer, hidden } = description;
  if (codeOptimizer) return `codes kept, ${codeOptimizer.name}, learning rate ${codeOptimizer.learningRate}`;
  if (!flow || !solver || !adjoint) {
    const [least, most] = hidden?.map((share) => Number((100 * share).toPrecision(4))) ?? [];
    return `autoencoder, backpropagation${hidden ? `, ${least} to ${most} % of the pixels hidden` : ""}`;
  }
  return `${solver.name}, ${flow.name} flow, ${adjoint.name} adjoint`;
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { shownPath } from "../input/files.ts";
import { fixedOptions, fixedValues } from "../input/fixed-inputs.ts";
import { readTrainingInput, type TrainingInput } from "../input/training-input.ts";
import { interruptSignal, sayInterrupted, unlessInterrupted } from "../interrupt.ts";
import { priorOption } from "../options/prior.ts";
import type { TrainingJob } from "../options/training-job.ts";
import type { ChosenTraining } from "../options/training-options.ts";
import { makeFolder } from "../output/output-files.ts";
import { print } from "../output/print.ts";
import { RunningMean, showProgress } from "../output/progress.ts";
import { formatCount, formatReport } from "../output/report.ts";
import { trainingFigures } from "../output/training-figures.ts";
import { logName, openTrainingLog } from "../output/training-log.ts";
import { type TrainingRun, trainingOutputs, writeTrainingOutputs } from "../output/training-outputs.ts";

/** Number of mini-batches over which the displayed loss is averaged. */
const shownBatches = 100;

/**
 * Trains a decoder, writes the results to the folder and prints a report. Ctrl-C or SIGTERM ends training with a final
 * checkpoint, from which `--resume` continues; the exit code is then 128 + the signal's number.
 */
export async function runTraining(job: TrainingJob, training: ChosenTraining): Promise<void> {
  const signal = interruptSignal();
  const work = readTrainingInput(job, signal);
  const input = await unlessInterrupted(signal, work, "stopped before the first sample; nothing is written");
  if (!input) return;
  await makeFolder(job.out, [...trainingOutputs, logName], job);
  const checkpointFile = join(job.out, "checkpoint.safetensors");

  const start = performance.now();
  const result = await trainShown(input, job, training, checkpointFile, signal);
  if (!result) return;
  const seconds = (performance.now() - start) / 1000;
  const run = { ...input, job, training, result, seconds };
  const outputs = await writeTrainingOutputs(run);
  print(formatReport(trainingFigures(run, outputs[0]!.path), outputs, job.json));
}

/** Trains, with progress on stderr and in the log. Returns undefined if the signal ended the training. */
async function trainShown(
  input: TrainingInput,
  job: TrainingJob,
  training: ChosenTraining,
  checkpointFile: string,
  signal: AbortSignal,
): Promise<TrainingRun["result"] | undefined> {
  const { decoder, loss, prior, data, weights, fixed } = input;
  const { validation, validationWeights, validationFixed } = input;
  const { out, quiet = false, resume = false, checkpointSeconds, validateEvery } = job;
  const { count } = data.dataset;
  const { epochs } = training.description;
  const total = count * epochs;
  const log = openTrainingLog(join(out, logName));
  const title = `training on ${count} samples, ${epochs} epoch${epochs === 1 ? "" : "s"}`;
  const display = showProgress({ title, unit: "samples", total }, quiet, signal);
  const recentLoss = new RunningMean(shownBatches);
  /**
   * Number of samples processed up to the latest checkpoint, 0 if that preceded the first update; undefined without a
   * checkpoint.
   */
  let kept: number | undefined;
  // Reported only once the folder is known to be this run's, and even with --quiet: with a mistyped --out, training would
  // silently start anew.
  let startsAnew = resume && !hasCheckpoint(checkpointFile);
  try {
    return await training.train(decoder, data.dataset, {
      loss,
      ...(prior && priorOption(prior)),
      ...(weights && { weights }),
      ...fixedOptions(fixed),
      ...(validation && {
        validation: {
          data: validation.dataset,
          weights: validationWeights,
          ...(validationFixed && fixedValues(validationFixed)),
          everyImages: validateEvery,
        },
      }),
      checkpoint: { file: checkpointFile, resume, everySeconds: checkpointSeconds },
      signal,
      onEvent(event) {
        log.event(event);
        if (event.kind === "resumed" || event.kind === "checkpoint") kept = event.images;
        if (event.kind === "resumed" && event.refused && !quiet) {
          display.say(`${event.refused}; going on from ${event.from}`);
        }
        if (event.kind === "resumed" && !quiet) display.say(showResumed(event.images, total));
      },
      onProgress(progress) {
        if (startsAnew) display.say(`no checkpoint in ${shownPath(out)}: training starts anew`);
        startsAnew = false;
        log.update(progress);
        display.update({
          done: progress.images,
          loss: recentLoss.add(progress.loss),
          perSecond: progress.imagesPerSecond,
          note: progress.validation && `validation ${progress.validation.loss.toPrecision(4)}`,
        });
      },
    });
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    sayInterrupted(
      kept === undefined
        ? "stopped before the first update; no checkpoint is written"
        : `stopped after ${formatCount(kept)} of ${formatCount(total)} samples; the same command with --resume goes on from there`,
    );
    return undefined;
  } finally {
    display.stop();
    log.close();
  }
}

/** True if `--resume` can continue from this checkpoint file, or from the previous one beside it. */
function hasCheckpoint(file: string): boolean {
  return existsSync(file) || existsSync(`${file}.previous`);
}

function showResumed(images: number, total: number): string {
  if (images === total) return `the run was done already: ${formatCount(total)} samples`;
  return `going on after ${formatCount(images)} of ${formatCount(total)} samples`;
}

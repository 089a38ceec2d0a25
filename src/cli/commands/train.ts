import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { exitCodesHelp } from "../exit-codes.ts";
import { addNotes } from "../help.ts";
import { checkDataOptions, stdinHelp, valuesHelp } from "../input/data-source.ts";
import { addDecoderOptions, addLossOptions } from "../input/decoder-file.ts";
import { shownPath } from "../input/files.ts";
import { addFixedOptions, fixedOptions, fixedValues } from "../input/fixed-inputs.ts";
import { weightsFlag } from "../input/sample-weights.ts";
import { readTrainingInput, type TrainingInput } from "../input/training-input.ts";
import { interruptSignal, sayInterrupted, unlessInterrupted } from "../interrupt.ts";
import { addFlags } from "../options/flag-table.ts";
import { decoderOptions } from "../options/input-options.ts";
import { addPriorOptions, checkPriorOptions, priorOption, priorOptionNames } from "../options/prior.ts";
import { addRunningOptions, refuseOptions, refuseWithout, wrongUsage } from "../options/running.ts";
import { TRAIN_FLAGS, type TrainingJob } from "../options/training-job.ts";
import { addTrainingOptions, type ChosenTraining, chosenTraining } from "../options/training-options.ts";
import { makeFolder, replacedHelp } from "../output/output-files.ts";
import { print, say } from "../output/print.ts";
import { RunningMean, showProgress } from "../output/progress.ts";
import { formatCount, formatReport } from "../output/report.ts";
import { trainingFigures } from "../output/training-figures.ts";
import { logName, openTrainingLog } from "../output/training-log.ts";
import { type TrainingRun, trainingOutputs, writeTrainingOutputs } from "../output/training-outputs.ts";

/** Adds `latentflow train` to the program. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command("train")
    .summary("train a decoder, without an encoder")
    .description(
      "Trains a decoder: each mini-batch of samples is encoded anew with the decoder as\n" +
        "it is, and the decoder's parameters follow the gradient of its loss. Writes to\n" +
        "DIR:\n" +
        "  decoder.safetensors  the trained decoder, for encode, evaluate and decode;\n" +
        "                       with --autoencoder it starts flows at its mean code\n" +
        "  encoder.safetensors  the encoder trained with it (with --autoencoder)\n" +
        "  codes.npy            the samples' codes at the end (with --codes kept or\n" +
        "                       --warm-start)\n" +
        "  history.csv          loss and gradient norm of each mini-batch\n" +
        "  validation.csv       the validation samples' mean loss (with --validate)\n" +
        `${replacedHelp}\n` +
        "  log.jsonl            what happened when, as it happens\n" +
        "  checkpoint.safetensors, and the one before: what --resume goes on from\n" +
        "A DIR with a checkpoint is refused, except with --resume, which continues both.",
    );
  addFlags(command, TRAIN_FLAGS, "What and where:");
  addFixedOptions(command, "samples");
  addDecoderOptions(command, "elu, at the end sigmoid for bce; with --decoder its file's");
  addLossOptions(command, "bce; with --decoder the one its file names");
  addPriorOptions(command);
  addRunningOptions(command);
  addTrainingOptions(command);
  addNotes(
    command,
    `
${valuesHelp}
${stdinHelp}

One run at a time writes to DIR: its checkpoint is locked.
${exitCodesHelp("the same command with --resume goes on")}`,
    `  $ latentflow train --dataset mnist --layers 20,150,300,600,784 --out trained
  $ latentflow train --data digits.npy --layers 20,150,784 --out trained \\
      --optimizer adam --schedule linear --epochs 3 --limit 1920 --json
  $ latentflow train --data pictures/ --fit contain --out trained --epochs 600 \\
      --layers 16,128,3072 --output-shape 32,32,3 --autoencoder --optimizer adam`,
  );
  command.action(async (options: TrainingJob) => {
    checkDataOptions(command);
    checkPriorOptions(command);
    const decoders = decoderOptions.filter((name) => options[name] !== undefined);
    if (decoders.length !== 1) {
      const came = decoders.map((name) => `--${name}`).join(" and ");
      wrongUsage(
        command,
        `${came ? `${came} are given together, ` : ""}expected --layers <sizes>, --architecture <file> or --decoder <file>, one of them`,
      );
    }
    if (options.validate === true && options.dataset === undefined) {
      wrongUsage(command, "--validate needs a file, except with --dataset");
    }
    if (options.validate === undefined) {
      const others = Object.keys(TRAIN_FLAGS).filter((name) => /^validate./.test(name));
      refuseWithout(command, "--validate", others);
    }
    if (options.autoencoder) {
      const why = "--autoencoder, which takes all values alike";
      refuseOptions(command, ["weights", "mask"], `${why}; --hide hides pixels in training`);
      refuseOptions(command, ["validateWeights", "validateMask"], why);
      refuseOptions(command, priorOptionNames, "--autoencoder, whose codes come from its encoder");
    }
    if (options.weights !== undefined || options.mask !== undefined) {
      refuseOptions(command, ["shift"], `${weightsFlag(options)}, which would stay where the samples were`);
    }
    await runTraining(options, chosenTraining(command));
  });
}

/** Number of mini-batches over which the displayed loss is averaged. */
const shownBatches = 100;

/**
 * Trains a decoder, writes the results to the folder and prints a report. Ctrl-C or SIGTERM ends training with a final
 * checkpoint, from which `--resume` continues; the exit code is then 128 + the signal's number.
 */
async function runTraining(job: TrainingJob, training: ChosenTraining): Promise<void> {
  const signal = interruptSignal();
  const work = readTrainingInput(job, signal);
  const input = await unlessInterrupted(signal, work, "stopped before the first sample; nothing is written");
  if (!input) return;
  await makeFolder(job.out, [...trainingOutputs, logName], job);
  const checkpointFile = join(job.out, "checkpoint.safetensors");

  const start = performance.now();
  const result = await trainShown(input, job, training, checkpointFile, signal);
  if (!result) return;
  for (const warning of result.warnings) say(`warning: ${warning}`);
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
  const title = `training on ${formatCount(count)} samples, ${epochs} epoch${epochs === 1 ? "" : "s"}`;
  const display = showProgress(title, total, quiet, signal);
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
          meanLoss: recentLoss.add(progress.loss),
          samplesPerSecond: progress.imagesPerSecond,
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

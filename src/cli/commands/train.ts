import type { Command } from "commander";
import { exitCodesHelp } from "../exit-codes.ts";
import { addNotes } from "../help.ts";
import { checkDataOptions, stdinHelp, valuesHelp } from "../input/data-source.ts";
import { addDecoderOptions, addLossOptions } from "../input/decoder-file.ts";
import { addFixedOptions } from "../input/fixed-inputs.ts";
import { checkMaskOptions } from "../input/pictures/picture-options.ts";
import { weightsFlag } from "../input/sample-weights.ts";
import { addFlags } from "../options/flag-table.ts";
import { decoderOptions } from "../options/input-options.ts";
import { addRunningOptions, refuseOptions, refuseWithout, wrongUsage } from "../options/options.ts";
import { addPriorOptions, checkPriorOptions, priorOptionNames } from "../options/prior-options.ts";
import { TRAIN_FLAGS, type TrainingJob } from "../options/training-job.ts";
import { addTrainingOptions, chosenTraining } from "../options/training-options.ts";
import { replacedHelp } from "../output/output-files.ts";
import { runTraining } from "./run-training.ts";

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
    checkMaskOptions(command);
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
      refuseWithout(command, "--validate", [
        "validateEvery",
        "validateLimit",
        "validateWeights",
        "validateMask",
        "validateFixed",
      ]);
    }
    if (options.autoencoder) {
      refuseOptions(
        command,
        ["weights", "mask", "validateWeights", "validateMask"],
        "--autoencoder, which takes all values alike",
      );
      refuseOptions(command, priorOptionNames, "--autoencoder, whose codes come from its encoder");
    }
    if (options.weights !== undefined || options.mask !== undefined) {
      refuseOptions(command, ["shift"], `${weightsFlag(options)}, which would stay where the samples were`);
    }
    await runTraining(options, chosenTraining(command));
  });
}

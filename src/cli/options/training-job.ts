import { CHECKPOINT_FIELDS } from "../../train/checkpoint-options.ts";
import { VALIDATION_FIELDS } from "../../train/validation.ts";
import { dataFlags, weightsHelp } from "../input/data-source.ts";
import type { DecoderFlags } from "../input/decoder-file.ts";
import type { FixedFlags } from "../input/fixed-inputs.ts";
import { PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { flag, type OptionsOf } from "./flag-table.ts";
import { settingFlag, textOf } from "./library-flags.ts";
import { parseCount, parseCounts, parseFixed } from "./parse.ts";
import type { PriorFlags } from "./prior.ts";
import type { TrainingOptions } from "./training-options.ts";

/** Options of `latentflow train` for its samples, its decoder and its results. */
export const TRAIN_FLAGS = {
  ...dataFlags("train", "train on"),
  ...PICTURE_FLAGS,
  layers: flag("<sizes>", "sizes of a new decoder's layers, from latent to output: 20,150,300,600,784", {
    parse: parseCounts,
  }),
  decoder: flag(
    "<file>",
    "file of a decoder to train further, in place of --layers: safetensors or ONNX, a path or a URL",
  ),
  architecture: flag(
    "<file>",
    "file of a new decoder's definition, in place of --layers: JSON, as for createDecoder",
  ),
  weights: flag("<file>", weightsHelp),
  out: flag("<dir>", "folder for the results, made if it is missing", {
    required: true,
    gives: ["checkpoint.file"],
  }),
  resume: flag(
    "",
    "continue from the checkpoint in DIR, if any, to the same result; all other options as before",
  ),
  checkpointSeconds: settingFlag(CHECKPOINT_FIELDS.everySeconds, textOf("checkCheckpoint", "everySeconds"), [
    "checkpoint.everySeconds",
  ]),
  validate: flag(
    "[file]",
    "also compute the mean loss of samples not trained on: those of FILE, or the last 10,000 of --dataset",
    { gives: ["validation", "validationData"] },
  ),
  validateEvery: settingFlag(
    VALIDATION_FIELDS.everyImages,
    `with --validate: ${textOf("checkValidation", "everyImages")}`,
    ["validation.everyImages"],
  ),
  validateLimit: flag("<n>", "validate with the first n samples (default: all)", { parse: parseCount }),
  validateWeights: flag("<file>", "weights of the validation samples, as for --weights", {
    gives: ["validation.weights", "validationWeights"],
  }),
  validateMask: flag("<files...>", "hidden pixels of the validation samples, as for --mask", {
    gives: ["validation.weights", "validationWeights"],
    conflicts: "validateWeights",
  }),
  validateFixed: flag("<name=file>", "fixed input of the validation samples, as for --fixed", {
    parse: parseFixed,
    gives: ["validation.fixed", "validationFixed"],
  }),
};

/** Parsed options of `latentflow train`. */
export interface TrainingJob
  extends OptionsOf<typeof TRAIN_FLAGS>,
    Omit<DecoderFlags, "decoder">,
    FixedFlags,
    PriorFlags,
    TrainingOptions {}

import { CHECKPOINT_FIELDS, STANDARD_SECONDS } from "../../train/checkpoint-options.ts";
import { VALIDATION_FIELDS } from "../../train/validation.ts";
import { dataFlags, weightsHelp } from "../input/data-source.ts";
import type { DecoderFlags } from "../input/decoder-file.ts";
import type { FixedFlags } from "../input/fixed-inputs.ts";
import { PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { flag, type OptionsOf } from "./flag-table.ts";
import { settingFlag, textOf } from "./library-flags.ts";
import { numberWithin, parseCount, parseCounts, parseFixed } from "./parse.ts";
import type { PriorFlags } from "./prior-options.ts";
import type { TrainingOptions } from "./training-options.ts";

/** Options of `latentflow train` for its samples, its decoder and its results. */
export const TRAIN_FLAGS = {
  ...dataFlags("train", "train on"),
  ...PICTURE_FLAGS,
  layers: flag("<sizes>", "a new decoder, its sizes from latent to output: 20,150,300,600,784", {
    parse: parseCounts,
  }),
  decoder: flag("<file>", "instead, the decoder to go on from: safetensors or ONNX, a path or a URL"),
  architecture: flag("<file>", "or a new decoder by its definition: JSON, as createDecoder takes it"),
  weights: flag("<file>", `${weightsHelp}; without --autoencoder`),
  out: flag("<dir>", "folder for the results, made if it is missing", {
    required: true,
    gives: ["checkpoint.file"],
  }),
  resume: flag("", "go on from the checkpoint in DIR, to the same end; the other options as before"),
  checkpointSeconds: flag("<number>", textOf("checkCheckpoint", "everySeconds"), {
    parse: numberWithin(CHECKPOINT_FIELDS.everySeconds.bounds),
    standard: STANDARD_SECONDS,
    gives: ["checkpoint.everySeconds"],
  }),
  validate: flag(
    "[file]",
    "also encode samples that are not trained on: those of a file, or the data set's own",
    { gives: ["validation", "validationData"] },
  ),
  validateEvery: settingFlag(
    VALIDATION_FIELDS.everyImages,
    `with --validate: ${textOf("checkValidation", "everyImages")}`,
    ["validation.everyImages"],
  ),
  validateLimit: flag("<n>", "the first n of them (default: all)", { parse: parseCount }),
  validateWeights: flag("<file>", "what they are weighted by, as --weights", {
    gives: ["validation.weights", "validationWeights"],
  }),
  validateMask: flag("<files...>", "what of them is hidden, as --mask", {
    gives: ["validation.weights", "validationWeights"],
    conflicts: "validateWeights",
  }),
  validateFixed: flag("<name=file>", "what is given with them, as --fixed", {
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

import type { Decoder, StandardLoss } from "../../index.ts";
import { STANDARD_SECONDS } from "../../train/checkpoint-options.ts";
import type { AutoencoderResult, TrainResult } from "../../train/index.ts";
import { dataFlags, type SourcedData, weightsHelp } from "../input/data-source.ts";
import type { DecoderFlags } from "../input/decoder-file.ts";
import type { FixedFlags, FixedInputs } from "../input/fixed-inputs.ts";
import { PICTURE_FLAGS } from "../input/pictures/picture-options.ts";
import { flag, type OptionsOf } from "./flag-table.ts";
import { parseCount, parseCounts, parseFixed, parseNonNegative } from "./parse.ts";
import type { ChosenPrior } from "./prior.ts";
import type { PriorFlags } from "./prior-options.ts";
import type { ChosenTraining, TrainingOptions } from "./training-options.ts";

/** Flags of `latentflow train`: its samples, its decoder and its results. */
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
  checkpointSeconds: flag("<s>", "seconds from one checkpoint to the next", {
    parse: parseNonNegative,
    standard: STANDARD_SECONDS,
    gives: ["checkpoint.everySeconds"],
  }),
  validate: flag(
    "[file]",
    "also encode samples that are not trained on: those of a file, or the data set's own",
    { gives: ["validation", "validationData"] },
  ),
  validateEvery: flag("<n>", "after every n samples trained on (default: each epoch)", {
    parse: parseCount,
    gives: ["validation.everyImages"],
  }),
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

/** Options of `latentflow train`, as commander hands them over. */
export interface TrainingJob
  extends OptionsOf<typeof TRAIN_FLAGS>,
    Omit<DecoderFlags, "decoder">,
    FixedFlags,
    PriorFlags,
    TrainingOptions {}

/** Data that `latentflow train` reads. */
export interface TrainingInput {
  readonly data: SourcedData;
  readonly validation: SourcedData | undefined;
  /** Weights of the training samples, and of the validation samples. */
  readonly weights: Float32Array | undefined;
  readonly validationWeights: Float32Array | undefined;
  readonly decoder: Decoder;
  readonly loss: StandardLoss;
  /** Prior on the codes; undefined for an autoencoder, whose codes come from its encoder. */
  readonly prior: ChosenPrior | undefined;
  /** Fixed inputs of the training samples; `validationFixed` has those of the validation samples. */
  readonly fixed: FixedInputs;
  readonly validationFixed: FixedInputs | undefined;
}

/** Finished run of `latentflow train`. */
export interface TrainingRun extends TrainingInput {
  readonly job: TrainingJob;
  readonly training: ChosenTraining;
  readonly result: TrainResult | AutoencoderResult;
  /** Seconds since the start of this process's run, which may have begun at a checkpoint. */
  readonly seconds: number;
}

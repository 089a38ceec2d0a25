import type { Command } from "commander";
import { OPTIMIZER_HELP, OPTIMIZERS } from "../../backend/optimizer.ts";
import { checkNumber } from "../../base/check.ts";
import type { Decoder } from "../../index.ts";
import { endOf } from "../../solver/solver.ts";
import { STANDARD_TRAINING } from "../../train/check-options.ts";
import {
  type Adjoint,
  type AutoencoderResult,
  adam,
  approximate,
  type Dataset,
  direct,
  full,
  type Optimizer,
  type RunOptions,
  type Schedule,
  shift,
  type TrainOptions,
  type TrainResult,
  train,
  trainAutoencoder,
} from "../../train/index.ts";
import { SCHEDULE_HELP, SCHEDULES } from "../../train/schedule.ts";
import { addChoice, type Choice, chosen, type Description, membersOf, refuseChoice } from "./choice.ts";
import { addFlags, flag, type OptionsOf } from "./flag-table.ts";
import { backendOf, type RunningOptions, refuseOptions, wrongUsage } from "./options.ts";
import { parseCount, parseNumber, parsePositive, parseSeed, parseShares } from "./parse.ts";
import {
  addFlowAndSolverOptions,
  chosenFlowAndSolver,
  pairOf,
  refuseFlowAndSolver,
} from "./solver-options.ts";

const { epochs: STANDARD_EPOCHS } = STANDARD_TRAINING;

const TRAINING_FLAGS = {
  batchSize: flag("<n>", "samples in a mini-batch", {
    parse: parseCount,
    standard: STANDARD_TRAINING.batchSize,
  }),
  epochs: flag(
    "<n>",
    `passes over the data (default: ${STANDARD_EPOCHS.train}, with --autoencoder ${STANDARD_EPOCHS.trainAutoencoder})`,
    { parse: parseCount },
  ),
  autoencoder: flag("", "train with an encoder, the decoder's reverse, by backpropagation"),
  seed: flag("<n>", "of the new decoder, the mini-batches, the shifts and the hidden pixels", {
    parse: parseSeed,
    standard: STANDARD_TRAINING.seed,
  }),
  replacement: flag("", "draw mini-batches with replacement, not from a permutation each epoch"),
  warmStart: flag("", "start each sample's flow where its last one ended, not at the decoder's start"),
  codes: flag(
    "<way>",
    "encode each mini-batch anew, or keep a code for each sample, which is updated beside the weights: " +
      "flow and solver are then those of --validate alone",
    { choices: ["encoded", "kept"], standard: "encoded" },
  ),
  codeLearningRate: flag("<rate>", `how far kept codes go, by Adam (default: ${adam().learningRate})`, {
    parse: parseNumber,
    gives: ["codeOptimizer.learningRate"],
  }),
  shift: flag("<pixels>", "shift images at random by up to so many pixels", {
    parse: parseCount,
    gives: ["augment", "pixels"],
  }),
  hide: flag(
    "<a,b>",
    "with --autoencoder: hide each sample's pixels from the encoder at random, a share from A to B of them; the loss is over all",
    { parse: parseShares, gives: ["mask.hidden"] },
  ),
  gradientClip: flag("<norm>", "the largest norm of a mini-batch's mean gradient", { parse: parsePositive }),
};

/** Parsed options of how to train. */
export interface TrainingOptions extends RunningOptions, OptionsOf<typeof TRAINING_FLAGS> {
  /** File of validation samples, or true to use those of the data set. */
  readonly validate?: string | true | undefined;
}

/** Choice of the adjoint, the method that computes the gradient with respect to the parameters. */
export const adjoints: Choice<Adjoint> = {
  name: "adjoint",
  text: "how the gradient for the parameters is found; full and direct by --solver amd, if none is given",
  members: membersOf<Adjoint>(
    {
      approximate: { make: approximate, fields: {} },
      full: { make: full, fields: {} },
      direct: { make: direct, fields: {} },
    } satisfies Record<Adjoint["name"], object>,
    {},
  ),
};

/** Choice of the optimizer of the parameters. */
export const optimizers: Choice<Optimizer> = {
  name: "optimizer",
  text: "how the parameters follow from their gradients",
  members: membersOf<Optimizer>(OPTIMIZERS, OPTIMIZER_HELP),
  flags: { alpha: "rmspropAlpha", epsilon: "optimizerEpsilon" },
};

/** Choice of the learning rate schedule. */
export const schedules: Choice<Schedule> = {
  name: "schedule",
  text: "how the learning rate changes over the run",
  members: membersOf<Schedule>(SCHEDULES, SCHEDULE_HELP),
  flags: { to: "scheduleTo" },
};

/** Adds the options of how to train to a command, in several help groups. */
export function addTrainingOptions(command: Command): Command {
  addFlags(command, TRAINING_FLAGS, "Training:");
  addChoice(command, adjoints);
  command.optionsGroup("Optimizer (in brackets: whose option it is, and its default):");
  addChoice(command, optimizers);
  addChoice(command, schedules);
  return addFlowAndSolverOptions(command, "train");
}

/** A training run as chosen by a command's options. */
export interface ChosenTraining {
  /** Trains a decoder, by `train` or `trainAutoencoder`, with the chosen options and those given here. */
  readonly train: (
    decoder: Decoder,
    data: Dataset,
    options: RunOptions & Pick<TrainOptions, "weights" | "prior" | "fixed" | "points">,
  ) => Promise<TrainResult | AutoencoderResult>;
  readonly description: TrainingDescription;
}

/** Values of all options of a training run, for reports. The fields that are declared by name are also read by other code. */
interface TrainingDescription {
  readonly flow?: Description;
  readonly solver?: Description;
  readonly adjoint?: Description;
  readonly optimizer: Description;
  readonly schedule: Description;
  readonly batchSize: number;
  readonly epochs: number;
  readonly codeOptimizer?: Optimizer;
  readonly hidden?: readonly [smallest: number, largest: number] | undefined;
  readonly [option: string]: unknown;
}

/** Makes the training run that a command's options choose. Exits with an error of usage if an option is invalid. */
export function chosenTraining(command: Command): ChosenTraining {
  const given = command.opts<TrainingOptions>();
  const optimizer = chosen(command, optimizers);
  const schedule = chosen(command, schedules);
  const { batchSize, seed, autoencoder = false, replacement = false, shift: pixels, gradientClip } = given;
  const epochs = given.epochs ?? STANDARD_TRAINING.epochs[autoencoder ? "trainAutoencoder" : "train"];
  const common = { batchSize, epochs, seed, replacement, gradientClip };
  const options: RunOptions = {
    ...common,
    optimizer: optimizer.value,
    schedule: schedule.value,
    augment: pixels === undefined ? undefined : shift({ pixels }),
    backend: backendOf(given),
  };
  const description = {
    autoencoder,
    optimizer: optimizer.description,
    schedule: schedule.description,
    ...common,
    shift: pixels,
  };
  if (autoencoder) {
    const { hide: hidden } = given;
    refuseFlowAndSolver(command, noFlow);
    refuseChoice(command, adjoints, noFlow);
    refuseOptions(command, ["warmStart", "codes", "codeLearningRate"], noFlow);
    return {
      train: (decoder, data, more) =>
        trainAutoencoder(decoder, data, { ...options, mask: hidden && { hidden }, ...more }),
      description: { ...description, hidden },
    };
  }
  refuseOptions(command, ["hide"], "training without --autoencoder: there is no encoder to hide pixels from");
  const adjoint = chosen(command, adjoints);
  // As in the library, the default solver changes to AMD: the adjoints `full` and `direct` integrate backward along the flow,
  // whose path L-BFGS does not follow.
  if (adjoint.value.needs !== "end" && command.getOptionValueSource("solver") === "default") {
    command.setOptionValueWithSource("solver", "amd", "implied");
  }
  const { flow, solver } = chosenFlowAndSolver(command, "train");
  if (adjoint.value.needs !== "end" && endOf(solver.value) === Number.POSITIVE_INFINITY) {
    wrongUsage(
      command,
      `--adjoint ${adjoint.value.name} goes back along the gradient flow, which --solver ${solver.value.name} does not follow; use --solver amd, or --adjoint approximate`,
    );
  }
  const { warmStart = false, codes, codeLearningRate, validate } = given;
  const pair = pairOf(flow.value, solver.value);
  if (codes === "kept") {
    refuseOptions(command, ["warmStart"], keptCodes);
    refuseChoice(command, adjoints, keptCodes);
    // Checked here, so that the message names `--code-learning-rate`; adam()'s error about its learningRate would be
    // shown as `--learning-rate`.
    if (codeLearningRate !== undefined)
      checkNumber("train", "codeLearningRate", codeLearningRate, { min: 0 });
    if (validate === undefined) refuseFlowAndSolver(command, `${keptCodes}, and there is no --validate`);
    const codeOptimizer = adam(codeLearningRate === undefined ? {} : { learningRate: codeLearningRate });
    return {
      train: (decoder, data, more) =>
        train(decoder, data, { ...pair, codes, codeOptimizer, ...options, ...more }),
      description: {
        codes,
        codeOptimizer,
        ...(validate !== undefined && { flow: flow.description, solver: solver.description }),
        ...description,
      },
    };
  }
  refuseOptions(command, ["codeLearningRate"], "--codes encoded: nothing is kept to be updated");
  const encoding = { ...pair, adjoint: adjoint.value, warmStart };
  return {
    train: (decoder, data, more) => train(decoder, data, { ...encoding, ...options, ...more }),
    description: {
      flow: flow.description,
      solver: solver.description,
      adjoint: adjoint.description,
      warmStart,
      ...description,
    },
  };
}

const keptCodes = "--codes kept: no flow is followed in training";
const noFlow = "--autoencoder: no flow is followed";

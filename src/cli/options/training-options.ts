import type { Command } from "commander";
import { ADAM_FIELDS, OPTIMIZERS } from "../../backend/optimizer.ts";
import type { Field } from "../../base/options.ts";
import type { Decoder } from "../../index.ts";
import { endOf } from "../../solver/solver.ts";
import { SHIFT_FIELDS } from "../../train/augment.ts";
import { AUTOENCODER_FIELDS, TRAIN_FIELDS } from "../../train/check-options.ts";
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
import { SCHEDULES } from "../../train/schedule.ts";
import { addChoice, type Choice, chosen, type Description, membersOf, refuseChoice } from "./choice.ts";
import { addFlags, type Flag, flag, type OptionsOf } from "./flag-table.ts";
import { type GivenSettings, settingFlag, settingFlags, settingsOf, textOf } from "./library-flags.ts";
import { parseShares } from "./parse.ts";
import { backendOf, type RunningOptions, refuseOptions, refuseWithout, wrongUsage } from "./running.ts";
import {
  addFlowAndSolverOptions,
  chosenFlowAndSolver,
  pairOf,
  refuseFlowAndSolver,
} from "./solver-options.ts";

/** Options of `train` and of `trainAutoencoder` of which flags are made, by their names. */
const SETTINGS = { ...AUTOENCODER_FIELDS, ...TRAIN_FIELDS };

/** Additions to the help texts of the flags made from `SETTINGS`: facts about the program alone. */
const ADDITIONS: Partial<Record<keyof GivenSettings<typeof SETTINGS>, string>> = {
  seed: "; a new decoder is drawn with it, too",
  codes: "; with kept, --flow and --solver are for --validate alone",
};

/** Flags of the options that the library has as numbers, words and switches. */
function trainingSettings(): Record<string, Flag> {
  const flags = Object.entries(settingFlags("train", SETTINGS)).map(([name, made]) => {
    const said = made.text || textOf("trainAutoencoder", name);
    const text = said + (ADDITIONS[name as keyof typeof ADDITIONS] ?? "");
    const tables: readonly Readonly<Record<string, Field<unknown>>>[] = [TRAIN_FIELDS, AUTOENCODER_FIELDS];
    const [flow, encoder] = tables.map((fields) => fields[name]?.standard);
    if (encoder === undefined || encoder === flow) return [name, { ...made, text }];
    // The default is shown in the text, since it differs with --autoencoder.
    const shown = `${text} (default: ${flow}, with --autoencoder ${encoder})`;
    return [name, { ...made, text: shown, traits: { ...made.traits, standard: undefined } }];
  });
  return Object.fromEntries(flags);
}

const TRAINING_FLAGS = {
  autoencoder: flag("", "train with an encoder, by backpropagation; without weights, masks and priors"),
  codeLearningRate: settingFlag(
    ADAM_FIELDS.learningRate,
    "with --codes kept: learning rate of the codes, by Adam, ≥ 0",
    ["codeOptimizer.learningRate"],
  ),
  shift: settingFlag(SHIFT_FIELDS.pixels, `${textOf("shift", "pixels")} (default: no shifts)`, [
    "augment",
    "pixels",
  ]),
  hide: flag(
    "<a,b>",
    "with --autoencoder: share of each sample's pixels, drawn from A to B, that is hidden from the encoder, 0 ≤ A ≤ B ≤ 1; the loss is over all pixels",
    { parse: parseShares, gives: ["mask.hidden"] },
  ),
};

/** Parsed options of how to train. */
export interface TrainingOptions
  extends RunningOptions,
    OptionsOf<typeof TRAINING_FLAGS>,
    GivenSettings<typeof SETTINGS> {
  /** File of validation samples, or true to use those of the data set. */
  readonly validate?: string | true | undefined;
}

/** Choice of the adjoint, the method that computes the gradient with respect to the parameters. */
export const adjoints: Choice<Adjoint> = {
  name: "adjoint",
  text: `${textOf("train", "adjoint")}; with full or direct the default of --solver is amd`,
  members: membersOf<Adjoint>({
    approximate: { make: approximate, fields: {} },
    full: { make: full, fields: {} },
    direct: { make: direct, fields: {} },
  } satisfies Record<Adjoint["name"], object>),
};

/** Choice of the optimizer of the parameters. */
export const optimizers: Choice<Optimizer> = {
  name: "optimizer",
  text: textOf("train", "optimizer"),
  members: membersOf<Optimizer>(OPTIMIZERS),
  flags: { alpha: "rmspropAlpha", epsilon: "optimizerEpsilon" },
};

/** Choice of the learning rate schedule. */
export const schedules: Choice<Schedule> = {
  name: "schedule",
  text: textOf("train", "schedule"),
  members: membersOf<Schedule>(SCHEDULES),
  flags: { to: "scheduleTo" },
};

/** Adds the options of how to train to a command, in several help groups. */
export function addTrainingOptions(command: Command): Command {
  const { autoencoder, ...more } = TRAINING_FLAGS;
  addFlags(command, { autoencoder, ...trainingSettings(), ...more }, "Training:");
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
  readonly shift?: number | undefined;
  readonly hidden?: readonly [smallest: number, largest: number] | undefined;
  readonly [option: string]: unknown;
}

/** Makes the training run that a command's options choose. Exits with an error of usage if an option is invalid. */
export function chosenTraining(command: Command): ChosenTraining {
  const given = command.opts<TrainingOptions>();
  const optimizer = chosen(command, optimizers);
  const schedule = chosen(command, schedules);
  const { autoencoder = false, shift: pixels } = given;
  const options: RunOptions = {
    optimizer: optimizer.value,
    schedule: schedule.value,
    augment: pixels === undefined ? undefined : shift({ pixels }),
    backend: backendOf(given),
  };
  const description = {
    autoencoder,
    optimizer: optimizer.description,
    schedule: schedule.description,
    shift: pixels,
  };
  return autoencoder
    ? byBackpropagation(command, options, description)
    : byFlows(command, options, description);
}

type CommonDescription = Pick<TrainingDescription, "optimizer" | "schedule">;

/** Makes the run of `trainAutoencoder` that a command's options choose. Exits with an error of usage if they contradict it. */
function byBackpropagation(
  command: Command,
  options: RunOptions,
  description: CommonDescription,
): ChosenTraining {
  refuseFlowAndSolver(command, noFlow);
  refuseChoice(command, adjoints, noFlow);
  const given = command.opts<TrainingOptions>();
  const ofTrain = Object.keys(settingsOf(TRAIN_FIELDS, given)).filter(
    (name) => !(name in AUTOENCODER_FIELDS),
  );
  refuseOptions(command, [...ofTrain, "codeLearningRate"], noFlow);
  const settings = settingsOf(AUTOENCODER_FIELDS, given);
  const { hide: hidden } = given;
  return {
    train: (decoder, data, more) =>
      trainAutoencoder(decoder, data, { ...settings, ...options, mask: hidden && { hidden }, ...more }),
    description: { ...description, ...settings, hidden },
  };
}

/** Makes the run of `train` that a command's options choose. Exits with an error of usage if they contradict each other. */
function byFlows(command: Command, options: RunOptions, common: CommonDescription): ChosenTraining {
  refuseWithout(command, "--autoencoder, whose encoder the pixels are hidden from", ["hide"]);
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
  const given = command.opts<TrainingOptions>();
  const { codeLearningRate, validate } = given;
  const { warmStart, codes, ...settings } = settingsOf(TRAIN_FIELDS, given);
  const isKept = codes === "kept";
  if (isKept) {
    refuseOptions(command, ["warmStart"], keptCodes);
    refuseChoice(command, adjoints, keptCodes);
    if (validate === undefined) refuseFlowAndSolver(command, `${keptCodes}, and there is no --validate`);
  } else refuseOptions(command, ["codeLearningRate"], "--codes encoded: nothing is kept to be updated");
  const codeOptimizer = adam(codeLearningRate === undefined ? {} : { learningRate: codeLearningRate });
  const ofKept = isKept && { codes, codeOptimizer };
  const byAdjoint = !isKept && { adjoint: adjoint.value, warmStart };
  const all = { ...pairOf(flow.value, solver.value), ...ofKept, ...byAdjoint, ...settings, ...options };
  return {
    train: (decoder, data, more) => train(decoder, data, { ...all, ...more }),
    description: {
      ...ofKept,
      ...((!isKept || validate !== undefined) && { flow: flow.description, solver: solver.description }),
      ...(byAdjoint && { adjoint: adjoint.description, warmStart }),
      ...common,
      ...settings,
    },
  };
}

const keptCodes = "--codes kept: no flow is followed in training";
const noFlow = "--autoencoder: no flow is followed";

import { approximate } from "../adjoint/approximate.ts";
import { type Adjoint, checkAdjoint } from "../adjoint/base.ts";
import { checkBackend, checkWeights } from "../api/check-data.ts";
import type { Dataset } from "../api/dataset.ts";
import { checkFlowAndSolver, IN_SOLVER } from "../api/flow-and-solver.ts";
import type { Backend, CheckedPair } from "../backend/backend.ts";
import { ADAM_FIELDS, adam, checkOptimizer, type Optimizer, rmsprop } from "../backend/optimizer.ts";
import { pixelWeights } from "../backend/pixel-weights.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import { elsewhere } from "../base/check.ts";
import { subject, words } from "../base/message.ts";
import {
  callback,
  choice,
  completeOptions,
  count,
  type Field,
  type FieldsOf,
  flag,
  later,
  number,
  optional,
  signal,
  type ValuesOf,
} from "../base/options.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import { refused } from "../base/refuse.ts";
import { show, showName } from "../base/show.ts";
import { WEIGHTS } from "../base/weights.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed, type FixedOption } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { amd } from "../solver/amd.ts";
import { evaluateOnly } from "../solver/evaluate-only.ts";
import { gradientFlow } from "../solver/flow.ts";
import { lbfgs } from "../solver/lbfgs.ts";
import { checkPrior, type PriorLike } from "../terms/check-prior.ts";
import { checkLoss, type LossLike, type StandardLoss, scaleOf } from "../terms/losses.ts";
import { type Augmentation, checkAugmentation } from "./augment.ts";
import { type CheckpointOptions, checkCheckpoint } from "./checkpoint-options.ts";
import { checkMask } from "./mask.ts";
import type { RunOptions, TrainAutoencoderOptions, TrainOptions } from "./options.ts";
import { checkReversible } from "./reverse.ts";
import { asDataset } from "./samples.ts";
import { checkSchedule, constant } from "./schedule.ts";
import { checkStandardise } from "./standardise.ts";
import { checkValidation, type ValidationOptions } from "./validation.ts";

// Checks the arguments of train and trainAutoencoder before any work, and fills in defaults.

/** Defaults of training: the epochs are those of the paper (arXiv 2412.00864), the batch size is from its authors' code. */
export const STANDARD_TRAINING = {
  batchSize: 5,
  epochs: { train: 1, trainAutoencoder: 12 },
  seed: 0,
} as const;

/**
 * Default solver with the adjoints `full()` and `direct()`, which need a solver that follows the flow, unlike L-BFGS. With
 * the paper's largest step, 10, the flows of an untrained decoder, whose loss is flat, would end far from rest.
 */
export const AMD_IN_TRAINING = amd({ stepMax: 1000 });

/** Checks and defaults of the options that `train` and `trainAutoencoder` share, except epochs, whose defaults differ. */
const RUN_FIELDS = /* @__PURE__ */ (() => ({
  loss: later<LossLike | undefined>(),
  optimizer: { check: checkOptimizer, standard: rmsprop() } as Field<Optimizer>,
  schedule: { check: checkSchedule, standard: constant() },
  batchSize: count(1, STANDARD_TRAINING.batchSize),
  replacement: flag(false),
  seed: count(0, STANDARD_TRAINING.seed),
  augment: later<Augmentation | undefined>(),
  gradientClip: optional(number({ above: 0 })),
  backend: optional<Backend>({ check: checkBackend }),
  validation: later<ValidationOptions | undefined>(),
  checkpoint: later<CheckpointOptions | undefined>(),
  signal: signal<AbortSignalLike>(),
  onEvent: callback<NonNullable<RunOptions["onEvent"]>>(),
  onProgress: callback<NonNullable<RunOptions["onProgress"]>>(),
}))() satisfies FieldsOf<Omit<RunOptions, "epochs">>;

/** Checks and defaults of the options of `train`. */
export const TRAIN_FIELDS = /* @__PURE__ */ (() => ({
  flow: later<TrainOptions["flow"]>(),
  solver: later<TrainOptions["solver"]>(),
  adjoint: { ...later<Adjoint>(), standard: approximate() },
  prior: later<PriorLike | undefined>(),
  weights: WEIGHTS,
  missing: choice("omit", "refuse"),
  standardise: flag(false),
  fixed: later<FixedOption | undefined>(),
  points: later<number | undefined>(),
  warmStart: flag(false),
  codes: choice("encoded", "kept"),
  codeOptimizer: { check: checkOptimizer, standard: adam() } as Field<Optimizer>,
  ...RUN_FIELDS,
  epochs: count(1, STANDARD_TRAINING.epochs.train),
}))() satisfies FieldsOf<Pick<TrainOptions, keyof TrainOptions>>;

/** Checks and defaults of the options of `trainAutoencoder`. */
export const AUTOENCODER_FIELDS = /* @__PURE__ */ (() => ({
  ...RUN_FIELDS,
  epochs: count(1, STANDARD_TRAINING.epochs.trainAutoencoder),
  mask: optional({ check: checkMask }),
}))() satisfies FieldsOf<TrainAutoencoderOptions>;

/** Reasons for `completeOptions` why the optimizers' options are none of training's. */
const IN_OPTIMIZER = elsewhere("optimizer", "adam", ADAM_FIELDS);

type RunValues = ValuesOf<typeof RUN_FIELDS>;
type AutoencoderValues = ValuesOf<typeof AUTOENCODER_FIELDS>;

/** Checked arguments of a training run, with all defaults filled in. */
export type CheckedTrainOptions = ReturnType<typeof checkArguments>;

/**
 * Checks the arguments of `train` and fills in defaults.
 *
 * @throws LatentflowError `invalid_argument`; `disposed` if the decoder is
 */
export function checkArguments(given: Decoder, data: Dataset | Float32Array, options: TrainOptions) {
  checkDecoder(given);
  const { flow, solver, points, ...values } = completeOptions(options, TRAIN_FIELDS, {
    ...IN_SOLVER,
    ...IN_OPTIMIZER,
  });
  checkCodes(options);
  const decoder = atPoints(given, points);
  const run = checkRun(decoder, data, values);
  const { augment, adjoint, standardise } = values;
  const weights = values.weights && pixelWeights(values.weights, decoder);
  if (standardise) checkStandardise(given, run.loss);
  const { count } = run.dataset;
  checkWeights(weights, count, decoder);
  if (weights && augment) {
    const both = words`${subject("weights")} and augment (${showName(augment.name)})`;
    const reason = ": the weights would stay where the samples were";
    throw refused(both, "are", "both given", "one of them", reason);
  }
  const standard = adjoint?.needs === "end" ? lbfgs() : AMD_IN_TRAINING;
  const pair = checkFlowAndSolver(options, standard);
  checkAdjoint(adjoint, pair.solver, run.loss);
  return {
    ...values,
    ...run,
    weights,
    pair: pair as CheckedPair,
    prior: checkPrior(values.prior, decoder),
    fixed: checkFixed(decoder, values.fixed, count),
    mask: undefined as AutoencoderValues["mask"],
    /** True if values of the data are missing, so that all samples have weights; known once the data are checked. */
    hasMissing: false as boolean,
    /** True if the network trained is an encoder followed by a decoder, whose latents are the samples: no flow is followed. */
    isAutoencoder: false as boolean,
  };
}

/** Throws if the options `codes`, `codeOptimizer`, `warmStart` and `adjoint` contradict each other. */
function checkCodes({ codes, codeOptimizer, warmStart, adjoint }: TrainOptions): void {
  if (codes !== "kept") {
    if (codeOptimizer === undefined) return;
    const advice = '; give codes: "kept" too';
    throw refused("codeOptimizer", "is", show(codeOptimizer), "undefined where no codes are kept", advice);
  }
  for (const [name, value] of Object.entries({ warmStart, adjoint })) {
    if (value === undefined || value === false) continue;
    const both = words`codes: "kept" and ${subject(name)}`;
    throw refused(both, "are", "both given", "one of them", ": no flow is followed in training");
  }
}

/**
 * Checks the arguments of `trainAutoencoder` and fills in defaults, also for the options that only `train` has.
 *
 * @throws LatentflowError `invalid_argument`; `disposed` if the decoder is
 */
export function checkAutoencoderArguments(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainAutoencoderOptions,
): CheckedTrainOptions {
  checkDecoder(decoder);
  checkReversible(decoder);
  const values = completeOptions(options, AUTOENCODER_FIELDS, {
    ...IN_OPTIMIZER,
    prior: "codes come from the encoder here, and nothing holds them; train has a prior",
  });
  const run = checkRun(decoder, data, values);
  if ((run.loss as StandardLoss).scale) {
    throw refused("loss", "has", "a scale", "none", ": an encoder takes data in their own units");
  }
  if (run.validation?.weights) {
    const name = subject("validation.weights", "validation");
    throw refused(name, "has", "weights", "none", ": an encoder takes all values alike");
  }
  return {
    ...values,
    ...run,
    pair: { flow: gradientFlow(), solver: evaluateOnly },
    adjoint: approximate(),
    prior: undefined,
    weights: undefined,
    missing: "refuse",
    hasMissing: false,
    standardise: false,
    fixed: [],
    warmStart: false,
    codes: "encoded",
    codeOptimizer: adam(),
    isAutoencoder: true,
  };
}

/** Checks the options, shared by `train` and `trainAutoencoder`, that depend on the decoder or the data. */
function checkRun(decoder: Decoder, data: Dataset | Float32Array, values: RunValues) {
  const { backend = wasm(), augment, validation, checkpoint } = values;
  const loss = checkLoss(values.loss, decoder);
  scaleOf(loss, decoder);
  const dataset = asDataset(data, decoder);
  if (augment !== undefined) checkAugmentation(augment, decoder.outputShape);
  return {
    decoder,
    dataset,
    loss,
    backend,
    // Compared with undefined, so that null is checked, and so rejected.
    validation: validation === undefined ? undefined : checkValidation(validation, decoder, dataset.count),
    checkpoint: checkpoint === undefined ? undefined : checkCheckpoint(checkpoint),
  };
}

import { approximate } from "../adjoint/approximate.ts";
import { type Adjoint, checkAdjoint } from "../adjoint/base.ts";
import { checkBackend, checkWeights } from "../api/check-data.ts";
import { checkFlowAndSolver } from "../api/flow-and-solver.ts";
import type { CheckedPair } from "../backend/backend.ts";
import { adam, isOptimizer, rmsprop } from "../backend/optimizer.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import {
  callHint,
  checkCallback,
  checkChoice,
  checkFlag,
  checkNumber,
  checkOptions,
  checkSignal,
  invalid,
  show,
  showName,
} from "../base/check.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed, type FixedValues } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { amd } from "../solver/amd.ts";
import { evaluateOnly } from "../solver/evaluate-only.ts";
import { gradientFlow } from "../solver/flow.ts";
import { lbfgs } from "../solver/lbfgs.ts";
import { checkPrior } from "../terms/check-prior.ts";
import { checkLoss } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { checkAugmentation } from "./augment.ts";
import { checkCheckpoint } from "./checkpoint-options.ts";
import type { Dataset } from "./dataset.ts";
import { checkMask } from "./mask.ts";
import type { RunOptions, TrainAutoencoderOptions, TrainOptions } from "./options.ts";
import { checkReversible } from "./reverse.ts";
import { asDataset } from "./samples.ts";
import { checkSchedule, constant } from "./schedule.ts";
import { checkValidation } from "./validation.ts";

// Checks the arguments of train and trainAutoencoder before any work, and fills in defaults.

const RUN_OPTIONS: { readonly [Name in keyof Required<RunOptions>]: true } = {
  loss: true,
  optimizer: true,
  schedule: true,
  batchSize: true,
  epochs: true,
  replacement: true,
  seed: true,
  augment: true,
  gradientClip: true,
  backend: true,
  validation: true,
  checkpoint: true,
  signal: true,
  onEvent: true,
  onProgress: true,
};

/** Defaults of training: epochs are the paper's, the mini-batch is that of its authors' code. */
export const STANDARD_TRAINING = {
  batchSize: 5,
  epochs: { train: 1, trainAutoencoder: 12 },
  seed: 0,
} as const;

/**
 * Default solver of the adjoints that follow the flow back, which L-BFGS does not follow. At the paper's bound on
 * steps, 10, the flows of an untrained decoder, which is flat, would end far from rest.
 */
export const AMD_IN_TRAINING = amd({ stepMax: 1000 });

/** Checked arguments of a training run, with all defaults. */
export interface CheckedTrainOptions extends ReturnType<typeof checkRun> {
  readonly pair: CheckedPair;
  readonly adjoint: Adjoint;
  readonly prior: Prior | undefined;
  /** n values for all samples, or count × n. */
  readonly weights: Float32Array | undefined;
  /** Values of the decoder's fixed inputs. */
  readonly fixed: FixedValues;
  /** True for a network of encoder and decoder, whose latents are the samples: no flow is followed. */
  readonly isAutoencoder: boolean;
}

/** Checks the arguments of `train`. */
export function checkArguments(
  given: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions,
): CheckedTrainOptions {
  const where = "train";
  checkDecoder(where, given);
  checkOptions(where, options, {
    flow: true,
    solver: true,
    adjoint: true,
    prior: true,
    weights: true,
    fixed: true,
    points: true,
    warmStart: true,
    codes: true,
    codeOptimizer: true,
    ...RUN_OPTIONS,
  });
  checkCodes(where, options);
  const decoder = atPoints(where, given, options.points);
  const run = checkRun(where, decoder, data, options);
  const { weights, augment, adjoint = approximate() } = options;
  checkWeights(where, weights, run.dataset.count, decoder);
  if (weights && augment) {
    throw invalid(
      `${where}: weights and augment (${showName(augment.name)}) are given together; the weights would stay where the samples were`,
    );
  }
  const pair = checkFlowAndSolver(where, options, adjoint?.needs === "end" ? lbfgs() : AMD_IN_TRAINING);
  return {
    ...run,
    pair,
    adjoint: checkAdjoint(where, adjoint, pair.solver, run.loss),
    prior: checkPrior(where, options.prior, decoder),
    weights,
    fixed: checkFixed(where, decoder, options.fixed, run.dataset.count),
    isAutoencoder: false,
  };
}

/** Refuses options that contradict each other about where codes come from. */
function checkCodes(
  where: string,
  { codes = "encoded", codeOptimizer, warmStart, adjoint }: TrainOptions,
): void {
  checkChoice(where, "codes", codes, ["encoded", "kept"]);
  if (codes === "encoded") {
    if (codeOptimizer === undefined) return;
    throw invalid(`${where}: codeOptimizer is given, but no codes are kept; give codes: "kept" too`);
  }
  for (const [name, value] of Object.entries({ warmStart, adjoint })) {
    if (value === undefined || value === false) continue;
    throw invalid(
      `${where}: codes: "kept" and ${name} are both given, expected one of them: no flow is followed in training`,
    );
  }
}

/** Checks the arguments of `trainAutoencoder`. */
export function checkAutoencoderArguments(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: TrainAutoencoderOptions,
): CheckedTrainOptions {
  const where = "trainAutoencoder";
  checkDecoder(where, decoder);
  checkReversible(where, decoder);
  checkOptions(
    where,
    options,
    { ...RUN_OPTIONS, mask: true },
    { prior: "codes come from the encoder here, and nothing holds them; train has a prior" },
  );
  const run = checkRun(where, decoder, data, options);
  if (run.validation?.weights) {
    throw invalid(`${where}: validation has weights; an encoder takes all values alike, leave them out`);
  }
  return {
    ...run,
    pair: { flow: gradientFlow(), solver: evaluateOnly },
    adjoint: approximate(),
    prior: undefined,
    weights: undefined,
    fixed: [],
    isAutoencoder: true,
  };
}

/** Checks the options of both functions, and those that only one of them has, where they are given. */
function checkRun(
  where: keyof typeof STANDARD_TRAINING.epochs,
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: RunOptions &
    Pick<TrainOptions, "warmStart" | "codes" | "codeOptimizer"> &
    Pick<TrainAutoencoderOptions, "mask">,
) {
  const {
    optimizer = rmsprop(),
    schedule = constant(),
    batchSize = STANDARD_TRAINING.batchSize,
    epochs = STANDARD_TRAINING.epochs[where],
    replacement = false,
    seed = STANDARD_TRAINING.seed,
    augment,
    gradientClip,
    backend = wasm(),
    validation,
    checkpoint,
    signal,
    onEvent,
    onProgress,
    warmStart = false,
    codes = "encoded",
    codeOptimizer = adam(),
    mask,
  } = options;
  const loss = checkLoss(where, options.loss, decoder);
  const dataset = asDataset(where, data, decoder);
  checkNumber(where, "batchSize", batchSize, { min: 1, integer: true });
  checkNumber(where, "epochs", epochs, { min: 1, integer: true });
  checkNumber(where, "seed", seed, { min: 0, integer: true });
  if (gradientClip !== undefined) checkNumber(where, "gradientClip", gradientClip, { above: 0 });
  checkFlag(where, "replacement", replacement);
  checkFlag(where, "warmStart", warmStart);
  for (const [name, value] of Object.entries({ optimizer, codeOptimizer })) {
    if (isOptimizer(value)) continue;
    throw invalid(
      `${where}: ${name} is ${show(value)}${callHint(value)}, expected rmsprop(), adam() or sgd()`,
    );
  }
  checkSchedule(where, schedule);
  checkBackend(where, backend);
  checkCallback(where, "onEvent", onEvent);
  checkCallback(where, "onProgress", onProgress);
  checkSignal(where, signal);
  if (augment !== undefined) checkAugmentation(where, augment, decoder.outputShape);
  return {
    where,
    decoder,
    dataset,
    loss,
    optimizer,
    schedule,
    batchSize,
    epochs,
    seed,
    replacement,
    warmStart,
    augment,
    mask: mask === undefined ? undefined : checkMask(where, mask),
    codes,
    codeOptimizer,
    gradientClip,
    backend,
    signal,
    onEvent,
    onProgress,
    validation:
      validation === undefined
        ? undefined
        : checkValidation(`${where}: validation`, validation, decoder, dataset.count),
    checkpoint: checkpoint === undefined ? undefined : checkCheckpoint(`${where}: checkpoint`, checkpoint),
  };
}

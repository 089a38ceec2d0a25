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
  refused,
  show,
  showName,
} from "../base/check.ts";
import { callOf, scopeOf } from "../base/message.ts";
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
import { checkCheckpoint } from "./checkpoint-options.ts";
import type { Dataset } from "./dataset.ts";
import type { RunOptions, TrainOptions } from "./options.ts";
import { checkReversible } from "./reverse.ts";
import { asDataset } from "./samples.ts";
import { constant } from "./schedule.ts";
import { checkValidation } from "./validation.ts";

// What is given to a training run, checked and completed.

const RUN_OPTIONS: { readonly [Name in keyof Required<RunOptions>]: true } = {
  ...{ loss: true, optimizer: true, schedule: true, batchSize: true, epochs: true, replacement: true },
  ...{ seed: true, augment: true, gradientClip: true, backend: true, validation: true, checkpoint: true },
  ...{ signal: true, onEvent: true, onProgress: true },
};

/** Defaults of a run: the passes over the data are the paper's, the mini-batch its authors' code's. */
export const STANDARD_TRAINING = {
  batchSize: 5,
  epochs: { train: 1, trainAutoencoder: 12 },
  seed: 0,
} as const;

/** The verbs that train. */
type Verb = keyof typeof STANDARD_TRAINING.epochs;

/**
 * AMD without the paper's bound on its steps, for the adjoints that go back along the flow, whose way L-BFGS does not
 * go. A decoder at the start of its training is flat: at steps of at most 10 the flows end early, far from rest.
 */
export const AMD_IN_TRAINING = amd({ stepMax: 1000 });

/** The arguments of `train`, checked and completed. */
export function checkArguments(
  given: Decoder,
  data: Dataset | Float32Array,
  options: TrainOptions,
): CheckedTrainOptions {
  const where = callOf("train");
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
  const run = checkRun(where, "train", decoder, data, options);
  const fixed = checkFixed(where, decoder, options.fixed, run.dataset.count);
  const prior = checkPrior(where, options.prior, decoder);
  const { weights, augment } = options;
  checkWeights(where, weights, run.dataset.count, decoder);
  if (weights && augment) {
    throw invalid(
      `${where}: weights and augment (${showName(augment.name)}) are given together; the weights would stay where the samples were`,
    );
  }
  const { adjoint: asked = approximate() } = options;
  const pair = checkFlowAndSolver(where, options, asked?.needs === "end" ? lbfgs() : AMD_IN_TRAINING);
  const adjoint = checkAdjoint(where, asked, pair.solver, run.loss);
  return { ...run, pair, adjoint, prior, weights, fixed, isAutoencoder: false };
}

/** Refuses what says two things of where codes come from. */
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

/** The arguments of `trainAutoencoder`, checked and completed. */
export function checkAutoencoderArguments(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: RunOptions,
): CheckedTrainOptions {
  const where = callOf("trainAutoencoder");
  checkDecoder(where, decoder);
  checkReversible(where, decoder);
  checkOptions(where, options, RUN_OPTIONS, {
    prior: "codes come from the encoder here, and nothing holds them; train has a prior",
  });
  const run = checkRun(where, "trainAutoencoder", decoder, data, options);
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

/** What a run is made from, checked and completed. */
export interface CheckedTrainOptions extends ReturnType<typeof checkRun> {
  readonly pair: CheckedPair;
  readonly adjoint: Adjoint;
  readonly prior: Prior | undefined;
  /** n values for all samples, or count × n. */
  readonly weights: Float32Array | undefined;
  /** What is given with the samples. */
  readonly fixed: FixedValues;
  /** Is the network an autoencoder, whose latents are its samples? Then nothing is followed to find them. */
  readonly isAutoencoder: boolean;
}

function checkRun(
  where: string,
  verb: Verb,
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: RunOptions & CodesOptions,
) {
  const loss = checkLoss(where, options.loss, decoder);
  const dataset = asDataset(where, data, decoder);
  const settings = checkSettings(where, verb, options, decoder);
  const { validation, checkpoint } = options;
  return {
    ...{ where, decoder, dataset, loss, settings },
    validation:
      validation === undefined
        ? undefined
        : checkValidation(`${where}: ${scopeOf("validation")}`, validation, decoder, dataset.count),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : checkCheckpoint(`${where}: ${scopeOf("checkpoint")}`, checkpoint),
  };
}

/** Options of `train` alone. */
type CodesOptions = Pick<TrainOptions, "warmStart" | "codes" | "codeOptimizer">;

function checkSettings(where: string, verb: Verb, options: RunOptions & CodesOptions, decoder: Decoder) {
  const {
    optimizer = rmsprop(),
    schedule = constant(),
    batchSize = STANDARD_TRAINING.batchSize,
    epochs = STANDARD_TRAINING.epochs[verb],
    backend = wasm(),
  } = options;
  const {
    seed = STANDARD_TRAINING.seed,
    replacement = false,
    warmStart = false,
    codes = "encoded",
    codeOptimizer = adam(),
    augment,
    gradientClip,
    signal,
    onEvent,
    onProgress,
  } = options;
  checkNumber(where, "batchSize", batchSize, { min: 1, integer: true });
  checkNumber(where, "epochs", epochs, { min: 1, integer: true });
  checkNumber(where, "seed", seed, { min: 0, integer: true });
  if (gradientClip !== undefined) checkNumber(where, "gradientClip", gradientClip, { above: 0 });
  checkFlag(where, "replacement", replacement);
  checkFlag(where, "warmStart", warmStart);
  for (const [name, value] of Object.entries({ optimizer, codeOptimizer })) {
    if (isOptimizer(value)) continue;
    throw refused(where, name, "is", `${show(value)}${callHint(value)}`, "rmsprop(), adam() or sgd()");
  }
  if (typeof schedule?.factor !== "function") {
    throw refused(where, "schedule", "is", show(schedule), "constant(), linear() or cosine()");
  }
  checkBackend(where, "backend", backend);
  checkCallback(where, "onEvent", onEvent);
  checkCallback(where, "onProgress", onProgress);
  checkSignal(where, signal);
  if (augment !== undefined) {
    if (typeof augment?.apply !== "function" || typeof augment.check !== "function") {
      throw refused(
        where,
        "augment",
        "is",
        `${show(augment)}${callHint(augment)}`,
        "a value such as shift({ pixels: 2 })",
      );
    }
    augment.check(decoder.outputShape);
  }
  const sampling = { seed, replacement };
  return {
    ...{ optimizer, schedule, batchSize, epochs, backend, sampling, warmStart, augment },
    ...{ codes, codeOptimizer, gradientClip, signal, onEvent, onProgress },
  };
}

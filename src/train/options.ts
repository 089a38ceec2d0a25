import { approximate } from "../adjoint/approximate.ts";
import { type Adjoint, checkAdjoint } from "../adjoint/base.ts";
import type { Backend } from "../backend/backend.ts";
import { wasm } from "../backend/wasm/wasm.ts";
import {
  callHint,
  checkChoice,
  checkNumber,
  checkOptions,
  checkSignal,
  invalid,
  show,
  showName,
} from "../check.ts";
import type { Augmentation } from "../data/augment.ts";
import type { Dataset } from "../data/dataset.ts";
import { checkDecoder, type Decoder } from "../decoder/decoder.ts";
import { checkFixed, type FixedOption, type FixedValues } from "../decoder/fixed.ts";
import { atPoints } from "../decoder/points.ts";
import { gradientFlow } from "../flow.ts";
import { adam, isOptimizer, type Optimizer, rmsprop } from "../optimizer.ts";
import type { AbortSignalLike } from "../platform.ts";
import { checkBackend, checkWeights } from "../problem.ts";
import { constant, type Schedule } from "../schedule.ts";
import { type CheckedPair, checkFlowAndSolver, type FlowAndSolver } from "../solve.ts";
import { amd } from "../solver/amd.ts";
import { lbfgs } from "../solver/lbfgs.ts";
import { stay } from "../solver/stay.ts";
import { checkLoss, type LossLike } from "../terms/losses.ts";
import { type CheckpointOptions, checkCheckpoint } from "./checkpoint-options.ts";
import type { Resumed, TrainEvent, TrainProgress, TrainStep } from "./progress.ts";
import { checkReversible } from "./reverse.ts";
import { asDataset } from "./samples.ts";
import { checkValidation, type ValidationOptions, type ValidationResult } from "./validation.ts";

/** Options of a training run, whatever is trained. */
export interface RunOptions {
  /** Default: the decoder's own; where it has none, it must be given. */
  loss?: LossLike;
  /** How parameters follow from their gradients. Default `rmsprop()`, the paper's. */
  optimizer?: Optimizer;
  /** How the learning rate changes over the run. Default `constant()`. */
  schedule?: Schedule;
  /** Samples in a mini-batch. Default 5, the paper's. */
  batchSize?: number;
  /** Passes over the data. Default 1 for `train`, 12 for `trainAutoencoder`, the paper's. */
  epochs?: number;
  /** Mini-batches drawn with replacement instead of from a new permutation each epoch. Default false. */
  replacement?: boolean;
  /** Of the mini-batches and the augmentation. Default 0. */
  seed?: number;
  /** Changes the samples of a mini-batch at random, `shift({ pixels: 2 })` say. Default none. */
  augment?: Augmentation;
  /** The largest norm of a mini-batch's mean gradient, which is shortened to it. Default none. */
  gradientClip?: number;
  /** Where the work is done. Default `wasm()`. */
  backend?: Backend;
  /** Samples that are not trained on, encoded now and then to see how well that goes. Default none. */
  validation?: ValidationOptions;
  /**
   * Keeps where the run stands, every so many seconds, at the end and at an abort, so that it can go on from there
   * to the same end, bit for bit. Default: not at all.
   */
  checkpoint?: CheckpointOptions;
  /** Ends the run early: it rejects with the signal's reason, after a last checkpoint where there are any. */
  signal?: AbortSignalLike;
  /**
   * Called with what happens beside the updates; between the calls of `onProgress`, in the order of events. What
   * either throws, or its promise rejects with, ends the run and rejects the call, which waits for their promises at
   * its end.
   */
  onEvent?: (event: TrainEvent) => void;
  /** Called after each mini-batch. */
  onProgress?: (progress: TrainProgress) => void;
}

/** Options of `train`. The default solver is `lbfgs()`; with the adjoints `full()` and `direct()` `amd({ stepMax: 1000 })`. */
export type TrainOptions = FlowAndSolver &
  RunOptions & {
    /**
     * How the gradient for the parameters is found: `approximate()` (the default), `full()` or `direct()`. The last
     * two go back over the flow, so they cost several times its passes, and the solver keeps its steps.
     */
    adjoint?: Adjoint;
    /**
     * ≥ 0, outputSize values for all samples or count × outputSize. Data may be NaN where the weight is 0: missing.
     * Not together with `augment`. Default: none, all elements alike.
     */
    weights?: Float32Array;
    /**
     * What is given with the samples and not sought, for each of the decoder's `fixedInputs` by name: one sample's
     * numbers for all, or count times as many. Classes are integers. No default: a decoder with fixed inputs needs them.
     */
    fixed?: FixedOption;
    /** For a decoder over points: how many each sample has, also those of the validation. */
    points?: number;
    /** Each sample's flow starts where its last one ended, instead of at 0. Default false. */
    warmStart?: boolean;
    /**
     * Where the samples' codes come from. `"encoded"`, the default: each mini-batch is encoded anew. `"kept"`: each sample
     * has a code from the start to the end, 0 at first, which is updated beside the weights by the same gradient, as
     * DeepSDF's auto-decoder trains. One pass for each mini-batch, but many epochs. Flow and solver are then those of the
     * validation alone; not with `warmStart` or an adjoint.
     */
    codes?: "encoded" | "kept";
    /** How kept codes follow from their gradients; its learning rate follows the schedule. Default `adam()`. */
    codeOptimizer?: Optimizer;
  };

/** What `train` returns. */
export interface TrainResult {
  /** A new decoder; the one given is not changed. */
  readonly decoder: Decoder;
  /** Every update, in order, also those before the checkpoint that it went on from. */
  readonly history: readonly TrainStep[];
  /**
   * count × latentSize, the samples' codes at the end: with `codes: "kept"` those that were trained, with `warmStart`
   * where each sample's last flow ended. Undefined without either.
   */
  readonly codes: Float32Array | undefined;
  /** Every validation, in order; none without the option. */
  readonly validation: readonly ValidationResult[];
  /** The checkpoint that it went on from; undefined if it started anew. */
  readonly resumedFrom: Resumed | undefined;
}

const RUN_OPTIONS: { readonly [Name in keyof Required<RunOptions>]: true } = {
  ...{ loss: true, optimizer: true, schedule: true, batchSize: true, epochs: true, replacement: true },
  ...{ seed: true, augment: true, gradientClip: true, backend: true, validation: true, checkpoint: true },
  ...{ signal: true, onEvent: true, onProgress: true },
};

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
  checkDecoder("train", given);
  checkOptions("train", options, {
    flow: true,
    solver: true,
    adjoint: true,
    weights: true,
    fixed: true,
    points: true,
    warmStart: true,
    codes: true,
    codeOptimizer: true,
    ...RUN_OPTIONS,
  });
  checkCodes(options);
  const decoder = atPoints("train", given, options.points);
  const run = checkRun("train", decoder, data, options, { epochs: 1 });
  const fixed = checkFixed("train", decoder, options.fixed, run.dataset.count);
  const { weights, augment } = options;
  checkWeights("train", weights, run.dataset.count, decoder);
  if (weights && augment) {
    throw invalid(
      `train: weights and augment (${showName(augment.name)}) are given together; the weights would stay where the samples were`,
    );
  }
  const { adjoint: asked = approximate() } = options;
  const pair = checkFlowAndSolver("train", options, asked?.needs === "end" ? lbfgs() : AMD_IN_TRAINING);
  const adjoint = checkAdjoint("train", asked, pair.solver, run.loss);
  return { ...run, pair, adjoint, weights, fixed, isAutoencoder: false };
}

/** Refuses what says two things of where codes come from. */
function checkCodes({ codes = "encoded", codeOptimizer, warmStart, adjoint }: TrainOptions): void {
  checkChoice("train", "codes", codes, ["encoded", "kept"]);
  if (codes === "encoded") {
    if (codeOptimizer === undefined) return;
    throw invalid('train: codeOptimizer is given, but no codes are kept; give codes: "kept" too');
  }
  for (const [name, value] of Object.entries({ warmStart, adjoint })) {
    if (value === undefined || value === false) continue;
    throw invalid(
      `train: codes: "kept" and ${name} are both given, expected one of them: no flow is followed in training`,
    );
  }
}

/** The arguments of `trainAutoencoder`, checked and completed. */
export function checkAutoencoderArguments(
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: RunOptions,
): CheckedTrainOptions {
  const where = "trainAutoencoder";
  checkDecoder(where, decoder);
  checkReversible(where, decoder);
  checkOptions(where, options, RUN_OPTIONS);
  const run = checkRun(where, decoder, data, options, { epochs: 12 });
  if (run.validation?.weights) {
    throw invalid(`${where}: validation has weights; an encoder takes all values alike, leave them out`);
  }
  return {
    ...run,
    pair: { flow: gradientFlow(), solver: stay },
    adjoint: approximate(),
    weights: undefined,
    fixed: [],
    isAutoencoder: true,
  };
}

/** What a run is made from, checked and completed. */
export interface CheckedTrainOptions extends ReturnType<typeof checkRun> {
  readonly pair: CheckedPair;
  readonly adjoint: Adjoint;
  /** n values for all samples, or count × n. */
  readonly weights: Float32Array | undefined;
  /** What is given with the samples. */
  readonly fixed: FixedValues;
  /** Is the network an autoencoder, whose latents are its samples? Then nothing is followed to find them. */
  readonly isAutoencoder: boolean;
}

function checkRun(
  where: string,
  decoder: Decoder,
  data: Dataset | Float32Array,
  options: RunOptions & CodesOptions,
  defaults: { readonly epochs: number },
) {
  const loss = checkLoss(where, options.loss, decoder);
  const dataset = asDataset(where, data, decoder);
  const settings = checkSettings(where, options, decoder, defaults.epochs);
  const { validation, checkpoint } = options;
  return {
    ...{ where, decoder, dataset, loss, settings },
    validation:
      validation === undefined
        ? undefined
        : checkValidation(`${where}: validation`, validation, decoder, dataset.count),
    checkpoint: checkpoint === undefined ? undefined : checkCheckpoint(`${where}: checkpoint`, checkpoint),
  };
}

/** Options of `train` alone. */
type CodesOptions = Pick<TrainOptions, "warmStart" | "codes" | "codeOptimizer">;

function checkSettings(
  where: string,
  options: RunOptions & CodesOptions,
  decoder: Decoder,
  defaultEpochs: number,
) {
  const {
    optimizer = rmsprop(),
    schedule = constant(),
    batchSize = 5,
    epochs = defaultEpochs,
    backend = wasm(),
  } = options;
  const {
    seed = 0,
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
  for (const [name, value] of Object.entries({ replacement, warmStart })) {
    if (typeof value !== "boolean")
      throw invalid(`${where}: ${name} is ${show(value)}, expected true or false`);
  }
  for (const [name, value] of Object.entries({ optimizer, codeOptimizer })) {
    if (isOptimizer(value)) continue;
    throw invalid(
      `${where}: ${name} is ${show(value)}${callHint(value)}, expected rmsprop(), adam() or sgd()`,
    );
  }
  if (typeof schedule?.factor !== "function") {
    throw invalid(`${where}: schedule is ${show(schedule)}, expected constant(), linear() or cosine()`);
  }
  checkBackend(where, backend);
  for (const [name, callback] of Object.entries({ onEvent, onProgress })) {
    if (callback !== undefined && typeof callback !== "function") {
      throw invalid(`${where}: ${name} is ${show(callback)}, expected a function`);
    }
  }
  checkSignal(where, signal);
  if (augment !== undefined) {
    if (typeof augment?.apply !== "function") {
      throw invalid(`${where}: augment is ${show(augment)}, expected a value such as shift({ pixels: 2 })`);
    }
    augment.check(decoder.outputShape);
  }
  const sampling = { seed, replacement };
  return {
    ...{ optimizer, schedule, batchSize, epochs, backend, sampling, warmStart, augment },
    ...{ codes, codeOptimizer, gradientClip, signal, onEvent, onProgress },
  };
}

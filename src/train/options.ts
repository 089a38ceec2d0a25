import type { Adjoint } from "../adjoint/base.ts";
import type { FlowAndSolver } from "../api/flow-and-solver.ts";
import type { Backend } from "../backend/backend.ts";
import type { Optimizer } from "../backend/optimizer.ts";
import type { AbortSignalLike } from "../base/platform.ts";
import type { Weights } from "../base/weights.ts";
import type { Decoder } from "../decoder/decoder.ts";
import type { FixedOption } from "../decoder/fixed.ts";
import type { PriorLike } from "../terms/check-prior.ts";
import type { LossLike } from "../terms/losses.ts";
import type { Augmentation } from "./augment.ts";
import type { CheckpointOptions } from "./checkpoint-options.ts";
import type { MaskOptions } from "./mask.ts";
import type { Resumed, TrainEvent, TrainProgress, TrainStep } from "./progress.ts";
import type { Schedule } from "./schedule.ts";
import type { ValidationOptions, ValidationResult } from "./validation.ts";

/** Options of both `train` and `trainAutoencoder`. */
export interface RunOptions {
  /** Loss of a sample. Default: the decoder's own; required if it has none. */
  loss?: LossLike | undefined;
  /** Optimizer of the parameters. Default `rmsprop()`, of the paper's appendix. */
  optimizer?: Optimizer | undefined;
  /** Schedule of the learning rate over the run. Default `constant()`. */
  schedule?: Schedule | undefined;
  /** Number of samples in a mini-batch. Default 5, as in the code of the paper's authors. */
  batchSize?: number | undefined;
  /** Number of passes over the data. Default 1 for `train` and 12 for `trainAutoencoder`, the paper's. */
  epochs?: number | undefined;
  /** Draws mini-batches with replacement, not from a new permutation each epoch. Default false. */
  replacement?: boolean | undefined;
  /** Seed of the mini-batches, the augmentation, the mask and a new encoder, an integer from 0 to 2^53 - 1. Default 0. */
  seed?: number | undefined;
  /** Random change of the samples of each mini-batch, `shift({ pixels: 2 })` say. Default none. */
  augment?: Augmentation | undefined;
  /** Largest norm of a mini-batch's mean gradient, > 0; longer gradients are scaled down to it. Default none. */
  gradientClip?: number | undefined;
  /** Backend that computes. Default `wasm()`. */
  backend?: Backend | undefined;
  /** Samples that are encoded at intervals and not trained on. Default none. */
  validation?: ValidationOptions | undefined;
  /**
   * Checkpoints, at intervals, at the end and at an abort, from which a run goes on to the same end, bit for bit. Default
   * none.
   */
  checkpoint?: CheckpointOptions | undefined;
  /** Ends the run early: it rejects with the signal's reason, after a last checkpoint if it keeps checkpoints. */
  signal?: AbortSignalLike | undefined;
  /**
   * Called with each event other than an update, in the order of events and of the calls of `onProgress`. An error of
   * either callback, or of its promise, ends the run and rejects the call, which waits for the promises at its end.
   */
  onEvent?: ((event: TrainEvent) => unknown) | undefined;
  /** Called after each mini-batch. */
  onProgress?: ((progress: TrainProgress) => unknown) | undefined;
}

/** Options of `trainAutoencoder`. */
export interface TrainAutoencoderOptions extends RunOptions {
  /**
   * Trains the encoder on samples whose pixels are hidden at random, to reconstruct whole ones: it sees 0 where a pixel is
   * hidden, and the loss is over all pixels. The validation, and the decoder's `start`, see whole samples. Default none.
   */
  mask?: MaskOptions | undefined;
}

/** Options of `train`. The default solver is `lbfgs()`; with the adjoints `full()` and `direct()` `amd({ stepMax: 1000 })`. */
export type TrainOptions = FlowAndSolver &
  RunOptions & {
    /**
     * Method that computes the gradient for the parameters: `approximate()` (the default), `full()` or `direct()`. The
     * last two go back over the flow: they cost several times its passes, and the memory of its steps.
     */
    adjoint?: Adjoint | undefined;
    /**
     * Prior of the codes, as in `encode`, also in the validation; the trained decoder has it as its own. Training lowers
     * the objective, loss + prior(z)/N, for which the approximate gradient is exact; `history` has losses. Default: the
     * decoder's own, if it has one.
     */
    prior?: PriorLike | undefined;
    /**
     * Weights of the data, ≥ 0: outputSize values for all samples or count × outputSize. Missing data have the weight 0, and
     * may be NaN. Not together with `augment`. Default: none, all elements alike.
     */
    weights?: Weights | undefined;
    /**
     * Values of the decoder's `fixedInputs` by name: one row for all samples, or count rows. Classes are integers. Required
     * if the decoder has fixed inputs.
     */
    fixed?: FixedOption | undefined;
    /** Number of points of each sample, also of the validation, for a decoder over points. */
    points?: number | undefined;
    /** Starts each sample's flow at the end of its last one, the first at the decoder's `start`. Default false. */
    warmStart?: boolean | undefined;
    /**
     * Origin of the codes. `"encoded"`, the default: each mini-batch is encoded anew. `"kept"`: each sample keeps a code, at
     * first the decoder's `start`, which is updated beside the weights by the same gradient, as in DeepSDF's auto-decoder:
     * one pass for each mini-batch, but many epochs. A sample whose gradient is not finite is left out of the update, and its
     * code begins again at `start` (an event). Flow and solver are then those of the validation alone; not with `warmStart`
     * or an adjoint.
     */
    codes?: "encoded" | "kept" | undefined;
    /** Optimizer of kept codes; its learning rate follows the schedule. Default `adam()`. */
    codeOptimizer?: Optimizer | undefined;
  };

/** Result of `train`. */
export interface TrainResult {
  /**
   * Trained decoder; the given one is not changed. Its `start` is that of the given one, from `trainAutoencoder` the mean
   * code of the data.
   */
  readonly decoder: Decoder;
  /** Figures of every update, in order, also of those before the checkpoint that the run went on from. */
  readonly history: readonly TrainStep[];
  /**
   * Codes of the samples at the end, count × latentSize: with `codes: "kept"` the trained ones, with `warmStart` the ends of
   * the last flows. Undefined without either.
   */
  readonly codes: Float32Array | undefined;
  /** Validations, in order; empty without the option. */
  readonly validation: readonly ValidationResult[];
  /** Checkpoint that the run went on from; undefined if it started anew. */
  readonly resumedFrom: Resumed | undefined;
}

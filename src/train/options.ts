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

/** Options that `train` and `trainAutoencoder` share. */
export interface RunOptions {
  /**
   * Loss l(y, D(z)) between a sample y and its reconstruction, as a value or by name, `"bce"` or `"mse"`. Default: the loss
   * stored in the decoder; required if there is none.
   */
  loss?: LossLike | undefined;
  /**
   * Optimizer of the networks' parameters, such as `adam()`. Default `rmsprop()`, as in the appendix of the paper (arXiv
   * 2412.00864).
   */
  optimizer?: Optimizer | undefined;
  /** Schedule of the learning rate over the run, such as `cosine()`. Default `constant()`. */
  schedule?: Schedule | undefined;
  /** Number of samples in a mini-batch, ≥ 1. Default 5, as in the code of the paper's authors (arXiv 2412.00864). */
  batchSize?: number | undefined;
  /**
   * Number of passes over the data, ≥ 1. Default: 1 for `train` and 12 for `trainAutoencoder`, as in the paper (arXiv
   * 2412.00864).
   */
  epochs?: number | undefined;
  /** True to draw mini-batches with replacement, not from a new permutation in each epoch. Default false. */
  replacement?: boolean | undefined;
  /**
   * Seed of the random numbers for mini-batches, augmentation, mask and a new encoder, an integer ≥ 0. Default 0.
   */
  seed?: number | undefined;
  /** Random augmentation of the samples of each mini-batch, such as `shift({ pixels: 2 })`. Default: none. */
  augment?: Augmentation | undefined;
  /** Maximum norm of a mini-batch's mean gradient, > 0; a longer gradient is scaled down to it. Default: unbounded. */
  gradientClip?: number | undefined;
  /** Backend that runs the networks. Default `wasm()`. */
  backend?: Backend | undefined;
  /** Validation samples, whose loss is computed at intervals and which are not trained on. Default: none. */
  validation?: ValidationOptions | undefined;
  /**
   * Storage of checkpoints, which are written at intervals, at the end and at an abort. Default: none.
   *
   * A run that continues from a checkpoint has the same results, bit for bit, as an uninterrupted run.
   */
  checkpoint?: CheckpointOptions | undefined;
  /**
   * Ends the run early: its promise rejects with the abort signal's reason, after a last checkpoint if the option
   * `checkpoint` is given.
   */
  signal?: AbortSignalLike | undefined;
  /**
   * Called with each event other than an update, in order with the calls of `onProgress`.
   *
   * If either callback throws, or a promise that it returns rejects, the run ends and the call rejects with that error.
   * Returned promises are awaited at the end of the call.
   */
  onEvent?: ((event: TrainEvent) => unknown) | undefined;
  /** Called after each mini-batch, with the figures of its update. */
  onProgress?: ((progress: TrainProgress) => unknown) | undefined;
}

/** Options of `trainAutoencoder`. */
export interface TrainAutoencoderOptions extends RunOptions {
  /**
   * Hides random pixels of the encoder's input (sets them to 0), so that the network learns to reconstruct whole samples:
   * the loss is over all pixels. Default: none hidden.
   *
   * Validation, and the codes whose mean is the decoder's `start`, use whole samples.
   */
  mask?: MaskOptions | undefined;
}

/** Options of `train`. The default solver is `lbfgs()`, or `amd({ stepMax: 1000 })` with the adjoints `full()` and `direct()`. */
export type TrainOptions = FlowAndSolver &
  RunOptions & {
    /**
     * Method that computes the gradient with respect to the decoder's parameters: `approximate()`, `full()` or `direct()`.
     * Default `approximate()`.
     *
     * The gradient is that of the loss at the end of the flow. `approximate()` holds the code fixed and takes one pass; `full()`
     * and `direct()` go back over the flow: they cost several times its passes, and the memory of its steps.
     */
    adjoint?: Adjoint | undefined;
    /**
     * Prior on the codes, as in `encode`, used in training and validation, and stored in the trained decoder. Default: the
     * prior stored in the decoder, if any.
     *
     * Training minimises the objective, loss + prior(z)/N with N the divisor of the loss, for which the approximate gradient is
     * exact at rest; `history` has losses without the prior.
     */
    prior?: PriorLike | undefined;
    /**
     * Weights ≥ 0 of the elements of the data in the loss: outputSize values for all samples, or [count, outputSize];
     * for a picture also height × width values, for all samples and channels. Where the weight is 0, data are missing and may
     * be NaN. Not together with `augment`. Default: all elements have equal weight.
     */
    weights?: Weights | undefined;
    /**
     * Treatment of NaN in the data, also of validation, where the weight is above 0. `"omit"` (the default): the value is missing
     * and has weight 0. `"refuse"`: an error.
     */
    missing?: "omit" | "refuse" | undefined;
    /**
     * True to train on standardised data, (y - mean)/deviation of each output, for columns in different units. Default false.
     *
     * Means and deviations are fitted on the values seen: neither NaN nor of weight 0, and weighted.
     * The trained decoder ends in an affine operation, mean + deviation · D'(z), so that everything else takes and returns
     * data in their own units; its loss is `squaredError({ scale })` with the deviations. Losses are those of standardised
     * values. For the squared error and a decoder whose output activation is the identity. An output with fewer than two different
     * values gets the deviation 1, and a warning.
     */
    standardise?: boolean | undefined;
    /**
     * Values of the decoder's `fixedInputs` (inputs beside z, such as class labels) by name: one row for all samples, or
     * count rows. Class labels are integers. No default: required for a decoder with fixed inputs.
     */
    fixed?: FixedOption | undefined;
    /**
     * Number of points in each sample, also in validation, for a decoder that maps z and a point's coordinates to the
     * point's channels. No default: required for a decoder with points.
     */
    points?: number | undefined;
    /**
     * True to start each sample's flow where its previous one ended, not at the decoder's `start`. Default false.
     *
     * The first flow of a sample starts at the decoder's `start`.
     */
    warmStart?: boolean | undefined;
    /**
     * Source of the codes: `"encoded"` (the default), a flow for each mini-batch; or `"kept"`, a code stored for each sample
     * and updated together with the decoder's parameters.
     *
     * A kept code is initially the decoder's `start`, and is updated by the same gradient, as in DeepSDF's auto-decoder: one
     * pass for each mini-batch, but many epochs. A sample whose gradient is not finite is left out of the update, and its code
     * is reset to `start` (event "restart"). Flow and solver then only serve validation; not allowed with `warmStart` or an
     * adjoint.
     */
    codes?: "encoded" | "kept" | undefined;
    /** Optimizer of the codes with `codes: "kept"`; its learning rate follows the schedule. Default `adam()`. */
    codeOptimizer?: Optimizer | undefined;
  };

/** Result of `train`. */
export interface TrainResult {
  /**
   * Trained decoder, a new one: the decoder passed in is unchanged. Its `start` is that of the decoder passed in, or from
   * `trainAutoencoder` the mean code of the data. Its `starts` are means of clusters of codes of training samples.
   */
  readonly decoder: Decoder;
  /** Figures of every update, in order, including those before a checkpoint from which the run continued. */
  readonly history: readonly TrainStep[];
  /**
   * Codes of the samples at the end, [count, latentSize]: the trained codes with `codes: "kept"`, the ends of the last flows
   * with `warmStart`. Undefined without either.
   */
  readonly codes: Float32Array | undefined;
  /** Number of values of each sample that were missing, [count]: NaN in the data where the weight is above 0. */
  readonly missing: Uint32Array;
  /**
   * Warnings, usually []: that training has diverged, or that the loss still falls fast; outputs of which more than half of the
   * values are missing and, with `standardise`, those with fewer than two different values, at most five by their indices.
   */
  readonly warnings: readonly string[];
  /** Results of all validations, in order; empty without the option `validation`. */
  readonly validation: readonly ValidationResult[];
  /** Checkpoint from which the run continued; undefined if it started from the beginning. */
  readonly resumedFrom: Resumed | undefined;
}

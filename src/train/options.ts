import type { Adjoint } from "../adjoint/base.ts";
import type { FlowAndSolver } from "../api/flow-and-solver.ts";
import type { Backend } from "../backend/backend.ts";
import type { Optimizer } from "../backend/optimizer.ts";
import type { AbortSignalLike } from "../base/platform.ts";
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

/** Options of a training run, whatever is trained. */
export interface RunOptions {
  /** Default: the decoder's own; where it has none, it must be given. */
  loss?: LossLike | undefined;
  /** How parameters follow from their gradients. Default `rmsprop()`, of the paper's appendix. */
  optimizer?: Optimizer | undefined;
  /** How the learning rate changes over the run. Default `constant()`. */
  schedule?: Schedule | undefined;
  /** Samples in a mini-batch. Default 5, as in the code of the paper's authors. */
  batchSize?: number | undefined;
  /** Passes over the data. Default 1 for `train`, 12 for `trainAutoencoder`, the paper's. */
  epochs?: number | undefined;
  /** Mini-batches drawn with replacement instead of from a new permutation each epoch. Default false. */
  replacement?: boolean | undefined;
  /** Of the mini-batches and the augmentation. Default 0. */
  seed?: number | undefined;
  /** Changes the samples of a mini-batch at random, `shift({ pixels: 2 })` say. Default none. */
  augment?: Augmentation | undefined;
  /** The largest norm of a mini-batch's mean gradient, which is shortened to it. Default none. */
  gradientClip?: number | undefined;
  /** Where the work is done. Default `wasm()`. */
  backend?: Backend | undefined;
  /** Samples that are not trained on, encoded now and then to see how well that goes. Default none. */
  validation?: ValidationOptions | undefined;
  /**
   * Keeps where the run stands, every so many seconds, at the end and at an abort, so that it can go on from there
   * to the same end, bit for bit. Default: not at all.
   */
  checkpoint?: CheckpointOptions | undefined;
  /** Ends the run early: it rejects with the signal's reason, after a last checkpoint where there are any. */
  signal?: AbortSignalLike | undefined;
  /**
   * Called with what happens beside the updates; between the calls of `onProgress`, in the order of events. What
   * either throws, or its promise rejects with, ends the run and rejects the call, which waits for their promises at
   * its end.
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
     * How the gradient for the parameters is found: `approximate()` (the default), `full()` or `direct()`. The last
     * two go back over the flow, so they cost several times its passes, and the solver keeps its steps.
     */
    adjoint?: Adjoint | undefined;
    /**
     * What codes are likely, as in `encode`, also in the validation; the trained decoder has it as its own. Training lowers
     * the objective, loss + prior(z)/N, for which alone the approximate gradient is exact; `history` has losses. Default:
     * the decoder's own, if it has one.
     */
    prior?: PriorLike | undefined;
    /**
     * ≥ 0, outputSize values for all samples or count × outputSize. Data may be NaN where the weight is 0: missing.
     * Not together with `augment`. Default: none, all elements alike.
     */
    weights?: Float32Array | undefined;
    /**
     * What is given with the samples and not sought, for each of the decoder's `fixedInputs` by name: one sample's
     * numbers for all, or count times as many. Classes are integers. No default: a decoder with fixed inputs needs them.
     */
    fixed?: FixedOption | undefined;
    /** For a decoder over points: how many each sample has, also those of the validation. */
    points?: number | undefined;
    /** Each sample's flow starts where its last one ended, its first one at the decoder's `start`. Default false. */
    warmStart?: boolean | undefined;
    /**
     * Where the samples' codes come from. `"encoded"`, the default: each mini-batch is encoded anew. `"kept"`: each sample
     * has a code from the first update to the last, the decoder's `start` at first, which is updated beside the weights by the same gradient, as
     * DeepSDF's auto-decoder trains. One pass for each mini-batch, but many epochs. A sample whose gradient is not finite
     * is left out of an update, and its code begins again at `start`; `onEvent` says so. Flow and solver are then those of the
     * validation alone; not with `warmStart` or an adjoint.
     */
    codes?: "encoded" | "kept" | undefined;
    /** How kept codes follow from their gradients; its learning rate follows the schedule. Default `adam()`. */
    codeOptimizer?: Optimizer | undefined;
  };

/** What `train` returns. */
export interface TrainResult {
  /**
   * A new decoder; the one given is not changed. `train` leaves it the `start` of the one given, where flows begin, of warm
   * starts the first ones; of `trainAutoencoder` it is the mean code of the data.
   */
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

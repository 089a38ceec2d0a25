import type { ValidationResult } from "./validation.ts";

/** Figures of one update of a training run. */
export interface TrainStep {
  /** Number of images (training samples) processed, including this mini-batch. */
  readonly images: number;
  /**
   * Mean loss of the mini-batch at its codes, before the update, over the samples whose loss is not NaN. Infinite if the loss
   * of any sample is infinite. The loss of a sample may be NaN if it is negligible beside the value of the sample's prior.
   * A sample of which nothing is seen has none; NaN if that is so of all.
   */
  readonly loss: number;
  /**
   * Norm of the gradient of the mini-batch's summed loss; `gradientClip` bounds this norm divided by the number of samples.
   * An update with a non-finite norm was skipped.
   */
  readonly gradientNorm: number;
}

/**
 * True if nothing was seen of an update's samples: they have no loss, and no gradient. What has diverged has no numbers for either.
 */
export function isBlank({ loss, gradientNorm }: TrainStep): boolean {
  return Number.isNaN(loss) && gradientNorm === 0;
}

/** Event of a training run other than an update. */
export type TrainEvent =
  /** The run continues from a checkpoint; the first event. */
  | ({ readonly kind: "resumed" } & Resumed)
  | ({ readonly kind: "validation" } & ValidationResult)
  /**
   * With `codes: "kept"`: the codes of `samples` were reset to the decoder's start latent, because their gradients were not
   * finite (they were left out of the update that brought the run to `images` images) or the codes exceeded float32. Precedes
   * the progress of that update.
   */
  | { readonly kind: "restart"; readonly images: number; readonly samples: readonly number[] }
  /** A checkpoint of `bytes` bytes, with the state after `images` images, was stored. */
  | { readonly kind: "checkpoint"; readonly images: number; readonly bytes: number };

/** Checkpoint from which a run continued. */
export interface Resumed {
  /** Number of images processed before the checkpoint. */
  readonly images: number;
  /** Path of the checkpoint's file, or "checkpoint.resume" for bytes passed in that option. */
  readonly from: string;
  /** Reason why the newest checkpoint was not used, with the name of its file; undefined if it was used. */
  readonly refused: string | undefined;
}

/** Progress of a training run, after an update. */
export interface TrainProgress extends TrainStep {
  /** Number of images to process in all epochs. */
  readonly total: number;
  /** Latest validation result; the first validation precedes the first update. Undefined without the option `validation`. */
  readonly validation: ValidationResult | undefined;
  /** Images per second since the start, or since the checkpoint from which the run continued. */
  readonly imagesPerSecond: number;
  /** Estimated time to the end of the run at the speed `imagesPerSecond`, in seconds. */
  readonly secondsLeft: number;
}

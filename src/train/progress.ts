import type { ValidationResult } from "./validation.ts";

/** Figures of one update of a training run. */
export interface TrainStep {
  /** Number of images processed, this mini-batch included. */
  readonly images: number;
  /**
   * Mean loss of the mini-batch at its codes, before the update, over the samples whose loss is not NaN; a loss that is small
   * beside its prior's value may be NaN. Infinite if a loss is.
   */
  readonly loss: number;
  /**
   * Norm of the gradient of the mini-batch's summed loss; `gradientClip` bounds this norm divided by the number of samples.
   * An update whose norm is not finite was left out.
   */
  readonly gradientNorm: number;
}

/** Event of a training run other than an update. */
export type TrainEvent =
  /** The run goes on from a checkpoint; the first event. */
  | ({ readonly kind: "resumed" } & Resumed)
  | ({ readonly kind: "validation" } & ValidationResult)
  /**
   * With `codes: "kept"`: the codes of these samples begin again at the decoder's start, since their gradients were not
   * finite, and were left out of the update up to `images`, or since the codes exceeded float32. Comes before its progress.
   */
  | { readonly kind: "restart"; readonly images: number; readonly samples: readonly number[] }
  /** A checkpoint of `bytes` bytes was written: the state after `images` images is safe. */
  | { readonly kind: "checkpoint"; readonly images: number; readonly bytes: number };

/** Checkpoint that a run went on from. */
export interface Resumed {
  /** Number of images processed before the checkpoint. */
  readonly images: number;
  /** Path of its file, or "checkpoint.resume" for the bytes given there. */
  readonly from: string;
  /** Reason why the newest checkpoint was not used, with its file; undefined if it was. */
  readonly refused: string | undefined;
}

/** Progress of a training run. */
export interface TrainProgress extends TrainStep {
  /** Number of images in all epochs. */
  readonly total: number;
  /** Latest validation, of which the first comes before the first update; undefined without the option. */
  readonly validation: ValidationResult | undefined;
  /** Speed since the start, or since the checkpoint that the run went on from. */
  readonly imagesPerSecond: number;
  /** Estimated seconds to the end of the run, at this speed. */
  readonly secondsLeft: number;
}

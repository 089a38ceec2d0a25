import type { ValidationResult } from "./validation.ts";

/** One update of a training run. */
export interface TrainStep {
  /** Images processed up to and with this mini-batch. */
  readonly images: number;
  /**
   * The mini-batch's mean loss at the latents found, before its update: over the samples whose loss is a number, which it is
   * not where a prior's share drowns it; infinite where one of them is.
   */
  readonly loss: number;
  /**
   * The norm of the gradient of the mini-batch's summed loss: divided by the mini-batch's samples it is what
   * `gradientClip` bounds. Where it is not finite the update was left out.
   */
  readonly gradientNorm: number;
}

/** What happens in a training run beside its updates. */
export type TrainEvent =
  /** It goes on from a checkpoint; comes first. */
  | ({ readonly kind: "resumed" } & Resumed)
  | ({ readonly kind: "validation" } & ValidationResult)
  /**
   * With `codes: "kept"`, before the update up to `images` is told: the codes of these samples begin again at the decoder's start. Their
   * gradients were not finite, and were left out of it; or the codes came to lie beyond what float32 holds.
   */
  | { readonly kind: "restart"; readonly images: number; readonly samples: readonly number[] }
  /** A checkpoint of so many bytes has been kept: everything up to `images` is safe. */
  | { readonly kind: "checkpoint"; readonly images: number; readonly bytes: number };

/** Which checkpoint a run goes on from. */
export interface Resumed {
  /** Images processed before it. */
  readonly images: number;
  /** Where it comes from: the path of its file, or "checkpoint.resume" for the bytes given there. */
  readonly from: string;
  /** Why it is the one before that is used: what is wrong with the newest, by name. Undefined if nothing is. */
  readonly refused: string | undefined;
}

/** How far a training run has come. */
export interface TrainProgress extends TrainStep {
  /** Images to be processed in all. */
  readonly total: number;
  /** The latest validation. Undefined without the option: with it, there is one before the first update. */
  readonly validation: ValidationResult | undefined;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

import { checkPriorSize, normalisePrior } from "../terms/check-prior.ts";
import { normaliseLoss, type StandardLoss, type StandardLossLike } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { checkStartSize, normaliseStart } from "./start.ts";

/** Options that become a decoder's defaults for `encode`. */
export interface DefaultOptions {
  /** The default of `encode`'s loss: `"bce"`, `"mse"`, or a value such as `squaredError()`. */
  loss?: StandardLossLike | undefined;
  /** The default of `encode`'s prior: `gaussian()`, say, for a VAE's decoder. */
  prior?: Prior | undefined;
  /** Start of all flows, the default of `encode`'s `z0`: latentSize finite values, or 0 for zeros. It is copied. */
  start?: Float32Array | undefined;
}

/** Defaults of calls, checked; undefined if there is none. */
export interface Defaults {
  readonly loss: StandardLoss | undefined;
  readonly prior: Prior | undefined;
  readonly start: Float32Array | undefined;
}

/**
 * Copies and checks defaults before the latent size is known.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function normaliseDefaults(where: string, { loss, prior, start }: DefaultOptions): Defaults {
  return {
    loss: loss === undefined ? undefined : normaliseLoss(where, loss),
    prior: prior === undefined ? undefined : normalisePrior(where, prior),
    start: start === undefined ? undefined : normaliseStart(where, start),
  };
}

/**
 * Checks that a default prior and a default start are for latents of the decoder's size.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function fitDefaults(where: string, { loss, prior, start }: Defaults, latentSize: number): Defaults {
  return {
    loss,
    prior: prior && checkPriorSize(where, prior, latentSize),
    start: start && checkStartSize(where, start, latentSize),
  };
}

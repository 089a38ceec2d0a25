import { checkPriorSize, normalisePrior } from "../terms/check-prior.ts";
import { normaliseLoss, type StandardLoss, type StandardLossLike } from "../terms/losses.ts";
import type { Prior } from "../terms/priors.ts";
import { checkStartSize, checkStartsSize, normaliseStart } from "./start.ts";

/** Options that set a decoder's defaults for `encode`. */
export interface DefaultOptions {
  /** Default loss of `encode` for this decoder: `"bce"`, `"mse"`, or a value such as `squaredError()`. */
  loss?: StandardLossLike | undefined;
  /** Default prior of `encode` for this decoder, such as `gaussian()` for a VAE's decoder. */
  prior?: Prior | undefined;
  /** Start of all flows, the default of `encode`'s `z0`: latentSize finite values, which may all be 0. The array is copied. */
  start?: Float32Array | undefined;
  /**
   * Codes for several starts of each sample, the default of `encode`'s `starts.codes`: [K, latentSize], finite, 1 to 1,024 codes.
   * The array is copied.
   */
  starts?: Float32Array | undefined;
}

/** A decoder's defaults for `encode`, validated; undefined fields have no default. */
export interface Defaults {
  readonly loss: StandardLoss | undefined;
  readonly prior: Prior | undefined;
  readonly start: Float32Array | undefined;
  readonly starts: Float32Array | undefined;
}

/**
 * Copies and validates defaults, as far as possible without the latent size.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function normaliseDefaults({ loss, prior, start, starts }: DefaultOptions): Defaults {
  return {
    loss: loss === undefined ? undefined : normaliseLoss(loss),
    prior: prior === undefined ? undefined : normalisePrior(prior),
    start: start === undefined ? undefined : normaliseStart(start),
    starts: starts === undefined ? undefined : normaliseStart(starts, "starts"),
  };
}

/**
 * Checks that the default prior and the default starts have the decoder's latent size.
 *
 * @returns the defaults, without a start that is all zeros
 * @throws LatentflowError `invalid_argument`
 */
export function fitDefaults({ loss, prior, start, starts }: Defaults, latentSize: number): Defaults {
  return {
    loss,
    prior: prior && checkPriorSize(prior, latentSize),
    start: start && checkStartSize(start, latentSize),
    starts: starts && checkStartsSize(starts, latentSize),
  };
}

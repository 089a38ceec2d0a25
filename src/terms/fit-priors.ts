import { calling } from "../base/calling.ts";
import { logarithm } from "../base/elementary-functions.ts";
import { checkFiniteRows } from "../base/finite-rows.ts";
import { option, subject, type Words, words } from "../base/message.ts";
import { choice, completeOptions, count, type FieldsOf, number } from "../base/options.ts";
import { createRandom } from "../base/random.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { ExpectationMaximisation, type Mixture } from "./expectation-maximisation.ts";
import { startMixture } from "./mixture-start.ts";
import { type Moments, momentsOf } from "./moments.ts";
import { choleskyFactor } from "./prior-numbers.ts";
import { type GaussianMixturePrior, type GaussianPrior, gaussian, gaussianMixture } from "./priors.ts";
import { standardise } from "./standardised-codes.ts";

/** Form of an estimated covariance: "diagonal", d variances, or "full", a d × d matrix. */
export type CovarianceKind = "diagonal" | "full";

/** Options of `fitGaussian`. */
export interface FitGaussianOptions {
  /** Number d of values in a code, ≥ 1. */
  latentSize: number;
  /** Form of the covariance: `"diagonal"` (the default) for variances alone, or `"full"` for the whole matrix. */
  covariance?: CovarianceKind | undefined;
  /**
   * Shrinkage s of the full covariance, in [0, 1]: correlations are multiplied by 1 - s, variances are unchanged. Default 0.
   *
   * With S the full covariance, the prior has (1 - s) · S + s · diag(S). With s above rounding error the result is positive
   * definite, however few codes there are.
   */
  shrinkage?: number | undefined;
  /** Factor that multiplies the prior's value in nats, > 0. Default 1. */
  weight?: number | undefined;
}

/** Options of `fitGaussianMixture`. */
export interface FitGaussianMixtureOptions {
  /** Number d of values in a code, ≥ 1. */
  latentSize: number;
  /** Number K of Gaussians, ≥ 1 and at most the number of distinct codes. */
  components: number;
  /** Seed of the random start, an integer ≥ 0; the same seed gives the same prior. Default 0. */
  seed?: number | undefined;
  /** Form of each component's covariance: `"diagonal"` (the default) for variances alone, or `"full"` for the whole matrix. */
  covariance?: CovarianceKind | undefined;
  /** Maximum number of iterations, ≥ 1; after them the fit ends without having converged. Default 500. */
  maxIterations?: number | undefined;
  /**
   * Increase of the log-likelihood in an iteration, in nats per code, at or below which the fit has converged, ≥ 0. Default
   * 1e-6.
   */
  tolerance?: number | undefined;
  /**
   * Minimum variance of a component in any direction, in [1e-8, 1], in units in which the codes have variance 1 in each
   * coordinate. Default 1e-6: a standard deviation of a thousandth of the codes'.
   *
   * Without it, a component that collapses onto one code or a plane would have an infinite density there.
   */
  varianceFloor?: number | undefined;
  /** Factor that multiplies the prior's value in nats, > 0. Default 1. */
  weight?: number | undefined;
}

/** Result of `fitGaussianMixture`. */
export interface GaussianMixtureFit {
  /** Fitted prior, its components sorted by weight, largest first. */
  readonly prior: GaussianMixturePrior;
  /**
   * Mean over the codes of log Σ_k w_k N_k(z), in nats, with the full normalisation of each Gaussian (-½ log det Σ_k and
   * -d/2 · ln 2π), and without the prior's factor `weight`. It is a log-density in the units of the latents, and may be
   * positive.
   */
  readonly logLikelihood: number;
  /** Number of iterations made. */
  readonly iterations: number;
  /** True if the fit converged; false if `maxIterations` ended it. */
  readonly converged: boolean;
}

/** Checks and defaults of the options of `fitGaussian`. */
export const FIT_GAUSSIAN_FIELDS = {
  latentSize: count(1),
  covariance: choice("diagonal", "full"),
  shrinkage: number({ min: 0, max: 1 }, 0),
  weight: number({ above: 0 }, 1),
} satisfies FieldsOf<FitGaussianOptions>;

/** Checks and defaults of the options of `fitGaussianMixture`. */
export const FIT_MIXTURE_FIELDS = {
  latentSize: count(1),
  components: count(1),
  seed: count(0, 0),
  covariance: choice("diagonal", "full"),
  maxIterations: count(1, 500),
  tolerance: number({ min: 0 }, 1e-6),
  varianceFloor: number({ min: 1e-8, max: 1 }, 1e-6),
  weight: number({ above: 0 }, 1),
} satisfies FieldsOf<FitGaussianMixtureOptions>;

/** Stream of random numbers, an argument of `createRandom`, for the start of a mixture fit. */
const START_STREAM = 4;

/**
 * Fits a Gaussian prior to codes, such as those of training samples, so that new codes are drawn to where the fitted codes
 * lie. Its covariance is the unbiased estimate, with sums divided by count - 1.
 *
 * @param codes [count, latentSize], count >= 2: for example the `z` of a result of `encode`
 * @example
 * const { z } = await encode(decoder, trainingSamples);
 * const prior = fitGaussian(z, { latentSize: decoder.latentSize, covariance: "full", shrinkage: 0.1 });
 * await encode(decoder, y, { prior });
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range; on codes of the wrong type or
 *   length, or that are not finite; if a coordinate is the same in all codes; and, for a full covariance without shrinkage,
 *   if there are no more codes than latents, or a coordinate is a linear function of others
 */
export function fitGaussian(codes: Float32Array, options: FitGaussianOptions): GaussianPrior {
  return calling("fitGaussian", () => {
    checkGiven(options, "{ latentSize }");
    const { latentSize, covariance: kind, shrinkage, weight } = completeOptions(options, FIT_GAUSSIAN_FIELDS);
    const isFull = kind === "full";
    if (options.shrinkage !== undefined && !isFull) {
      const expected = "undefined for a diagonal covariance, which has nothing to shrink";
      const advice = '; leave it out, or give covariance: "full"';
      throw refused("shrinkage", "is", show(shrinkage), expected, advice);
    }
    const codeCount = checkCodes(codes, latentSize, 2);
    if (isFull && shrinkage === 0 && codeCount <= latentSize) {
      throw refusedCodes(
        `${codeCount} codes of ${latentSize} values`,
        `at least ${latentSize + 1}: the full covariance of fewer is singular`,
        instead(),
      );
    }
    const { mean, covariance } = momentsOf(codes, latentSize, isFull);
    const stds = standardDeviations(covariance, latentSize);
    if (!isFull) return gaussian({ mean, std: stds, weight });
    const shrunk = covariance.map((value, at) =>
      at % (latentSize + 1) === 0 ? value : (1 - shrinkage) * value,
    );
    if (!choleskyFactor(shrunk, latentSize)) {
      throw refusedCodes(
        "a singular covariance",
        "a positive definite one: some coordinate follows from the others",
        instead(),
      );
    }
    return gaussian({ mean, covariance: shrunk, weight });
  });
}

/** Returns advice, for the error message, on codes whose full covariance is singular. */
function instead(): Words {
  const shrinkage = option("shrinkage", 0.1, "a shrinkage (0.1, say)");
  return words`; give ${option("covariance", "diagonal")}, or ${shrinkage}, or more codes that differ`;
}

/**
 * Fits a mixture of Gaussians to codes by expectation maximisation, for codes that lie in clusters or along a curve. The fit
 * starts at centres drawn by greedy k-means++ with the seed, and ends at a local maximum of the likelihood: try a few seeds
 * and use the result with the largest `logLikelihood`. Covariances are maximum-likelihood estimates, divided by the number
 * of a component's codes rather than by one less, with variances of at least `varianceFloor`. A component without codes
 * stays in place, with the weight of a thousandth of a code. The log-likelihood does not decrease from one iteration to the
 * next, except by rounding.
 *
 * The function is synchronous and blocks its thread: an iteration takes time proportional to count · K · d, or count · K ·
 * d² for full covariances. With 10,000 codes of 16 values and 10 components it takes 33 ms, or 95 ms for full covariances; a
 * fit may need a hundred iterations. If that is too long, fit a subset of the codes, or fit in a worker.
 *
 * @param codes [count, latentSize]: for example the `z` of a result of `encode`. A few hundred for each component are
 *   appropriate, and for full covariances several times latentSize if that is more
 * @example
 * const { z } = await encode(decoder, trainingSamples);
 * const fits = [0, 1, 2].map((seed) =>
 *   fitGaussianMixture(z, { latentSize: decoder.latentSize, components: 10, seed }));
 * const best = fits.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
 * await encode(decoder, y, { prior: best.prior });
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range; on codes of the wrong type or
 *   length, or that are not finite; if a coordinate is the same in all codes; if there are fewer distinct codes than
 *   components; and, for full covariances, if there are no more than components · latentSize codes
 */
export function fitGaussianMixture(
  codes: Float32Array,
  options: FitGaussianMixtureOptions,
): GaussianMixtureFit {
  return calling("fitGaussianMixture", () => {
    checkGiven(options, "{ latentSize, components }");
    const { latentSize, components, seed, maxIterations, tolerance, varianceFloor, weight, ...rest } =
      completeOptions(options, FIT_MIXTURE_FIELDS);
    const isFull = rest.covariance === "full";
    const codeCount = checkCodes(codes, latentSize, Math.max(2, components));
    if (isFull && codeCount <= components * latentSize) {
      throw refusedCodes(
        `${codeCount} codes of ${latentSize} values`,
        `at least ${components * latentSize + 1} for ${components} full covariances, fewer leave them singular`,
        words`; give ${option("covariance", "diagonal")}, fewer ${option("components")}, or more codes`,
      );
    }

    const { mean, covariance } = momentsOf(codes, latentSize, false);
    const stds = standardDeviations(covariance, latentSize);
    const standardised = standardise(codes, latentSize, { mean, stds });
    const start = startMixture(standardised, components, createRandom(seed, START_STREAM));
    if (typeof start === "number") {
      throw refusedCodes(
        `${start} different codes`,
        `at least ${components}, one for each of the components`,
        words`; give fewer ${option("components")}, or more codes that differ`,
      );
    }
    const search = new ExpectationMaximisation(standardised, start, isFull, varianceFloor);
    let logLikelihood = search.expect();
    let iterations = 0;
    let converged = false;
    while (!converged && iterations < maxIterations) {
      search.maximise();
      iterations++;
      const before = logLikelihood;
      logLikelihood = search.expect();
      converged = logLikelihood - before <= tolerance;
    }
    // Converts the density from standardised units to the latents' units: divides it by the product of the stds.
    for (const std of stds) logLikelihood -= logarithm(std);
    const prior = priorOf(search.mixture, { mean, stds, isFull, weight });
    return { prior, logLikelihood, iterations, converged };
  });
}

/** Converts a mixture over standardised codes to a prior over codes, components sorted by weight, largest first. */
function priorOf(
  { shares, means, covariances }: Mixture,
  units: {
    readonly mean: Moments["mean"];
    readonly stds: Float64Array;
    readonly isFull: boolean;
    readonly weight: number;
  },
): GaussianMixturePrior {
  const { mean, stds, isFull, weight } = units;
  const d = mean.length;
  const order = Array.from(shares.keys()).sort((a, b) => shares[b]! - shares[a]!);
  const rows = (values: Float64Array, size: number, map: (value: number, at: number) => number) =>
    order.map((k) => Array.from(values.subarray(k * size, (k + 1) * size), map));
  return gaussianMixture({
    weights: order.map((k) => shares[k]!),
    means: rows(means, d, (value, i) => mean[i]! + stds[i]! * value),
    ...(isFull
      ? {
          covariances: rows(covariances, d * d, (value, at) => {
            return value * (stds[Math.floor(at / d)]! * stds[at % d]!);
          }),
        }
      : { stds: rows(covariances, d, (value, i) => stds[i]! * Math.sqrt(value)) }),
    weight,
  });
}

/** Throws if a call has no options, since sizes have no default. */
function checkGiven(options: unknown, expected: string): void {
  if (options === undefined) throw refused(subject("", "options"), "are", "undefined", expected);
}

/** Returns the number of codes; throws unless `codes` is a Float32Array of at least `least` rows of latentSize finite values. */
function checkCodes(codes: unknown, latentSize: number, least: number): number {
  const count = checkFiniteRows("codes", codes, latentSize, "latentSize");
  if (count >= least) return count;
  throw refusedCodes(
    `${count} codes of ${latentSize} values`,
    `at least ${least}`,
    words`; give more codes${least > 2 ? words`, or fewer ${option("components")}` : ""}`,
  );
}

/**
 * Returns the square roots, [d], of a covariance's diagonal (or of d variances); throws if one is 0: a coordinate is the
 * same in all codes.
 */
function standardDeviations(covariance: Float64Array, d: number): Float64Array {
  const step = covariance.length === d ? 1 : d + 1;
  const stds = Float64Array.from({ length: d }, (_, i) => Math.sqrt(covariance[i * step]!));
  const constant = stds.indexOf(0);
  if (constant < 0) return stds;
  throw refusedCodes(
    `a constant element ${constant}`,
    "elements that vary: its variance is 0, and its density infinite",
    words`; train the decoder with a latent less, or, in place of a fit, give ${option("mean", undefined, "gaussian() a mean")} and ${option("std", undefined, "a standard deviation")} of your choice`,
  );
}

/** Makes the `invalid_argument` error for unsuitable codes: "codes has GOT, expected EXPECTED", followed by the advice. */
function refusedCodes(got: string, expected: string, advice: Words): Error {
  return refused("codes", "has", got, expected, advice);
}

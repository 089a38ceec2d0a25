import { logarithm } from "../base/elementary-functions.ts";
import { checkFiniteRows } from "../base/float32.ts";
import { callOf, option, subject } from "../base/message.ts";
import { choice, completeOptions, count, type FieldsOf, number } from "../base/options.ts";
import { createRandom } from "../base/random.ts";
import { invalid, refused } from "../base/refuse.ts";
import { ExpectationMaximisation, type Mixture } from "./expectation-maximisation.ts";
import { startMixture } from "./mixture-start.ts";
import { type Moments, momentsOf } from "./moments.ts";
import { choleskyFactor } from "./prior-numbers.ts";
import { type GaussianMixturePrior, type GaussianPrior, gaussian, gaussianMixture } from "./priors.ts";
import { standardise } from "./standardised-codes.ts";

/** Estimated part of a covariance: d variances, or all d × d numbers. */
export type CovarianceKind = "diagonal" | "full";

/** Options of `fitGaussian`. */
export interface FitGaussianOptions {
  /** d, the number of values of a code. */
  latentSize: number;
  /** The variances alone, or the whole covariance. Default "diagonal". */
  covariance?: CovarianceKind | undefined;
  /**
   * s, from 0 to 1, for the full covariance S: the prior has (1 - s) · S + s · diag(S), so that the variances stay and the
   * correlations are multiplied by 1 - s. With any s > 0 worth the name it is positive definite, however few codes there
   * are. Default 0.
   */
  shrinkage?: number | undefined;
  /** Factor of the prior's value in nats, > 0. Default 1. */
  weight?: number | undefined;
}

/** Options of `fitGaussianMixture`. */
export interface FitGaussianMixtureOptions {
  /** d, the number of values of a code. */
  latentSize: number;
  /** K, how many Gaussians: at most as many as there are different codes. */
  components: number;
  /** An integer from 0 to 2^53 - 1, for the start; the same seed gives the same prior. Default 0. */
  seed?: number | undefined;
  /** Variances alone, or the whole covariance, of each component. Default "diagonal". */
  covariance?: CovarianceKind | undefined;
  /** Passes over the codes after which it ends without having converged, >= 1. Default 500. */
  maxIterations?: number | undefined;
  /** Rise of the log-likelihood in a pass, in nats per code, up to which the fit has converged, >= 0. Default 1e-6. */
  tolerance?: number | undefined;
  /**
   * The least variance of a component in any direction, from 1e-8 to 1, where the codes have variance 1 in each coordinate:
   * a component that collapses onto one code, or onto a plane, would have an infinite density there. Default 1e-6, a
   * thousandth of the codes' standard deviation.
   */
  varianceFloor?: number | undefined;
  /** Factor of the prior's value in nats, > 0. Default 1. */
  weight?: number | undefined;
}

/** Result of `fitGaussianMixture`. */
export interface GaussianMixtureFit {
  /** Fitted prior; the component with the largest share comes first. */
  readonly prior: GaussianMixturePrior;
  /**
   * The mean over the codes of log Σ_k w_k N_k(z), in nats, complete: with -½ log det Σ_k and -d/2 · ln 2π of every
   * component, and the prior's weight not in it. It is the log of a density, in the latents' units: it may be above 0.
   */
  readonly logLikelihood: number;
  /** Number of times that the components were moved. */
  readonly iterations: number;
  /** True if the fit converged; false if `maxIterations` ended it. */
  readonly converged: boolean;
}

/** Fields of the options of `fitGaussian`. */
const GAUSSIAN_FIELDS = {
  latentSize: count(1),
  covariance: choice("diagonal", "full"),
  shrinkage: number({ min: 0, max: 1 }, 0),
  weight: number({ above: 0 }, 1),
} satisfies FieldsOf<FitGaussianOptions>;

/** Fields of the options of `fitGaussianMixture`. */
const MIXTURE_FIELDS = {
  latentSize: count(1),
  components: count(1),
  seed: count(0, 0),
  covariance: choice("diagonal", "full"),
  maxIterations: count(1, 500),
  tolerance: number({ min: 0 }, 1e-6),
  varianceFloor: number({ min: 1e-8, max: 1 }, 1e-6),
  weight: number({ above: 0 }, 1),
} satisfies FieldsOf<FitGaussianMixtureOptions>;

/** Stream of the seed's random numbers for the start of a fit; other uses of the seed have streams of their own. */
const START_STREAM = 4;

/**
 * A Gaussian prior with the mean and the covariance of codes, those of the training samples say, so that the codes of new
 * samples stay where those were. The covariance is the unbiased one, divided by count - 1.
 *
 * @param codes count × latentSize, count >= 2: the `z` of a result of `encode`, say
 * @example
 * const { z } = await encode(decoder, trainingSamples);
 * const prior = fitGaussian(z, { latentSize: decoder.latentSize, covariance: "full", shrinkage: 0.1 });
 * await encode(decoder, y, { prior });
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range, on codes of the wrong type or
 *   length, or that are not finite; where a coordinate is the same in all codes; and, for a full covariance without
 *   shrinkage, where there are no more codes than latents, or a coordinate follows from others
 */
export function fitGaussian(codes: Float32Array, options: FitGaussianOptions): GaussianPrior {
  const where = callOf("fitGaussian");
  checkGiven(where, options, "{ latentSize }");
  const {
    latentSize,
    covariance: kind,
    shrinkage,
    weight,
  } = completeOptions(where, options, GAUSSIAN_FIELDS);
  const isFull = kind === "full";
  if (options.shrinkage !== undefined && !isFull) {
    throw invalid(
      `${where}: ${subject("shrinkage")} is given for a diagonal covariance, which has nothing to shrink; leave it out, or give covariance: "full"`,
    );
  }
  const codeCount = checkCodes(where, codes, latentSize, 2);
  if (isFull && shrinkage === 0 && codeCount <= latentSize) {
    throw refusedCodes(
      where,
      `${codeCount} codes of ${latentSize} values`,
      `at least ${latentSize + 1}: the full covariance of fewer is singular`,
      instead(),
    );
  }
  const { mean, covariance } = momentsOf(codes, latentSize, isFull);
  const stds = standardDeviations(where, covariance, latentSize);
  if (!isFull) return gaussian({ mean, std: stds, weight });
  const shrunk = covariance.map((value, at) =>
    at % (latentSize + 1) === 0 ? value : (1 - shrinkage) * value,
  );
  if (!choleskyFactor(shrunk, latentSize)) {
    throw refusedCodes(
      where,
      "a singular covariance",
      "a positive definite one: some coordinate follows from the others",
      instead(),
    );
  }
  return gaussian({ mean, covariance: shrunk, weight });
}

/** Returns advice for codes whose full covariance is singular. */
function instead(): string {
  const shrinkage = option("shrinkage", 0.1, "a shrinkage (0.1, say)");
  return `; give ${option("covariance", "diagonal")}, or ${shrinkage}, or more codes that differ`;
}

/**
 * A mixture of Gaussians fitted to codes by expectation maximisation, for codes that lie in clusters, or along a curve.
 * It starts at centres drawn by greedy k-means++ from the seed and ends at a maximum of the likelihood that need not be the
 * highest one: try a few seeds and take the result with the greatest `logLikelihood`. Covariances are those of the greatest
 * likelihood, divided by how many codes a component has, not by one less; below `varianceFloor` they do not go. A component
 * that has lost its codes stays where it was, with the share of a thousandth of a code. The log-likelihood does not fall
 * from one iteration to the next, but by rounding.
 *
 * It is synchronous, and the thread does nothing else meanwhile: an iteration takes time as count · K · d, or count · K · d²
 * for full covariances. With 10,000 codes of 16 values and 10 components it took 33 ms of a core's time, and 95 ms; there
 * may be a hundred iterations. Where that is too long, fit some of the codes, or fit in a worker.
 *
 * @param codes count × latentSize: the `z` of a result of `encode`, say. Some hundred for each component, or for full
 *   covariances some times latentSize if that is more, are not too many
 * @example
 * const { z } = await encode(decoder, trainingSamples);
 * const fits = [0, 1, 2].map((seed) =>
 *   fitGaussianMixture(z, { latentSize: decoder.latentSize, components: 10, seed }));
 * const best = fits.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
 * await encode(decoder, y, { prior: best.prior });
 * @throws LatentflowError `invalid_argument` on an unknown option or a value out of range, on codes of the wrong type or
 *   length, or that are not finite; where a coordinate is the same in all codes; where there are fewer different codes than
 *   components, or, for full covariances, no more than components · latentSize codes
 */
export function fitGaussianMixture(
  codes: Float32Array,
  options: FitGaussianMixtureOptions,
): GaussianMixtureFit {
  const where = callOf("fitGaussianMixture");
  checkGiven(where, options, "{ latentSize, components }");
  const { latentSize, components, seed, maxIterations, tolerance, varianceFloor, weight, ...rest } =
    completeOptions(where, options, MIXTURE_FIELDS);
  const isFull = rest.covariance === "full";
  const codeCount = checkCodes(where, codes, latentSize, Math.max(2, components));
  if (isFull && codeCount <= components * latentSize) {
    throw refusedCodes(
      where,
      `${codeCount} codes of ${latentSize} values`,
      `at least ${components * latentSize + 1} for ${components} full covariances, fewer leave them singular`,
      `; give ${option("covariance", "diagonal")}, fewer ${option("components")}, or more codes`,
    );
  }

  const { mean, covariance } = momentsOf(codes, latentSize, false);
  const stds = standardDeviations(where, covariance, latentSize);
  const standardised = standardise(codes, latentSize, { mean, stds });
  const start = startMixture(standardised, components, createRandom(seed, START_STREAM));
  if (typeof start === "number") {
    throw refusedCodes(
      where,
      `${start} different codes`,
      `at least ${components}, one for each of the components`,
      `; give fewer ${option("components")}, or more codes that differ`,
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
  // A density in the latents' units: theirs is the product of the standard deviations times as large.
  for (const std of stds) logLikelihood -= logarithm(std);
  const prior = priorOf(search.mixture, { mean, stds, isFull, weight });
  return { prior, logLikelihood, iterations, converged };
}

/** Returns the mixture in the codes' own units. */
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

/** Refuses a call without options, since sizes have no default. */
function checkGiven(where: string, options: unknown, expected: string): void {
  if (options === undefined) throw invalid(`${where}: options are undefined, expected ${expected}`);
}

/** Refuses codes of the wrong type or length, that are not finite, or too few; returns their number. */
function checkCodes(where: string, codes: unknown, latentSize: number, least: number): number {
  const count = checkFiniteRows(where, "codes", codes, latentSize, "latentSize");
  if (count >= least) return count;
  throw refusedCodes(
    where,
    `${count} codes of ${latentSize} values`,
    `at least ${least}`,
    `; give more codes${least > 2 ? `, or fewer ${option("components")}` : ""}`,
  );
}

/** Returns the square roots, [d], of a covariance's diagonal; refuses a coordinate that is the same in all codes. */
function standardDeviations(where: string, covariance: Float64Array, d: number): Float64Array {
  const step = covariance.length === d ? 1 : d + 1;
  const stds = Float64Array.from({ length: d }, (_, i) => Math.sqrt(covariance[i * step]!));
  const constant = stds.indexOf(0);
  if (constant < 0) return stds;
  throw refusedCodes(
    where,
    `a constant element ${constant}`,
    "elements that vary: its variance is 0, and its density infinite",
    `; train the decoder with a latent less, or, in place of a fit, give ${option("mean", undefined, "gaussian() a mean")} and ${option("std", undefined, "a standard deviation")} of your choice`,
  );
}

/** Makes the error that refuses codes for what they have. */
function refusedCodes(where: string, got: string, expected: string, advice: string): Error {
  return refused(where, "codes", "has", got, expected, advice);
}

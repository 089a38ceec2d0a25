import { checkNumber, optionNames } from "../base/check.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { principalComponents } from "./principal-components.ts";
import { checkArray } from "./prior-numbers.ts";

/**
 * Distribution of the residual x - D(z) of a decoder's samples, which `fitResidual` makes: Gaussian, with a covariance of low
 * rank plus a diagonal, Σ_k u_k u_kᵀ + diag(v). Plain data; its arrays must not be changed.
 */
export interface Residual {
  /** Mean of the residual, [n]. */
  readonly mean: Float32Array;
  /** Components u_k of the covariance, [rank, n]: principal directions times their standard deviations. */
  readonly components: Float32Array;
  /** Variances v of what the components leave, [n], > 0. */
  readonly variances: Float32Array;
}

/** Maximum variance of a residual; more would overflow float32 with its products. */
const MOST_VARIANCE = 1e30;

/**
 * Checks a residual, and that it is of samples of `size` numbers.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkResidual(residual: unknown, size: number): Residual {
  if (optionNames(residual) === undefined) {
    throw refused("residual", "is", show(residual), "what fitResidual or loadResidual returns");
  }
  const { mean, components, variances } = residual as Partial<Residual>;
  const floats = (name: string, values: unknown): Float32Array => {
    const array = checkArray(`residual.${name}`, values, "a Float32Array");
    if (!(array instanceof Float32Array))
      throw refused(`residual.${name}`, "is", show(values), "a Float32Array");
    const bad = array.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw refused(`residual.${name}`, "is", `${array[bad]} at element ${bad}`, "finite numbers");
    return array;
  };
  const own = {
    mean: floats("mean", mean),
    components: floats("components", components),
    variances: floats("variances", variances),
  };
  for (const name of ["mean", "variances"] as const) {
    if (own[name].length === size) continue;
    throw refused(
      `residual.${name}`,
      "has",
      `${own[name].length} values`,
      `${size}, the decoder's output size`,
    );
  }
  if (own.components.length % size !== 0) {
    throw refused("residual.components", "has", `${own.components.length} values`, `a multiple of ${size}`);
  }
  own.variances.forEach((variance, i) => {
    checkNumber(`residual.variances[${i}]`, variance, { above: 0, max: MOST_VARIANCE });
  });
  return own;
}

/** Variance below which none is left to an output, as a share of the mean variance of all: the covariance must be invertible. */
const LEAST_SHARE = 1e-4;

/**
 * Computes the mean and the covariance of residuals: the principal components of highest variance by subspace iteration from
 * fixed directions, and the variance that they leave to each number. Pauses in between.
 *
 * @param residuals [count, n], count ≥ 2
 * @param rank number of components; all that the residuals have, exactly, if they are fewer
 */
export function* residualOf(
  residuals: Float32Array,
  n: number,
  rank: number,
): Generator<undefined, Residual> {
  const count = residuals.length / n;
  const mean = new Float64Array(n);
  residuals.forEach((value, i) => {
    mean[i % n]! += value / count;
  });
  const centred = Float64Array.from(residuals, (value, i) => (value - mean[i % n]!) / Math.sqrt(count - 1));
  const total = new Float64Array(n);
  centred.forEach((value, i) => {
    total[i % n]! += value * value;
  });
  yield;
  const components = rank >= count ? centred : yield* principalComponents(centred, n, rank);
  const variances = total.slice();
  components.forEach((value, i) => {
    variances[i % n]! -= value * value;
  });
  const least = (LEAST_SHARE * total.reduce((sum, value) => sum + value, 0)) / n || 1e-12;
  return {
    mean: Float32Array.from(mean),
    components: Float32Array.from(components),
    variances: Float32Array.from(variances, (value) => Math.max(value, least)),
  };
}

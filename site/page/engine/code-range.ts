import type { Prior } from "latentflow";
import type { CodeRange } from "./messages.ts";

/**
 * Half-width of the range, in standard deviations: of normally distributed codes, 997 in 1000 are within it, in each
 * coordinate.
 */
const DEVIATIONS = 3;

/** Returns the range of each coordinate of a code, from the mean and variance of a prior. */
export function codeRange(prior: Prior, latentSize: number): CodeRange {
  const { mean, variance } = moments(prior, latentSize);
  const reach = variance.map((value) => DEVIATIONS * Math.sqrt(value));
  return {
    least: Float32Array.from(mean, (value, k) => value - reach[k]!),
    most: Float32Array.from(mean, (value, k) => value + reach[k]!),
  };
}

/** Mean and variance of each coordinate of a code. */
interface Moments {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}

function moments(prior: Prior, latentSize: number): Moments {
  const all = Array.from({ length: latentSize }, (_, k) => k);
  const of = (values: number | readonly number[], k: number) =>
    typeof values === "number" ? values : values[k]!;
  if (prior.name === "gaussian") {
    const { mean, std, covariance } = prior;
    const varianceOf = (k: number) => covariance?.[k * latentSize + k] ?? of(std ?? 1, k) ** 2;
    return { mean: all.map((k) => of(mean, k)), variance: all.map(varianceOf) };
  }
  const { weights, means, stds, covariances } = prior;
  const sum = (term: (component: number) => number) =>
    weights.reduce((total, weight, component) => total + weight * term(component), 0);
  const meanOf = (component: number, k: number) => means[component * latentSize + k]!;
  const varianceOf = (component: number, k: number) =>
    covariances?.[(component * latentSize + k) * latentSize + k] ??
    (stds?.[component * latentSize + k] ?? 1) ** 2;
  const mean = all.map((k) => sum((component) => meanOf(component, k)));
  // By the law of total variance, for a mixture of Gaussians.
  const variance = all.map((k) =>
    sum((component) => varianceOf(component, k) + (meanOf(component, k) - mean[k]!) ** 2),
  );
  return { mean, variance };
}

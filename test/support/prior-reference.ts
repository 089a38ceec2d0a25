import { gaussian, gaussianMixture, type Prior } from "../../src/index.ts";
import type { PriorKind } from "../../src/terms/priors.ts";
import { randomArray } from "./random.ts";

// Priors in float64 of their plain numbers alone, by matrices inverted here: what the kernels are held against.

/** A few of each kind for latents of d values: with standard deviations and with covariances. */
function priorCases(d: number): { readonly [Kind in PriorKind]: readonly Prior[] } {
  const rows = (seed: number, count: number) =>
    Array.from({ length: count }, (_, k) => randomArray(seed + k, d, -1.5, 1.5));
  const stds = (seed: number, count: number) =>
    Array.from({ length: count }, (_, k) => randomArray(seed + k, d, 0.4, 1.6));
  return {
    gaussian: [
      gaussian(),
      gaussian({ mean: rows(1, 1)[0]!, std: stds(2, 1)[0]!, weight: 2.5 }),
      gaussian({ mean: 0.5, covariance: covariance(3, d) }),
    ],
    gaussianMixture: [
      gaussianMixture({ weights: [1, 3, 2], means: rows(4, 3), stds: stds(8, 3), weight: 0.5 }),
      gaussianMixture({ means: rows(12, 2), covariances: [covariance(14, d), covariance(15, d)] }),
    ],
  };
}

/** All of them. */
export function allPriors(d: number): { readonly name: string; readonly prior: Prior }[] {
  return Object.entries(priorCases(d)).flatMap(([kind, priors]) =>
    priors.map((prior, i) => ({ name: `${kind} ${i}`, prior })),
  );
}

/** A symmetric, positive definite matrix, d rows. */
export function covariance(seed: number, d: number): number[][] {
  const factor = randomArray(seed, d * d, -0.6, 0.6);
  return Array.from({ length: d }, (_, i) =>
    Array.from({ length: d }, (_, j) => {
      let sum = i === j ? 0.5 : 0;
      for (let k = 0; k < d; k++) sum += factor[i * d + k]! * factor[j * d + k]!;
      return sum;
    }),
  );
}

/** One Gaussian of a prior: its precision matrix, and what its logarithm has beside the distance. */
interface Component {
  readonly mean: readonly number[];
  readonly precision: readonly (readonly number[])[];
  readonly constant: number;
}

/** The prior's value at z, with its weight; its gradient and Hessian; and the sum of responsibilities times precisions. */
export function priorAt(prior: Prior, z: readonly number[]) {
  const d = z.length;
  const components = componentsOf(prior, d);
  const pulls = components.map(({ mean, precision }) =>
    precision.map((row) => row.reduce((sum, value, j) => sum + value * (z[j]! - mean[j]!), 0)),
  );
  const logs = components.map(
    ({ mean, constant }, k) =>
      constant - pulls[k]!.reduce((sum, value, j) => sum + value * (z[j]! - mean[j]!), 0) / 2,
  );
  const largest = Math.max(...logs);
  const total = logs.reduce((sum, log) => sum + Math.exp(log - largest), 0);
  const shares = logs.map((log) => Math.exp(log - largest) / total);
  const mixed = (of: (k: number) => number) => shares.reduce((sum, share, k) => sum + share * of(k), 0);
  const gradient = z.map((_, i) => prior.weight * mixed((k) => pulls[k]![i]!));
  const square = (element: (i: number, j: number) => number) =>
    z.map((_, i) => z.map((_, j) => prior.weight * element(i, j)));
  const curvature = square((i, j) => mixed((k) => components[k]!.precision[i]![j]!));
  const hessian = square((i, j) => {
    const spread = mixed((k) => components[k]!.precision[i]![j]! - pulls[k]![i]! * pulls[k]![j]!);
    return spread + mixed((k) => pulls[k]![i]!) * mixed((k) => pulls[k]![j]!);
  });
  return { value: prior.weight * (-largest - Math.log(total)), gradient, curvature, hessian };
}

function componentsOf(prior: Prior, d: number): Component[] {
  const square = (diagonal: readonly number[]) =>
    diagonal.map((std, i) => diagonal.map((_, j) => (i === j ? std * std : 0)));
  const rows = (values: readonly number[], k: number) =>
    Array.from({ length: d }, (_, i) => values.slice((k * d + i) * d, (k * d + i + 1) * d));
  const spread = (value: number | readonly number[]) =>
    typeof value === "number" ? new Array<number>(d).fill(value) : value;
  if (prior.name === "gaussian") {
    const matrix = prior.covariance ? rows(prior.covariance, 0) : square(spread(prior.std!));
    return [{ mean: spread(prior.mean), precision: inverse(matrix).matrix, constant: 0 }];
  }
  const sum = prior.weights.reduce((total, weight) => total + weight, 0);
  return prior.weights.map((weight, k) => {
    const own = prior.covariances
      ? rows(prior.covariances, k)
      : square(prior.stds!.slice(k * d, (k + 1) * d));
    const { matrix, determinant } = inverse(own);
    return {
      mean: prior.means.slice(k * d, (k + 1) * d),
      precision: matrix,
      constant: Math.log(weight / sum) - Math.log(determinant) / 2,
    };
  });
}

/** By Gauss and Jordan, with pivots. */
function inverse(matrix: readonly (readonly number[])[]): { matrix: number[][]; determinant: number } {
  const d = matrix.length;
  const work = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  let determinant = 1;
  for (let i = 0; i < d; i++) {
    let best = i;
    for (let r = i; r < d; r++) if (Math.abs(work[r]![i]!) > Math.abs(work[best]![i]!)) best = r;
    if (best !== i) determinant *= -1;
    [work[i], work[best]] = [work[best]!, work[i]!];
    const pivot = work[i]![i]!;
    determinant *= pivot;
    work[i] = work[i]!.map((value) => value / pivot);
    for (let r = 0; r < d; r++) {
      if (r === i) continue;
      const factor = work[r]![i]!;
      work[r] = work[r]!.map((value, j) => value - factor * work[i]![j]!);
    }
  }
  return { matrix: work.map((row) => row.slice(d)), determinant };
}

import { logarithm } from "../base/elementary-functions.ts";
import { choleskyFactor, inverseOfFactor, logDeterminant } from "./prior-numbers.ts";
import type { Prior, PriorKind } from "./priors.ts";

/** A prior as the kernels take it, and workers: a mixture of K Gaussians of d latents, a single one being that of one. */
export interface PriorComponents {
  readonly latentSize: number;
  /** K */
  readonly count: number;
  /** Argument of the second derivatives. */
  readonly curvature: "constant" | "latent";
  /** True if the precisions are matrices; else only their diagonals are there. */
  readonly isFull: boolean;
  /** [K, d] */
  readonly means: Float64Array;
  /** [K, d], or [K, d, d]: Σ⁻¹ */
  readonly precisions: Float64Array;
  /** [K]: log w_k - ½ log det Σ_k; 0 of a single Gaussian. */
  readonly constants: Float64Array;
  readonly weight: number;
}

const MAKE: {
  readonly [Kind in PriorKind]: (
    prior: Extract<Prior, { name: Kind }>,
    d: number,
  ) => Omit<PriorComponents, "weight" | "latentSize">;
} = {
  gaussian({ mean, std, covariance }, d) {
    const { precisions } = precisionsOf(covariance, std === undefined ? undefined : spread(std, d), 1, d);
    return {
      count: 1,
      curvature: "constant",
      isFull: covariance !== undefined,
      precisions,
      means: spread(mean, d),
      constants: new Float64Array(1),
    };
  },
  gaussianMixture({ weights, means, stds, covariances }, d) {
    const count = weights.length;
    const { precisions, logDeterminants } = precisionsOf(covariances, stds, count, d);
    return {
      count,
      curvature: "latent",
      isFull: covariances !== undefined,
      precisions,
      means: Float64Array.from(means),
      constants: Float64Array.from(weights, (weight, k) => logarithm(weight) - logDeterminants[k]! / 2),
    };
  },
};

/** Components by prior: the inverses of large covariances take a while. */
const made = new WeakMap<Prior, Map<number, PriorComponents>>();

/** @param latentSize d, that of the decoder: a prior may be for any */
export function componentsOf(prior: Prior, latentSize: number): PriorComponents {
  const bySize = made.get(prior) ?? new Map<number, PriorComponents>();
  made.set(prior, bySize);
  let components = bySize.get(latentSize);
  if (!components) {
    const make = MAKE[prior.name] as (
      prior: Prior,
      d: number,
    ) => Omit<PriorComponents, "weight" | "latentSize">;
    components = { ...make(prior, latentSize), latentSize, weight: prior.weight };
    bySize.set(latentSize, components);
  }
  return components;
}

/** True if two priors are the same density, number by number. */
export function areSameComponents(a: PriorComponents, b: PriorComponents): boolean {
  return (
    a.latentSize === b.latentSize &&
    a.count === b.count &&
    a.isFull === b.isFull &&
    a.weight === b.weight &&
    (["means", "precisions", "constants"] as const).every((name) =>
      a[name].every((value, i) => value === b[name][i]),
    )
  );
}

function spread(value: number | readonly number[], d: number): Float64Array {
  return typeof value === "number" ? new Float64Array(d).fill(value) : Float64Array.from(value);
}

/** Σ⁻¹ and log det Σ of K covariances, or of K rows of standard deviations. */
function precisionsOf(
  covariances: ArrayLike<number> | undefined,
  stds: ArrayLike<number> | undefined,
  count: number,
  d: number,
): { readonly precisions: Float64Array; readonly logDeterminants: Float64Array } {
  const logDeterminants = new Float64Array(count);
  if (covariances === undefined) {
    const precisions = Float64Array.from(stds!, (std, i) => {
      logDeterminants[Math.floor(i / d)]! += 2 * logarithm(std);
      return 1 / (std * std);
    });
    return { precisions, logDeterminants };
  }
  const precisions = new Float64Array(count * d * d);
  for (let k = 0; k < count; k++) {
    const matrix = Array.prototype.slice.call(covariances, k * d * d, (k + 1) * d * d);
    // That it is positive definite has been checked.
    const factor = choleskyFactor(matrix, d)!;
    precisions.set(inverseOfFactor(factor, d), k * d * d);
    logDeterminants[k] = logDeterminant(factor, d);
  }
  return { precisions, logDeterminants };
}

import { kept } from "../base/kept.ts";
import type { PriorComponents } from "./prior-numbers.ts";
import { kindOf, type Prior } from "./priors.ts";

/** Cache of components by prior and latent size, since inverting large covariances takes long. */
const made = new WeakMap<Prior, Map<number, PriorComponents>>();

/**
 * Returns a prior in the form that kernels and workers use, cached.
 *
 * @param latentSize latent size d of the decoder; needed since a prior may be for latents of any size
 */
export function componentsOf(prior: Prior, latentSize: number): PriorComponents {
  const bySize = kept(made, prior, () => new Map());
  return kept(bySize, latentSize, () => {
    const { components } = kindOf(prior.name);
    return { ...components(prior, latentSize), latentSize, weight: prior.weight };
  });
}

/** True if two priors are the same density with the same weight, number by number. */
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

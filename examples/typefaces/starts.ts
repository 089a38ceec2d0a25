// Codes that a search starts from. Runs in browsers too.
import type { Prior } from "../../src/terms/priors.ts";

/** Means of a prior's Gaussians; 0 without a prior. */
export function startsOf(prior: Prior | undefined, latentSize: number): Float32Array[] {
  if (prior?.name === "gaussianMixture") {
    const means = Float32Array.from(prior.means);
    return prior.weights.map((_, k) => means.slice(k * latentSize, (k + 1) * latentSize));
  }
  const mean = prior?.mean ?? 0;
  return [Float32Array.from({ length: latentSize }, (_, i) => (typeof mean === "number" ? mean : mean[i]!))];
}

import type { Moments } from "./moments.ts";

/** Codes in units in which each coordinate has mean 0 and variance 1, so that all coordinates count alike. */
export type StandardisedCodes = ReturnType<typeof standardise>;

/** Makes standardised codes, computed whenever they are read: a float64 copy would take twice the codes' memory. */
export function standardise(
  codes: Float32Array,
  latentSize: number,
  { mean, stds }: Pick<Moments, "mean"> & { readonly stds: Float64Array },
) {
  const scales = stds.map((std) => 1 / std);
  return {
    count: codes.length / latentSize,
    latentSize,
    /** Writes one of the codes, d values. */
    read(index: number, into: Float64Array): void {
      const first = index * latentSize;
      for (let i = 0; i < latentSize; i++) into[i] = (codes[first + i]! - mean[i]!) * scales[i]!;
    },
  };
}

import type { Moments } from "./moments.ts";

/** Codes shifted and scaled so that each coordinate has mean 0 and variance 1, and all coordinates count equally. */
export type StandardisedCodes = ReturnType<typeof standardise>;

/**
 * Makes standardised codes: each is computed when it is read, since a float64 copy would take twice the memory of the codes.
 *
 * @param codes [count, latentSize]
 */
export function standardise(
  codes: Float32Array,
  latentSize: number,
  { mean, stds }: Pick<Moments, "mean"> & { readonly stds: Float64Array },
) {
  const scales = stds.map((std) => 1 / std);
  return {
    count: codes.length / latentSize,
    latentSize,
    /** Writes the standardised code of index `index`, latentSize values, to `into`. */
    read(index: number, into: Float64Array): void {
      const first = index * latentSize;
      for (let i = 0; i < latentSize; i++) into[i] = (codes[first + i]! - mean[i]!) * scales[i]!;
    },
  };
}

import type { Dataset } from "../api/dataset.ts";
import { createRandom } from "../base/random.ts";
import { kMeans } from "../terms/k-means.ts";

// Codes for several starts, which a trained decoder carries as `starts`: means of clusters of codes of training samples.

/** Number of clusters: 16 codes took 38.2 → 34.0 passes a digit, 64 codes 33.1. */
const CLUSTERS = 16;
/** Maximum number of values in a bank, which decoders' files have as text of some 12 characters each. */
const MOST_VALUES = 2 ** 14;
/** Maximum number of training samples whose codes are clustered, and of their values: 64 MiB, unless a cluster's worth has more. */
const MOST_SAMPLES = 1024;
const VALUES_AT_ONCE = 2 ** 24;
/** Stream of random numbers, an argument of `createRandom`, for the clusters. */
const BANK_STREAM = 7;

/** Returns the indices of at most 1,024 samples, fewer if they are large, evenly spaced in the data set. */
export function samplesForBank({ count, size }: Pick<Dataset, "count" | "size">): Uint32Array {
  const taken = Math.min(count, MOST_SAMPLES, Math.max(CLUSTERS, Math.floor(VALUES_AT_ONCE / size)));
  return Uint32Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

/**
 * Returns the starts of a trained decoder, [K, latentSize], at most 16: means of clusters of the codes. Undefined without a finite
 * code, and for more latents than 16,384.
 *
 * @param codes codes of training samples, [B, latentSize]
 */
export function bankOf(
  codes: Float32Array,
  latentSize: number,
  seed: number,
): Float32Array<ArrayBuffer> | undefined {
  const clusters = Math.min(CLUSTERS, Math.floor(MOST_VALUES / latentSize));
  if (clusters === 0) return undefined;
  const starts = kMeans(codes, latentSize, clusters, createRandom(seed, BANK_STREAM));
  return starts.length > 0 ? starts : undefined;
}

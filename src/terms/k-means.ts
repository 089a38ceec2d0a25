import type { Random } from "../base/random.ts";
import { startMixture } from "./mixture-start.ts";

/** Maximum number of Lloyd's iterations; a thousand codes in 16 clusters need 10 to 40. */
const MOST_ITERATIONS = 100;

/**
 * Clusters codes by k-means: greedy k-means++, then Lloyd's iterations (Lloyd, 1982) until no code changes its cluster. Codes that
 * are not finite are left out. Of equally near means the first one is taken; a cluster that loses all its codes is dropped.
 *
 * @param codes codes, [B, latentSize]
 * @param count number of clusters, K ≥ 1
 * @returns means, [K, latentSize]; fewer if there are fewer distinct codes, none without a finite code
 */
export function kMeans(
  codes: Float32Array,
  latentSize: number,
  count: number,
  random: Random,
): Float32Array<ArrayBuffer> {
  const d = latentSize;
  const rows: Float32Array[] = [];
  for (let first = 0; first < codes.length; first += d) {
    const code = codes.subarray(first, first + d);
    if (code.every(Number.isFinite)) rows.push(code);
  }
  if (rows.length === 0) return new Float32Array(0);
  const all = {
    count: rows.length,
    latentSize: d,
    read: (index: number, into: Float64Array) => into.set(rows[index]!),
  };
  const begun = startMixture(all, count, random);
  if (typeof begun === "number") return kMeans(codes, d, begun, random);
  let means: Float64Array = begun.means;
  const nearest = new Int32Array(rows.length).fill(-1);
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    let changes = 0;
    for (const [i, code] of rows.entries()) {
      const k = nearestOf(means, code);
      if (k !== nearest[i]) changes++;
      nearest[i] = k;
    }
    if (changes === 0) break;
    means = meansOf(rows, nearest, means.length / d);
  }
  return new Float32Array(means);
}

/** Returns the index of the mean that is nearest to a code; of equally near ones the first. */
function nearestOf(means: Float64Array, code: Float32Array): number {
  const d = code.length;
  let nearest = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k * d < means.length; k++) {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += (code[j]! - means[k * d + j]!) ** 2;
    if (!(sum < least)) continue;
    least = sum;
    nearest = k;
  }
  return nearest;
}

/** Computes the means of clusters, without those that have no code; `nearest` is numbered anew where one is dropped. */
function meansOf(rows: readonly Float32Array[], nearest: Int32Array, count: number): Float64Array {
  const d = rows[0]!.length;
  const sizes = new Float64Array(count);
  const sums = new Float64Array(count * d);
  for (const [i, code] of rows.entries()) {
    const k = nearest[i]!;
    sizes[k]!++;
    for (let j = 0; j < d; j++) sums[k * d + j]! += code[j]!;
  }
  const kept = Array.from(sizes.keys()).filter((k) => sizes[k]! > 0);
  const means = new Float64Array(kept.length * d);
  for (const [at, k] of kept.entries()) {
    for (let j = 0; j < d; j++) means[at * d + j] = sums[k * d + j]! / sizes[k]!;
  }
  for (let i = 0; i < nearest.length; i++) nearest[i] = kept.indexOf(nearest[i]!);
  return means;
}

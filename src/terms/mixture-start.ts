import { logarithm } from "../base/elementary-functions.ts";
import type { Random } from "../base/random.ts";
import type { StandardisedCodes } from "./standardised-codes.ts";

/** Codes that are read one by one: standardised ones, or as they are. */
type Rows = Pick<StandardisedCodes, "count" | "latentSize" | "read">;

/** Start of a mixture fit: clusters of codes around the drawn centres. */
export type MixtureStart = ReturnType<typeof clustersOf>;

/**
 * Draws K centres among the codes by greedy k-means++ (Arthur and Vassilvitskii, 2007, section 5), and assigns every code to
 * its nearest centre. Each centre is a code drawn with probability proportional to its squared distance from the nearest
 * centre so far; of 2 + ⌊ln K⌋ candidates, the one with the smallest sum of squared distances is used. All components start
 * with the same variances, pooled over the clusters: a cluster of one code would have variance 0 and could not move.
 *
 * @param components number of centres, K
 * @returns the clusters; or the number of distinct codes if it is less than K
 */
export function startMixture(codes: Rows, components: number, random: Random): MixtureStart | number {
  const { count, latentSize: d } = codes;
  const candidates = 2 + Math.floor(logarithm(components));
  const nearest = new Uint32Array(count);
  const code = new Float64Array(d);
  const centre = new Float64Array(d);
  let distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let best = distances.slice();
  let tried = distances.slice();
  let sum = 0;
  for (let k = 0; k < components; k++) {
    let leastSum = Number.POSITIVE_INFINITY;
    for (let candidate = 0; candidate < (k === 0 ? 1 : candidates); candidate++) {
      codes.read(k === 0 ? random.below(count) : draw(distances, sum, random), centre);
      let triedSum = 0;
      for (let i = 0; i < count; i++) {
        codes.read(i, code);
        tried[i] = Math.min(distances[i]!, squaredDistance(code, centre));
        triedSum += tried[i]!;
      }
      if (!(triedSum < leastSum)) continue;
      leastSum = triedSum;
      [best, tried] = [tried, best];
    }
    for (let i = 0; i < count; i++) if (best[i]! < distances[i]!) nearest[i] = k;
    [distances, best] = [best, distances];
    sum = leastSum;
    if (sum === 0 && k + 1 < components) return k + 1;
  }
  return clustersOf(codes, components, nearest);
}

/**
 * Draws the index of a code with probability proportional to its element of `distances`, whose sum is `sum`. Never draws a
 * code of distance 0.
 */
function draw(distances: Float64Array, sum: number, random: Random): number {
  let left = random.uniform() * sum;
  let last = 0;
  for (let i = 0; i < distances.length; i++) {
    if (distances[i] === 0) continue;
    last = i;
    left -= distances[i]!;
    if (left < 0) break;
  }
  // Rounding may leave a remainder after the last code.
  return last;
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

function clustersOf(codes: Rows, components: number, nearest: Uint32Array) {
  const { count, latentSize: d } = codes;
  const counts = new Float64Array(components);
  const means = new Float64Array(components * d);
  const variances = new Float64Array(d);
  const code = new Float64Array(d);
  for (let i = 0; i < count; i++) {
    const k = nearest[i]!;
    codes.read(i, code);
    counts[k]!++;
    for (let j = 0; j < d; j++) means[k * d + j]! += code[j]!;
  }
  for (let k = 0; k < components; k++) for (let j = 0; j < d; j++) means[k * d + j]! /= counts[k]!;
  for (let i = 0; i < count; i++) {
    const first = nearest[i]! * d;
    codes.read(i, code);
    for (let j = 0; j < d; j++) variances[j]! += (code[j]! - means[first + j]!) ** 2 / count;
  }
  return {
    /** Number of codes in each cluster, [K]. */
    counts,
    /** Mean of the codes in each cluster, [K, d]. */
    means,
    /** Variances of the codes around the mean of their cluster, pooled over all clusters, [d]. */
    variances,
  };
}

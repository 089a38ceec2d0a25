/** Points and the class of each. */
export interface Labelled {
  /** B × size. */
  readonly points: Float32Array;
  /** B. */
  readonly labels: Uint8Array;
}

/**
 * The share of queries whose class is the one that most of their k nearest references have, by Euclidean distance. Of
 * classes that as many have, the one of the nearest among them.
 *
 * @param size of a point
 */
export function neighbourAccuracy(references: Labelled, queries: Labelled, size: number, k: number): number {
  const count = queries.labels.length;
  let right = 0;
  for (let query = 0; query < count; query++) {
    const point = queries.points.subarray(query * size, (query + 1) * size);
    if (classOf(nearest(references.points, point, k), references.labels) === queries.labels[query]) right++;
  }
  return right / count;
}

/** The indices of the k points nearest to one, nearest first; of those as far away, the first. */
export function nearest(points: Float32Array, point: Float32Array, k: number): number[] {
  const size = point.length;
  const found: { index: number; distance: number }[] = [];
  for (let index = 0; index < points.length / size; index++) {
    let distance = 0;
    for (let i = 0; i < size; i++) distance += (points[index * size + i]! - point[i]!) ** 2;
    if (found.length === k && distance >= found[k - 1]!.distance) continue;
    let place = found.length;
    while (place > 0 && found[place - 1]!.distance > distance) place--;
    found.splice(place, 0, { index, distance });
    if (found.length > k) found.pop();
  }
  return found.map(({ index }) => index);
}

function classOf(indices: readonly number[], labels: Uint8Array): number | undefined {
  const votes = new Map<number, number>();
  for (const index of indices) votes.set(labels[index]!, (votes.get(labels[index]!) ?? 0) + 1);
  const most = Math.max(...votes.values());
  // A Map keeps the order in which classes came: nearest first.
  return [...votes].find(([, count]) => count === most)?.[0];
}

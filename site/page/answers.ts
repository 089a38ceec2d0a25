import type { Samples } from "./engine/messages.ts";

// Statistics of weighted posterior samples.

/** One of the posterior samples. */
export interface Answer {
  readonly x: Float32Array;
  /** Normalised importance weight: the fraction of the posterior that the sample represents. */
  readonly weight: number;
}

/** Returns the samples with the largest weights, in descending order. */
export function heaviest({ x, weights }: Samples, count: number): Answer[] {
  const size = x.length / weights.length;
  return [...weights.keys()]
    .sort((i, j) => weights[j]! - weights[i]!)
    .slice(0, count)
    .map((i) => ({ x: x.subarray(i * size, (i + 1) * size), weight: weights[i]! }));
}

/** Returns the weighted mean of all samples, and the standard deviation of each pixel, which shows where samples differ. */
export function meanAndSpread({ x, weights }: Samples): { mean: Float32Array; spread: Float32Array } {
  const size = x.length / weights.length;
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
  weights.forEach((weight, k) => {
    for (let i = 0; i < size; i++) {
      const value = x[k * size + i]!;
      sums[i]! += weight * value;
      squares[i]! += weight * value * value;
    }
  });
  return {
    mean: Float32Array.from(sums),
    spread: Float32Array.from(squares, (square, i) => Math.sqrt(Math.max(0, square - sums[i]! ** 2))),
  };
}

import type { Samples } from "./engine/messages.ts";

// Figures of weighted pictures.

/** One of the samples. */
export interface Answer {
  readonly x: Float32Array;
  /** Share of the posterior that it stands for among the samples. */
  readonly weight: number;
}

/** The samples of the greatest weights, the greatest first. */
export function heaviest({ x, weights }: Samples, count: number): Answer[] {
  const size = x.length / weights.length;
  return [...weights.keys()]
    .sort((i, j) => weights[j]! - weights[i]!)
    .slice(0, count)
    .map((i) => ({ x: x.subarray(i * size, (i + 1) * size), weight: weights[i]! }));
}

/** Weighted mean of all samples, and the standard deviation of each pixel: where they part ways. */
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

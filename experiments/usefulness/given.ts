import { createRandom } from "../../src/base/random.ts";
import { createSampler } from "../../src/train/sampler.ts";

/** Digits as they are given to be encoded, and what is known of their damage. */
export interface Given {
  /** B × size; NaN where a pixel is missing. */
  readonly y: Float32Array;
  /** The standard deviation of the Gaussian noise in y, 0 for none. */
  readonly deviation: number;
}

/** What is done to intact digits of `size` pixels, each time in the same way for a seed. */
export type Damage = (digits: Float32Array, size: number, seed: number) => Given;

export const intact: Damage = (y) => ({ y, deviation: 0 });

/** Without this share of its pixels, chosen at random for each digit anew: exactly so many, rounded. */
export function randomMissing(share: number): Damage {
  return (digits, size, seed) => {
    const y = digits.slice();
    const missing = Math.round(share * size);
    if (missing === 0) return { y, deviation: 0 };
    for (let digit = 0; digit < y.length / size; digit++) {
      // Each digit its own sequence: a seed has the same pixels of a digit missing however many digits there are.
      const sampler = createSampler({ count: size, batchSize: missing, seed: seed * 1_000_003 + digit });
      for (const pixel of sampler.next()) y[digit * size + pixel] = Number.NaN;
    }
    return { y, deviation: 0 };
  };
}

/** Without the first half of its pixels, row-major: a picture's upper half. */
export const topHalfMissing: Damage = (digits, size) => {
  const half = Math.floor(size / 2);
  return { y: digits.map((value, i) => (i % size < half ? Number.NaN : value)), deviation: 0 };
};

/** With Gaussian noise added to each pixel, and not cut to any range. */
export function noisy(deviation: number): Damage {
  return (digits, _, seed) => {
    const random = createRandom(seed, NOISE_STREAM);
    return { y: digits.map((value) => value + deviation * normal(random)), deviation };
  };
}

/** Its own sequence of the seed. */
const NOISE_STREAM = 7;

/** A standard normal number, by Box and Muller. */
export function normal(random: { uniform(): number }): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}

/** What an encoder or a distance of pixels can be given: from 0 to 1, `fill` where a pixel is missing, one value for each. */
export function filled({ y }: Given, fill: ArrayLike<number>): Float32Array {
  return y.map((value, i) =>
    Number.isNaN(value) ? fill[i % fill.length]! : Math.min(Math.max(value, 0), 1),
  );
}

/**
 * The mean squared error of each digit's image: over the pixels that were missing, or, where none was, over all.
 *
 * @returns one number for each digit
 */
export function squaredErrors(
  digits: Float32Array,
  { y }: Given,
  images: Float32Array,
  size: number,
): Float64Array {
  return Float64Array.from({ length: digits.length / size }, (_, digit) => {
    const [start, end] = [digit * size, (digit + 1) * size];
    const isPart = y.subarray(start, end).some(Number.isNaN);
    let [sum, count] = [0, 0];
    for (let i = start; i < end; i++) {
      if (isPart && !Number.isNaN(y[i])) continue;
      sum += (images[i]! - digits[i]!) ** 2;
      count++;
    }
    return sum / count;
  });
}

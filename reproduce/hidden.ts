import { cosineOfPi, logarithm } from "../src/base/elementary-functions.ts";
import { createRandom } from "../src/base/random.ts";
import { type Loss, squaredError } from "../src/index.ts";

// What is done to images before they are encoded, and how what comes of it is scored.

/** Images as they are given to be encoded: hidden pixels have weight 0 and the value 0. */
export interface GivenImages {
  /** B × size */
  readonly y: Float32Array;
  /** B × size, 0 for hidden pixels; undefined if all have weight 1. */
  readonly weights?: Float32Array;
  /** Loss by which the inversion compares; default the decoder's. */
  readonly loss?: Loss;
}

/** Hides pixels of B square images, the same ones for a seed. */
export type Hide = (images: Float32Array, size: number, seed: number) => GivenImages;

/** Streams of the seed's random numbers. */
const [HIDE_STREAM, NOISE_STREAM] = [21, 22];

/** Hides each pixel with this probability. */
export function randomPixels(share: number): Hide {
  return (images, _, seed) => {
    const { uniform } = createRandom(seed, HIDE_STREAM);
    return hidden(images, () => uniform() < share);
  };
}

/** Hides the upper half of the rows. */
export const topHalf: Hide = (images, size) => hidden(images, (i) => i % size < size / 2);

function hidden(images: Float32Array, isHidden: (index: number) => boolean): GivenImages {
  const weights = Float32Array.from(images, (_, i) => (isHidden(i) ? 0 : 1));
  return { y: images.map((value, i) => value * weights[i]!), weights };
}

/**
 * Adds Gaussian noise of a standard deviation. The inversion compares by the noise's own negative log-likelihood, the squared error
 * with weights 1/(2σ²).
 */
export function withNoise(images: Float32Array, deviation: number, seed: number): GivenImages {
  const { uniform } = createRandom(seed, NOISE_STREAM);
  const y = images.map((value) => {
    const radius = Math.sqrt(-2 * logarithm(1 - uniform()));
    return value + deviation * radius * cosineOfPi(2 * uniform());
  });
  const weights = new Float32Array(y.length).fill(1 / (2 * deviation ** 2));
  return { y, weights, loss: squaredError() };
}

/** Turns square images about their middle, by bilinear interpolation; 0 outside. */
export function turned(images: Float32Array, side: number, degrees: number): Float32Array {
  const [cosine, sine] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const middle = (side - 1) / 2;
  const size = side * side;
  return images.map((_, index) => {
    const first = index - (index % size);
    const [row, column] = [Math.floor((index % size) / side) - middle, (index % side) - middle];
    const [sourceRow, sourceColumn] = [
      cosine * row + sine * column + middle,
      cosine * column - sine * row + middle,
    ];
    const [top, left] = [Math.floor(sourceRow), Math.floor(sourceColumn)];
    let value = 0;
    for (const r of [top, top + 1]) {
      for (const c of [left, left + 1]) {
        if (r < 0 || r >= side || c < 0 || c >= side) continue;
        value +=
          images[first + r * side + c]! * (1 - Math.abs(sourceRow - r)) * (1 - Math.abs(sourceColumn - c));
      }
    }
    return value;
  });
}

/** Errors of reconstructions over hidden pixels, or over all where none is hidden. */
export interface PixelErrors {
  readonly squaredError: number;
  /** Binary cross entropy, nats a pixel. */
  readonly crossEntropy: number;
}

/** Mean errors over the pixels of all images that are hidden in what was given, or over all pixels. */
export function pixelErrors(
  truth: Float32Array,
  reconstructions: Float32Array,
  { weights }: GivenImages,
): PixelErrors {
  const isAnyHidden = weights?.includes(0);
  let [squares, entropy, count] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++) {
    if (isAnyHidden && weights![i] !== 0) continue;
    // A probability of 0 or 1 in float32 may be one that only rounding has made so.
    const x = Math.min(1 - 1e-7, Math.max(1e-7, reconstructions[i]!));
    squares += (reconstructions[i]! - truth[i]!) ** 2;
    entropy -= truth[i]! * Math.log(x) + (1 - truth[i]!) * Math.log(1 - x);
    count++;
  }
  return { squaredError: squares / count, crossEntropy: entropy / count };
}

/** Area under the ROC curve: the probability that a positive has a higher score than a negative; ties count half. */
export function areaUnderCurve(negatives: ArrayLike<number>, positives: ArrayLike<number>): number {
  const all = [
    ...Array.from(negatives, (score) => ({ score, isPositive: false })),
    ...Array.from(positives, (score) => ({ score, isPositive: true })),
  ].sort((a, b) => a.score - b.score);
  let area = 0;
  let below = 0;
  for (let i = 0; i < all.length; ) {
    let end = i;
    while (end < all.length && all[end]!.score === all[i]!.score) end++;
    const tied = all.slice(i, end);
    const tiedPositives = tied.filter(({ isPositive }) => isPositive).length;
    const tiedNegatives = tied.length - tiedPositives;
    area += tiedPositives * (below + tiedNegatives / 2);
    below += tiedNegatives;
    i = end;
  }
  return area / (negatives.length * positives.length);
}

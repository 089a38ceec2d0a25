import { choleskyFactor } from "../src/terms/prior-numbers.ts";

/** Points and the class of each, 0 to 9. */
export interface Classified {
  /** B × d */
  readonly points: Float32Array;
  /** B */
  readonly labels: Uint8Array;
}

const CLASSES = 10;

/**
 * Share of test points that a linear classifier gets right: least squares to one-hot classes with a ridge, on points brought
 * to mean 0 and deviation 1 by the training points.
 *
 * @param ridge what is added to the diagonal of the points' correlations, > 0
 */
export function linearAccuracy(train: Classified, test: Classified, d: number, ridge: number): number {
  const count = train.labels.length;
  const moments = Array.from({ length: d }, (_, i) => {
    let [sum, squares] = [0, 0];
    for (let row = 0; row < count; row++) sum += train.points[row * d + i]!;
    const mean = sum / count;
    for (let row = 0; row < count; row++) squares += (train.points[row * d + i]! - mean) ** 2;
    return { mean, deviation: Math.sqrt(squares / count) || 1 };
  });
  const standard = ({ points }: Classified, row: number) =>
    moments.map(({ mean, deviation }, i) => (points[row * d + i]! - mean) / deviation);
  const gram = new Float64Array(d * d);
  const right = new Float64Array(d * CLASSES);
  const shares = new Float64Array(CLASSES);
  for (let row = 0; row < count; row++) {
    const x = standard(train, row);
    const label = train.labels[row]!;
    shares[label]! += 1 / count;
    for (let i = 0; i < d; i++) {
      right[i * CLASSES + label]! += x[i]! / count;
      for (let j = 0; j <= i; j++) gram[i * d + j]! += (x[i]! * x[j]!) / count;
    }
  }
  for (let i = 0; i < d; i++) gram[i * d + i]! += ridge;
  const weights = solveFor(choleskyFactor(gram, d)!, right, d);
  let correct = 0;
  for (let row = 0; row < test.labels.length; row++) {
    const x = standard(test, row);
    const scores = Array.from(shares, (share, c) =>
      x.reduce((sum, value, i) => sum + value * weights[i * CLASSES + c]!, share),
    );
    if (scores.indexOf(Math.max(...scores)) === test.labels[row]) correct++;
  }
  return correct / test.labels.length;
}

/** Solves LLᵀX = B, B with a column for each class. */
function solveFor(factor: Float64Array, b: Float64Array, d: number): Float64Array {
  const x = b.slice();
  for (let c = 0; c < CLASSES; c++) {
    for (let i = 0; i < d; i++) {
      for (let k = 0; k < i; k++) x[i * CLASSES + c]! -= factor[i * d + k]! * x[k * CLASSES + c]!;
      x[i * CLASSES + c]! /= factor[i * d + i]!;
    }
    for (let i = d - 1; i >= 0; i--) {
      for (let k = i + 1; k < d; k++) x[i * CLASSES + c]! -= factor[k * d + i]! * x[k * CLASSES + c]!;
      x[i * CLASSES + c]! /= factor[i * d + i]!;
    }
  }
  return x;
}

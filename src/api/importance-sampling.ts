import type { Problem } from "../backend/backend.ts";
import { checksum } from "../base/checksum.ts";
import { cosineOfPi, exponential, logarithm } from "../base/elementary-functions.ts";
import { LatentflowError } from "../base/errors.ts";
import type { Owned } from "../base/owned.ts";
import { createRandom, type Random } from "../base/random.ts";
import { bytesIn } from "../base/values.ts";
import { allRows, type Objective } from "../solver/objective.ts";
import { choleskyFactor } from "../terms/prior-numbers.ts";

// Importance sampling of codes, for sampleCodes: a Gaussian proposal for each sample, draws from it, and their weights.

/** Result of `sampleCodes`: K weighted codes for each of B samples. */
export interface CodeSamples {
  /** Codes drawn, [B, K, latentSize] for K draws per sample. */
  readonly codes: Owned<Float32Array>;
  /**
   * Importance weights of the codes, [B, K] for K draws per sample. A sample's weights add up to 1. A draw whose loss or prior
   * is not finite has weight 0 and leaves the others as they are; the weights are all 0 if every draw is like that.
   */
  readonly weights: Owned<Float64Array>;
  /**
   * Effective sample size (Σw)²/Σw² of each of the B samples, w the weights of its K = `count` draws: from 1 to K, about the
   * number of independent draws from the posterior itself that would estimate a mean equally well. Below about 10, a mean
   * over the codes is dominated by a few of them. It grows with `count`, the less the further the posterior is from the
   * Gaussian proposal. It is an estimate, which may decrease with more draws. It cannot show a part of the posterior that no
   * draw has reached: it may then be near K. 0 for a sample whose weights are all 0.
   */
  readonly effectiveSampleSize: Owned<Float64Array>;
  /** Warnings in words, such as that a squared error without weights has no scale. */
  readonly warnings: readonly string[];
}

/** Settings of `drawCodes`, and the arrays to which it writes. */
interface Draws {
  /** Number of codes drawn for each sample, K. */
  readonly count: number;
  readonly seed: number;
  /** Codes and weights of all samples of the call; `drawCodes` writes them here. */
  readonly samples: CodeSamples;
  /** Called before each draw of a code. */
  readonly pause: () => Promise<void>;
}

/**
 * Draws K = `count` codes for each of the objective's samples from the sample's Gaussian proposal, whose mean is the code in
 * `z`, and computes their importance weights: the posterior exp(-N · objective), with N the number that the loss was divided
 * by, over the proposal's density. Each sample's weights are normalised to add up to 1.
 *
 * @param z codes of all samples of the call, [B, d]
 * @param first index, in the call, of the objective's first sample
 * @throws LatentflowError `unsupported` if the backend has no Gauss-Newton matrices
 */
export async function drawCodes(
  objective: Objective,
  problem: Problem,
  z: Float32Array,
  first: number,
  { count, seed, samples, pause }: Draws,
): Promise<void> {
  const { sampleCount: size, latentSize: d, curvature } = objective;
  if (!curvature) {
    throw new LatentflowError(
      "unsupported",
      "the backend has no Gauss-Newton matrices for this decoder and loss, expected wasm()",
    );
  }
  const rows = allRows(size);
  await objective.value(rows, Float64Array.from(z.subarray(first * d, (first + size) * d)));
  const proposals = await proposalsOf(objective, problem, z, first, seed);
  const points = new Float64Array(size * d);
  // Holds log-weights until all draws are made.
  const weights = samples.weights.subarray(first * count, (first + size) * count);
  for (let k = 0; k < count; k++) {
    await pause();
    const logDensities = proposals.map((proposal, r) => {
      const point = points.subarray(r * d, (r + 1) * d);
      const logDensity = proposal.draw(point);
      samples.codes.set(point, ((first + r) * count + k) * d);
      return logDensity;
    });
    const objectives = await objective.value(rows, points);
    for (let r = 0; r < size; r++) {
      const logWeight = -proposals[r]!.divisor * objectives[r]! - logDensities[r]!;
      weights[r * count + k] = Number.isFinite(logWeight) ? logWeight : Number.NEGATIVE_INFINITY;
    }
  }
  for (let r = 0; r < size; r++) {
    samples.effectiveSampleSize[first + r] = weigh(weights.subarray(r * count, (r + 1) * count));
  }
}

/** Gaussian proposal from which one sample's codes are drawn. */
interface Proposal {
  /** Number N that the sample's loss was divided by: n = outputSize for a mean, Σw for a weighted mean, 1 for a sum. */
  readonly divisor: number;
  /**
   * Writes a code drawn, [d], rounded to float32, to `into`, and returns its log-density up to a constant. If the precision
   * matrix is not positive definite or the centre is not finite, writes the centre and returns NaN.
   */
  draw(into: Float64Array): number;
}

/**
 * Makes, for each of the objective's samples, the Gaussian proposal from which codes are drawn: its mean is the sample's code
 * in `z`, its precision the Gauss-Newton matrix of N · objective at the point of the last `value` call, with N the divisor of
 * the loss.
 */
async function proposalsOf(
  objective: Objective,
  problem: Problem,
  z: Float32Array,
  first: number,
  seed: number,
): Promise<readonly Proposal[]> {
  const { sampleCount: size, latentSize: d, curvature } = objective;
  const matrices = await curvature!.matrices(allRows(size), "own");
  return Array.from({ length: size }, (_, r) => {
    const center = z.subarray((first + r) * d, (first + r + 1) * d);
    const divisor = divisorOf(problem, first + r);
    const precision = Float64Array.from(matrices.subarray(r * d * d, (r + 1) * d * d), (m) => m * divisor);
    const factor = choleskyFactor(precision, d);
    const stream = checksum(bytesIn(center));
    const normal = normals(createRandom(seed, stream));
    return {
      divisor,
      draw(into) {
        if (!factor || !center.every(Number.isFinite)) {
          into.set(center);
          return Number.NaN;
        }
        let squares = 0;
        for (let i = 0; i < d; i++) {
          const value = normal();
          squares += value * value;
          into[i] = value;
        }
        solveTransposed(factor, into);
        for (let i = 0; i < d; i++) into[i] = Math.fround(center[i]! + into[i]!);
        return -squares / 2;
      },
    };
  });
}

/**
 * Returns the number that a sample's loss was divided by: n = outputSize for a mean, Σw for a weighted mean, 1 for a sum and where
 * nothing is seen.
 */
function divisorOf({ loss, decoder, weights }: Problem, sample: number): number {
  if (loss.reduction === "sum") return 1;
  const n = decoder.outputSize;
  if (!weights) return n;
  const row = weights.length === n ? weights : weights.subarray(sample * n, (sample + 1) * n);
  return row.reduce((sum, weight) => sum + weight, 0) || 1;
}

/**
 * Returns a generator of standard normal numbers, by the Box-Muller transform, which makes them in pairs. The numbers have
 * the same bits on every machine.
 */
function normals({ uniform }: Random): () => number {
  let other: number | undefined;
  return () => {
    if (other !== undefined) {
      const value = other;
      other = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * logarithm(1 - uniform()));
    const turn = 2 * uniform();
    // sin πp = cos π(p - ½)
    other = radius * cosineOfPi(turn >= 0.5 ? turn - 0.5 : turn + 1.5);
    return radius * cosineOfPi(turn);
  };
}

/** Solves Lᵀx = b in place, with L the lower triangular factor, [d, d], that `choleskyFactor` returns. */
function solveTransposed(factor: Float64Array, b: Float64Array): void {
  const d = b.length;
  for (let i = d - 1; i >= 0; i--) {
    let sum = b[i]!;
    for (let j = i + 1; j < d; j++) sum -= factor[j * d + i]! * b[j]!;
    b[i] = sum / factor[i * d + i]!;
  }
}

/**
 * Replaces log-weights in place by weights that add up to 1, and returns their effective sample size. If no log-weight is
 * finite, the weights are all 0 and so is the result.
 */
function weigh(weights: Float64Array): number {
  const largest = weights.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(largest)) {
    weights.fill(0);
    return 0;
  }
  let sum = 0;
  for (const [k, value] of weights.entries()) {
    weights[k] = exponential(value - largest);
    sum += weights[k]!;
  }
  let squares = 0;
  for (const [k, weight] of weights.entries()) {
    weights[k] = weight / sum;
    squares += weights[k]! ** 2;
  }
  // Rounding may take 1/Σw² out of its range, from 1 to the number of draws.
  return Math.min(Math.max(1 / squares, 1), weights.length);
}

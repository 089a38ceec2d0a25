import { exponential, logarithm } from "../base/elementary-functions.ts";
import { raiseEigenvalues } from "./eigenvalues.ts";
import type { MixtureStart } from "./mixture-start.ts";
import { addOuterProduct, mirror } from "./moments.ts";
import { choleskyFactor, logDeterminant } from "./prior-numbers.ts";
import type { StandardisedCodes } from "./standardised-codes.ts";

/** Mixture of K Gaussians over standardised codes, whose coordinates have mean 0 and variance 1. */
export interface Mixture {
  /** Mixture weights of the K components, adding up to 1. */
  readonly shares: Float64Array;
  /** Means of the K components, [K, d]. */
  readonly means: Float64Array;
  /** Covariances of the K components: [K, d, d], row-major, or [K, d] if they are diagonal. */
  readonly covariances: Float64Array;
}

/**
 * Minimum weight of a component, multiplied by the number of codes: a component without codes keeps the minimum weight, since
 * log 0 is not finite.
 */
const LEAST_OF_A_CODE = 1e-3;
/**
 * Responsibility below which a code is left out of a component's sums: all such codes together would be negligible compared
 * with LEAST_OF_A_CODE.
 */
const NEGLIGIBLE = 1e-30;

/**
 * Expectation maximisation (Dempster, Laird and Rubin, 1977) from a given start. The log-likelihood never decreases except
 * by rounding: each maximisation is exact among all mixtures whose components have a variance of at least `varianceFloor` in
 * every direction, and a weight of at least 0.001 / (number of codes).
 *
 * Memory is about three times the mixture's, independent of the number of codes: moments are accumulated code by code,
 * around the current means, which loses less precision than around 0.
 */
export class ExpectationMaximisation {
  readonly mixture: Mixture;
  private readonly d: number;
  /** Number of components, K. */
  private readonly count: number;
  /** Number of values in one covariance: d², or d if it is diagonal. */
  private readonly size: number;
  /** Cholesky factors of the covariances, [K, d, d]; or standard deviations, [K, d], if they are diagonal. */
  private readonly factors: Float64Array;
  /** Log-density of each component at its mean, plus the log of its weight, [K]: log w - ½ log det Σ - d/2 · ln 2π. */
  private readonly constants: Float64Array;
  /** Responsibilities of each component, summed over the codes, [K]. */
  private readonly sums: Float64Array;
  /** Responsibility-weighted sums of (code - mean of the component), [K, d]. */
  private readonly firstMoments: Float64Array;
  /** Responsibility-weighted sums of (code - mean)(code - mean)ᵀ, shaped as `covariances`; lower triangles if not diagonal. */
  private readonly secondMoments: Float64Array;
  private readonly code: Float64Array;
  /** Current code minus the mean of each component: K arrays of d values. */
  private readonly centred: readonly Float64Array[];
  private readonly solved: Float64Array;
  private readonly logs: Float64Array;

  constructor(
    private readonly codes: StandardisedCodes,
    start: MixtureStart,
    private readonly isFull: boolean,
    private readonly varianceFloor: number,
  ) {
    const d = codes.latentSize;
    const count = start.counts.length;
    const size = isFull ? d * d : d;
    this.d = d;
    this.count = count;
    this.size = size;
    const covariances = new Float64Array(count * size);
    for (let k = 0; k < count; k++) {
      for (let i = 0; i < d; i++) {
        covariances[k * size + (isFull ? i * d + i : i)] = Math.max(start.variances[i]!, varianceFloor);
      }
    }
    const shares = new Float64Array(count);
    this.mixture = { shares, means: start.means.slice(), covariances };
    this.sums = start.counts.slice();
    this.factors = new Float64Array(count * size);
    this.constants = new Float64Array(count);
    this.firstMoments = new Float64Array(count * d);
    this.secondMoments = new Float64Array(count * size);
    this.code = new Float64Array(d);
    this.centred = Array.from({ length: count }, () => new Float64Array(d));
    this.solved = new Float64Array(d);
    this.logs = new Float64Array(count);
    this.setShares();
    for (let k = 0; k < count; k++) this.factorise(k);
  }

  /**
   * Expectation step: returns the log-likelihood of the mixture, as a mean per code, in nats, and accumulates the moments
   * that `maximise` uses.
   */
  expect(): number {
    const { codes, count, logs, sums } = this;
    this.setConstants();
    sums.fill(0);
    this.firstMoments.fill(0);
    this.secondMoments.fill(0);
    let total = 0;
    for (let i = 0; i < codes.count; i++) {
      codes.read(i, this.code);
      let largest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < count; k++) {
        logs[k] = this.constants[k]! - this.squaredDistance(k) / 2;
        largest = Math.max(largest, logs[k]!);
      }
      let sum = 0;
      for (let k = 0; k < count; k++) sum += exponential(logs[k]! - largest);
      const logDensity = largest + logarithm(sum);
      total += logDensity;
      for (let k = 0; k < count; k++) this.add(k, exponential(logs[k]! - logDensity));
    }
    return total / codes.count;
  }

  /** Maximisation step: sets the mixture of maximum likelihood given the responsibilities from `expect`. */
  maximise(): void {
    this.setShares();
    for (let k = 0; k < this.count; k++) if (this.sums[k]! > 0) this.moveComponent(k);
  }

  /** Returns the squared Mahalanobis distance of the current code from component k, and writes code - mean to `centred[k]`. */
  private squaredDistance(k: number): number {
    const { d, code, factors, solved } = this;
    const { means } = this.mixture;
    const centred = this.centred[k]!;
    for (let i = 0; i < d; i++) centred[i] = code[i]! - means[k * d + i]!;
    let sum = 0;
    if (!this.isFull) {
      for (let i = 0; i < d; i++) {
        const solution = centred[i]! / factors[k * d + i]!;
        sum += solution * solution;
      }
      return sum;
    }
    for (let i = 0, row = k * d * d; i < d; i++, row += d) {
      let left = centred[i]!;
      for (let j = 0; j < i; j++) left -= factors[row + j]! * solved[j]!;
      const solution = left / factors[row + i]!;
      solved[i] = solution;
      sum += solution * solution;
    }
    return sum;
  }

  private add(k: number, responsibility: number): void {
    if (responsibility < NEGLIGIBLE) return;
    const { d, size } = this;
    const centred = this.centred[k]!;
    this.sums[k]! += responsibility;
    for (let i = 0; i < d; i++) this.firstMoments[k * d + i]! += responsibility * centred[i]!;
    addOuterProduct(this.secondMoments, k * size, centred, responsibility, this.isFull);
  }

  /**
   * Sets the mixture weights to their maximum-likelihood values given the responsibilities, under the constraint that each
   * is at least LEAST_OF_A_CODE / (number of codes).
   */
  private setShares(): void {
    const { shares } = this.mixture;
    const least = LEAST_OF_A_CODE / this.codes.count;
    const isRaised = Array.from(shares, () => false);
    for (let isDone = false; !isDone; ) {
      isDone = true;
      const left = 1 - least * isRaised.filter(Boolean).length;
      const sum = this.sums.reduce((total, own, k) => total + (isRaised[k] ? 0 : own), 0);
      for (let k = 0; k < shares.length; k++) {
        shares[k] = isRaised[k] ? least : (left * this.sums[k]!) / sum;
        if (isRaised[k] || shares[k]! >= least) continue;
        isRaised[k] = true;
        isDone = false;
      }
    }
  }

  private moveComponent(k: number): void {
    const { d, size, isFull, varianceFloor } = this;
    const { means, covariances } = this.mixture;
    const sum = this.sums[k]!;
    const shift = this.firstMoments.subarray(k * d, (k + 1) * d);
    const moments = this.secondMoments.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < d; i++) shift[i]! /= sum;
    for (let at = 0; at < size; at++) moments[at]! /= sum;
    addOuterProduct(moments, 0, shift, -1, isFull);
    if (isFull) {
      mirror(moments, d);
      if (hasEigenvalueBelow(moments, d, varianceFloor)) raiseEigenvalues(moments, d, varianceFloor);
    } else {
      for (let i = 0; i < d; i++) moments[i] = Math.max(moments[i]!, varianceFloor);
    }
    const before = covariances.slice(k * size, (k + 1) * size);
    covariances.set(moments, k * size);
    if (!this.factorise(k)) {
      // Not positive definite, by rounding: the component stays unchanged, which does not lower the likelihood.
      covariances.set(before, k * size);
      return;
    }
    for (let i = 0; i < d; i++) means[k * d + i]! += shift[i]!;
  }

  /**
   * Computes the Cholesky factor of a component's covariance. Returns false, and keeps the previous factor, if the
   * covariance is not positive definite.
   */
  private factorise(k: number): boolean {
    const { d, size } = this;
    const covariance = this.mixture.covariances.subarray(k * size, (k + 1) * size);
    const factor = this.isFull ? choleskyFactor(covariance, d) : covariance.map(Math.sqrt);
    if (factor) this.factors.set(factor, k * size);
    return factor !== undefined;
  }

  private setConstants(): void {
    const { d, size, factors } = this;
    for (let k = 0; k < this.count; k++) {
      const factor = factors.subarray(k * size, (k + 1) * size);
      const logDet = this.isFull
        ? logDeterminant(factor, d)
        : factor.reduce((sum, std) => sum + 2 * logarithm(std), 0);
      this.constants[k] = logarithm(this.mixture.shares[k]!) - (logDet + d * logarithm(2 * Math.PI)) / 2;
    }
  }
}

/**
 * True if a symmetric matrix, [d, d], has an eigenvalue below `least`: tested by a Cholesky factorisation of the matrix
 * minus least · I, at a thirtieth of the cost of the eigenvalues.
 */
function hasEigenvalueBelow(matrix: Float64Array, d: number, least: number): boolean {
  const lowered = matrix.slice();
  for (let i = 0; i < d; i++) lowered[i * d + i]! -= least;
  return choleskyFactor(lowered, d) === undefined;
}

import { isRevoked } from "../base/check.ts";
import type { Owned } from "../base/owned.ts";
import { invalid } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Status } from "./status.ts";

/** Cost of each sample: B numbers each. */
export interface SolveStatistics {
  readonly acceptedSteps: Owned<Uint32Array>;
  /**
   * Steps that were tried and not taken: because they did not lower the loss enough (L-BFGS, AMD), because another length may
   * lower it more (L-BFGS's first step), or because their estimated error was too large (Dormand-Prince). 0 on a fixed grid.
   */
  readonly backtracks: Owned<Uint32Array>;
  /** Number of forward passes. */
  readonly valueEvaluations: Owned<Uint32Array>;
  /** Number of backward passes. */
  readonly gradientEvaluations: Owned<Uint32Array>;
  /** Number of Gauss-Newton matrices at the sample's own z (L-BFGS), each of latentSize forward passes. */
  readonly matrixEvaluations: Owned<Uint32Array>;
  /**
   * Time t that the flow has reached. For L-BFGS the sum of the accepted δt, each at most 1, which is no time of the flow.
   */
  readonly t: Owned<Float64Array>;
  /**
   * B, L-BFGS's upper estimate of how much further the objective could fall near z, in its units: 5 (P + (k + 1) θ), where P is
   * the fall that the last look's quadratic model promises, k the accepted steps and θ the threshold of a step
   * (`LbfgsOptions.tolerance`). A second call with `z0: result.z` found no more for 99 % of the samples of `npm run experiment --
   * converged`; site/results/experiments.md has the share of each family. It fails most for saturated decoders, and may exceed a loss that cannot fall below 0. Neither a model nor a slope sees beyond a saddle point or the edge of a plateau. Infinity,
   * which says nothing, for every status but "converged", for a gradient of exactly 0, and for other solvers.
   */
  readonly remainingFall: Owned<Float64Array>;
}

/** Statistics of each sample: the arrays that keep them, and their values before the sample's solve begins. */
export const STATISTICS = {
  acceptedSteps: { array: Uint32Array, start: 0 },
  backtracks: { array: Uint32Array, start: 0 },
  valueEvaluations: { array: Uint32Array, start: 0 },
  gradientEvaluations: { array: Uint32Array, start: 0 },
  matrixEvaluations: { array: Uint32Array, start: 0 },
  t: { array: Float64Array, start: 0 },
  remainingFall: { array: Float64Array, start: Number.POSITIVE_INFINITY },
} as const satisfies { readonly [Name in keyof SolveStatistics]: object };

/** One sample's way from z0, K points: as many as it reached of those that `saveAt` asks for. */
export interface Trajectory {
  /** K times, ascending. */
  readonly t: Owned<Float64Array>;
  /** K × latentSize. */
  readonly z: Owned<Float32Array>;
  /** K, l(y, D(z)). */
  readonly loss: Owned<Float32Array>;
}

/** Backend that did the work. */
export interface BackendInfo {
  readonly name: string;
  /**
   * Build that it runs: of WASM "relaxed" or "plain"; for WebGPU "onnxruntime-web" and its version;
   * "none" where an abort came before the work.
   */
  readonly build: string;
  /** Name of the GPU, if the browser tells it. */
  readonly adapter?: string;
  /** Number of threads that took part, if the backend has threads. */
  readonly threads?: number;
  /** Reason why `auto` chose the backend, or why fewer threads than asked for took part. */
  readonly reason?: string;
  /**
   * Descriptions of failures and of how the work went on: a device that was lost, a worker that died. Absent if there were
   * none.
   */
  readonly incidents?: readonly string[];
}

/** Result of `encode`, B samples. */
export interface EncodeResult {
  /** The codes, B × latentSize. */
  readonly z: Owned<Float32Array>;
  /** The velocities at the end of a second-order flow, B × latentSize. Undefined for the gradient flow. */
  readonly v: Owned<Float32Array> | undefined;
  /**
   * l(y, D(z)), B: how far the reconstructions are from the data.
   */
  readonly loss: Owned<Float32Array>;
  /** B, the prior's value at z in nats, times its weight: not yet divided by N. Undefined without a prior. */
  readonly prior: Owned<Float32Array> | undefined;
  /** B, what was lowered: loss + prior/N, N what the loss was divided by. Without a prior it is the loss. */
  readonly objective: Owned<Float32Array>;
  /** l(y, D(z0)), B. NaN for a sample that an aborted call never started. */
  readonly initialLoss: Owned<Float32Array>;
  /**
   * ‖∇_z‖ of the objective at z, B: how far from rest the sample is. NaN for a sample that an aborted call never started, and where
   * the loss at z0 is not finite.
   */
  readonly gradientNorm: Owned<Float32Array>;
  /** B statuses: the end of each sample. */
  readonly status: readonly Status[];
  /** Cost of each sample. */
  readonly stats: SolveStatistics;
  /** B, in the order of the samples. Undefined without the option `saveAt`. */
  readonly trajectory: readonly Trajectory[] | undefined;
  /** Backend that did the work, and its number of threads. */
  readonly backend: BackendInfo;
  /** The wall time of the call, in seconds. */
  readonly seconds: number;
}

/** Result in which the fields of these names are never undefined, as the call's options ask for them. */
export type With<Result, Names extends keyof Result> = Result & {
  readonly [Name in Names]: NonNullable<Result[Name]>;
};

/** Part of a result that `summary` reads. */
export type SummarisedResult = Pick<
  EncodeResult,
  "initialLoss" | "loss" | "status" | "stats" | "backend" | "seconds"
> &
  Partial<Pick<EncodeResult, "prior" | "objective">>;

/** The figures of a result in short, as the demo prints them. Means are NaN where there are no samples. */
export interface EncodeSummary {
  readonly samples: number;
  readonly meanInitialLoss: number;
  readonly meanLoss: number;
  /** Mean of `prior`: the prior's value at z in nats, times its weight, not divided by N. Left out without a prior. */
  readonly meanPrior?: number;
  /** Mean of `objective`, loss + prior/N. Left out without a prior, where it is the loss. */
  readonly meanObjective?: number;
  readonly meanAcceptedSteps: number;
  readonly meanBacktracks: number;
  /** Number of samples with each status; only statuses that occur. */
  readonly statuses: Partial<Record<Status, number>>;
  /** The wall time of the call. */
  readonly seconds: number;
  /** Number of samples that ended per second, without aborted ones. */
  readonly samplesPerSecond: number;
  /** Name and build of the backend, as in `BackendInfo`. */
  readonly backend: string;
  readonly build: string;
  /** Number of threads that took part, if the backend has threads. */
  readonly threads?: number;
}

/**
 * The figures of a result in short. Losses are averaged over the samples whose loss is finite: neither those that
 * an aborted call never started nor those of status "nonfinite" without one.
 *
 * @throws LatentflowError `invalid_argument` when `result` is not what `encode` returns
 * @example
 * const { meanLoss, statuses } = summary(await encode(decoder, y));
 */
export function summary(result: SummarisedResult): EncodeSummary {
  if (isRevoked(result) || !result?.stats || !result.status)
    throw invalid(`summary: what was given is ${show(result)}, expected the result of encode`);
  const statuses: Partial<Record<Status, number>> = {};
  for (const status of result.status) statuses[status] = (statuses[status] ?? 0) + 1;
  const samples = result.status.length;
  return {
    samples,
    meanInitialLoss: meanOfFinite(result.initialLoss),
    meanLoss: meanOfFinite(result.loss),
    ...(result.prior &&
      result.objective && {
        meanPrior: meanOfFinite(result.prior),
        meanObjective: meanOfFinite(result.objective),
      }),
    meanAcceptedSteps: meanOfFinite(result.stats.acceptedSteps),
    meanBacktracks: meanOfFinite(result.stats.backtracks),
    statuses,
    seconds: result.seconds,
    samplesPerSecond: (samples - (statuses.aborted ?? 0)) / result.seconds,
    backend: result.backend.name,
    build: result.backend.build,
    ...(result.backend.threads !== undefined && { threads: result.backend.threads }),
  };
}

/** Mean of the values that are finite; NaN if there are none. */
export function meanOfFinite(values: ArrayLike<number>): number {
  return meanOf(values, Number.isFinite);
}

/**
 * Mean of the values that are not NaN; infinite if one of them is, NaN if there are none. For the losses of a training, where
 * infinity shows that it diverges, while NaN marks a loss that a prior has drowned.
 */
export function meanOfNumbers(values: ArrayLike<number>): number {
  return meanOf(values, (value) => !Number.isNaN(value));
}

function meanOf(values: ArrayLike<number>, isCounted: (value: number) => boolean): number {
  const counted = Array.from(values).filter(isCounted);
  return counted.reduce((sum, value) => sum + value, 0) / counted.length;
}

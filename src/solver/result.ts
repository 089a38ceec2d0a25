import { calling } from "../base/calling.ts";
import type { Owned } from "../base/owned.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Status } from "./status.ts";

/** Statistics of the solve of each sample: B numbers each. */
export interface SolveStatistics {
  /** Number of accepted steps of each sample. */
  readonly acceptedSteps: Owned<Uint32Array>;
  /**
   * Number of steps of each sample that were tried and not taken: they did not lower the loss enough (`lbfgs`, `amd`), another
   * length might lower it more (first step of `lbfgs`), or their estimated error was too large (`dormandPrince`). 0 on a fixed
   * grid.
   */
  readonly backtracks: Owned<Uint32Array>;
  /** Number of evaluations of each sample's loss, each a forward pass of the decoder. */
  readonly valueEvaluations: Owned<Uint32Array>;
  /** Number of gradients ∇_z l of each sample, each a backward pass of the decoder. */
  readonly gradientEvaluations: Owned<Uint32Array>;
  /** Number of Gauss-Newton matrices computed at each sample's own z (L-BFGS); each takes as many forward passes as latents. */
  readonly matrixEvaluations: Owned<Uint32Array>;
  /**
   * Time t that each sample's flow has reached. For L-BFGS the sum of the accepted step lengths δt, each counted as at most 1; it
   * is not a time of the flow.
   */
  readonly t: Owned<Float64Array>;
  /**
   * Upper estimate by L-BFGS of how much lower the objective could still be near z, in its units: 5 (P + (k + 1) θ), with P
   * the decrease that the quadratic model of the final check expects, k the number of accepted steps and θ the threshold of
   * a step (`LbfgsOptions.tolerance`). For 99 % of the samples of `npm run experiment -- converged`, a second call with
   * `z0: result.z` lowered the objective by no more; site/results/experiments.md has the share for each family of decoders.
   * It fails most often for saturated decoders, may exceed a loss that cannot be negative, and does not see beyond a saddle
   * point or the edge of a plateau. Infinity (no estimate) for every status but "converged", for a gradient of exactly 0,
   * and for other solvers.
   */
  readonly remainingFall: Owned<Float64Array>;
}

/** Array type of each statistic, and its value before the solve of a sample begins. */
export const STATISTICS = {
  acceptedSteps: { array: Uint32Array, start: 0 },
  backtracks: { array: Uint32Array, start: 0 },
  valueEvaluations: { array: Uint32Array, start: 0 },
  gradientEvaluations: { array: Uint32Array, start: 0 },
  matrixEvaluations: { array: Uint32Array, start: 0 },
  t: { array: Float64Array, start: 0 },
  remainingFall: { array: Float64Array, start: Number.POSITIVE_INFINITY },
} as const satisfies { readonly [Name in keyof SolveStatistics]: object };

/** Path of one sample from z0: K points, those requested by `saveAt` that the sample reached. */
export interface Trajectory {
  /** Times of the path's K points, ascending. */
  readonly t: Owned<Float64Array>;
  /** Latents at the path's K points, [K, latentSize]. */
  readonly z: Owned<Float32Array>;
  /** Loss l(y, D(z)) at the path's K points, without the prior. */
  readonly loss: Owned<Float32Array>;
}

/**
 * Ends of the m = `count` starts of each of B samples, in ascending order of the objective: the first one is the end that the
 * result has. NaN, and -1 in `start`, where a sample has fewer starts, since its objective is not finite at other codes.
 */
export interface EndsOfStarts {
  /** Number of starts of each sample, m: the option's `count`, or the number of its codes K if there are fewer. */
  readonly count: number;
  /** Codes found, [B, m, latentSize]. */
  readonly codes: Owned<Float32Array>;
  /** Objective at the codes found, loss + prior/N, [B, m]. NaN where nothing is seen of the sample. */
  readonly objective: Owned<Float32Array>;
  /** Indices of the codes at which the starts began, in the option's `codes`, [B, m]. */
  readonly start: Owned<Int32Array>;
}

/** Description of the backend that ran a call. */
export interface BackendInfo {
  /**
   * Name of the backend that the call ran on, `"wasm"` or `"webgpu"`; the given backend's name if an abort came before the
   * work.
   */
  readonly name: string;
  /**
   * Build that ran: "relaxed" or "plain" for WASM, "onnxruntime-web" and its version for WebGPU, "none" if an abort came
   * before the work.
   */
  readonly build: string;
  /** Name of the GPU, if the browser reports it. */
  readonly adapter?: string;
  /** Number of threads that took part, if the backend has threads. */
  readonly threads?: number;
  /** Reason why `auto` chose this backend, or why fewer threads than requested took part. */
  readonly reason?: string;
  /** Failures during the call and how it continued, in words: a lost device. Absent if there were none. */
  readonly incidents?: readonly string[];
}

/** Result of `encode` for B samples. */
export interface EncodeResult {
  /** Codes found, [B, latentSize]. */
  readonly z: Owned<Float32Array>;
  /** Velocities at the end of a second-order flow, [B, latentSize]. Undefined for the gradient flow. */
  readonly v: Owned<Float32Array> | undefined;
  /** Loss l(y, D(z)) of each sample, B values: the distance of the reconstruction from the data, without the prior. */
  readonly loss: Owned<Float32Array>;
  /**
   * Prior's value at z in nats, times its weight, for each of the B samples. `objective` contains it divided by N, the divisor of
   * the loss. Undefined without a prior.
   */
  readonly prior: Owned<Float32Array> | undefined;
  /**
   * Minimised objective at z, loss + prior/N, B values, with N the number that the loss was divided by. Equals the loss
   * without a prior.
   */
  readonly objective: Owned<Float32Array>;
  /** Loss l(y, D(z0)) at the start, B values. NaN for a sample that an aborted call never started. */
  readonly initialLoss: Owned<Float32Array>;
  /**
   * Norm ‖∇_z‖ of the objective's gradient at z, B values: 0 at rest. NaN for a sample that an aborted call never started,
   * and if the loss at z0 is not finite.
   */
  readonly gradientNorm: Owned<Float32Array>;
  /** Reason why the solve of each sample ended, B values. */
  readonly status: readonly Status[];
  /** Statistics of the solve of each sample, such as its number of steps. */
  readonly stats: SolveStatistics;
  /** Number of values of each sample that were missing, B values: NaN in the data where the weight is above 0. */
  readonly missing: Owned<Uint32Array>;
  /** Recorded path of each sample, B values. Undefined without the option `saveAt`. */
  readonly trajectory: readonly Trajectory[] | undefined;
  /** Ends of all starts of each sample, from the lowest on. Undefined without the option `starts`. */
  readonly starts: EndsOfStarts | undefined;
  /** Warnings about the data, in words: nothing is seen of a sample, or values are out of the decoder's reach. */
  readonly warnings: readonly string[];
  /** Backend that ran the call, and its number of threads. */
  readonly backend: BackendInfo;
  /** Wall time of the call, in seconds. */
  readonly seconds: number;
}

/**
 * Names of the fields of `EncodeResult` that are about the call as a whole: reports and files of results, which hold numbers of
 * each sample, leave them out.
 */
export type FieldOfCall = "warnings" | "backend" | "seconds";

/** Result whose fields `Names` are never undefined, because the call had the options for them. */
export type With<Result, Names extends keyof Result> = Result & {
  readonly [Name in Names]: NonNullable<Result[Name]>;
};

/** Fields of a result of `encode` that `summary` reads. */
export type SummarisedResult = Pick<
  EncodeResult,
  "initialLoss" | "loss" | "status" | "stats" | "backend" | "seconds"
> &
  Partial<Pick<EncodeResult, "prior" | "objective">>;

/** Summary of a result of `encode`: counts and means over its samples. A mean is NaN if no sample has a finite value. */
export interface EncodeSummary {
  /** Number of samples B of the call. */
  readonly samples: number;
  /** Mean of `initialLoss`, the loss at z0, over its finite values. */
  readonly meanInitialLoss: number;
  /** Mean of `loss`, without the prior, over its finite values. */
  readonly meanLoss: number;
  /** Mean of `prior`, the prior's value at z in nats, times its weight. Absent without a prior. */
  readonly meanPrior?: number;
  /**
   * Mean of `objective`, loss + prior/N with N the number that the loss was divided by. Absent without a prior, when it
   * equals the loss.
   */
  readonly meanObjective?: number;
  /** Mean number of accepted steps of a sample. */
  readonly meanAcceptedSteps: number;
  /** Mean number of rejected, shortened trial steps of a sample. */
  readonly meanBacktracks: number;
  /** Number of samples with each status; statuses that do not occur are absent. */
  readonly statuses: Partial<Record<Status, number>>;
  /** Wall time of the call, in seconds. */
  readonly seconds: number;
  /** Number of samples that ended per second, not counting aborted ones. */
  readonly samplesPerSecond: number;
  /** Name of the backend. */
  readonly backend: string;
  /** Build of the backend, as in `BackendInfo`. */
  readonly build: string;
  /** Number of threads that took part, if the backend has threads. */
  readonly threads?: number;
}

/**
 * Summarises a result of `encode`: mean losses, mean numbers of steps, count of each status, speed. Losses are averaged over
 * the samples whose loss is finite, which excludes samples that an aborted call never started.
 *
 * @throws LatentflowError `invalid_argument` when `result` is not what `encode` returns
 * @example
 * const { meanLoss, statuses } = summary(await encode(decoder, y));
 */
export function summary(result: SummarisedResult): EncodeSummary {
  return calling("summary", () => {
    if (!(result?.stats && result.status))
      throw refused("result", "is", show(result), "the result of encode");
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
  });
}

/** Returns the mean of the finite values; NaN if there are none. */
export function meanOfFinite(values: ArrayLike<number>): number {
  return meanOf(values, Number.isFinite);
}

/**
 * Returns the mean of the values that are not NaN; infinite if one of them is infinite, NaN if there are none. For losses in
 * training, where infinity shows divergence, while NaN marks a loss that is undetermined because a prior dominates it.
 */
export function meanOfNumbers(values: ArrayLike<number>): number {
  return meanOf(values, (value) => !Number.isNaN(value));
}

function meanOf(values: ArrayLike<number>, isCounted: (value: number) => boolean): number {
  const counted = Array.from(values).filter(isCounted);
  return counted.reduce((sum, value) => sum + value, 0) / counted.length;
}

import type { Status } from "../../index.ts";
import type { SampleResults } from "../output/results.ts";
import type { Part } from "./part.ts";

/** Functions that select the per-sample values whose means are reported. */
const AVERAGED = {
  meanInitialLoss: ({ initialLoss }: SampleResults) => initialLoss,
  meanLoss: ({ loss }: SampleResults) => loss,
  meanAcceptedSteps: ({ stats }: SampleResults) => stats.acceptedSteps,
  meanBacktracks: ({ stats }: SampleResults) => stats.backtracks,
  meanPrior: ({ prior }: SampleResults) => prior ?? [],
  meanObjective: ({ objective }: SampleResults) => objective,
  meanTargetEntropy: ({ leastLoss }: SampleResults) => leastLoss ?? [],
} as const;

/** Effective sample size below which a few draws dominate any average over the draws of a sample. */
export const LOW_SAMPLE_SIZE = 10;

type MeanName = keyof typeof AVERAGED;

/**
 * Accumulates the summary of a run from its parts (the results of consecutive samples). The means, counts and times are those
 * that the library's function `summary` returns for a single result of `encode`.
 */
export class RunSummariser {
  private samples = 0;
  private missing = 0;
  private seconds = 0;
  private threads = 0;
  private build = "none";
  private hasPrior = false;
  private hasFloor = false;
  private readonly statuses: Partial<Record<Status, number>> = {};
  /** Sum and number of the finite values, for each mean. */
  private readonly sums = Object.fromEntries(
    Object.keys(AVERAGED).map((name) => [name, { sum: 0, count: 0 }]),
  ) as Readonly<Record<MeanName, { sum: number; count: number }>>;
  /** Number of codes drawn per sample, and effective sample size of each; undefined if no codes were drawn. */
  private sampling: { count: number; sizes: number[] } | undefined;

  /** Adds the results of one part to the sums. */
  add({ results, count, seconds, threads, kernels }: Part): void {
    for (const [name, valuesOf] of Object.entries(AVERAGED)) {
      const finite = this.sums[name as MeanName];
      for (const value of valuesOf(results)) {
        if (!Number.isFinite(value)) continue;
        finite.sum += value;
        finite.count++;
      }
    }
    this.hasPrior ||= results.prior !== undefined;
    this.hasFloor ||= results.leastLoss !== undefined;
    for (const status of results.status) this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.samples += count;
    for (const each of results.missing) this.missing += each;
    this.seconds += seconds;
    this.threads = Math.max(this.threads, threads);
    this.build = kernels;
    if (results.sampling) {
      const { weights, effectiveSampleSize } = results.sampling;
      this.sampling ??= { count: weights.length / count, sizes: [] };
      for (const size of effectiveSampleSize) this.sampling.sizes.push(size);
    }
  }

  /** Returns a mean over all finite values so far; NaN if there are none. */
  mean(name: MeanName): number {
    const { sum, count } = this.sums[name];
    return sum / count;
  }

  /** Returns the summary of the parts added so far. */
  summary() {
    const { samples, missing, seconds, threads, build, statuses, sampling } = this;
    const meanLoss = this.mean("meanLoss");
    const meanTargetEntropy = this.hasFloor ? this.mean("meanTargetEntropy") : null;
    return {
      samples,
      missing,
      meanInitialLoss: this.mean("meanInitialLoss"),
      meanLoss,
      meanAcceptedSteps: this.mean("meanAcceptedSteps"),
      meanBacktracks: this.mean("meanBacktracks"),
      statuses: { ...statuses },
      seconds,
      samplesPerSecond: samples / seconds,
      backend: "wasm",
      build,
      ...(threads > 0 && { threads }),
      meanPrior: this.hasPrior ? this.mean("meanPrior") : null,
      meanObjective: this.mean("meanObjective"),
      /** Mean lower bound of the loss, which is the targets' entropy, for cross entropy; null for losses bounded by 0. */
      meanTargetEntropy,
      meanExcessLoss: meanTargetEntropy === null ? null : meanLoss - meanTargetEntropy,
      /** Statistics of the effective sample sizes; undefined if no codes were drawn. */
      sampling: sampling && {
        codesPerSample: sampling.count,
        medianEffectiveSampleSize: median(sampling.sizes),
        leastEffectiveSampleSize: sampling.sizes.reduce((least, size) => Math.min(least, size)),
        lowEffectiveSampleSizes: sampling.sizes.filter((size) => size < LOW_SAMPLE_SIZE).length,
      },
    };
  }
}

/** Returns the median; for an even number of values, the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Summary of a run over all its parts: means, statuses, time. */
export type RunSummary = ReturnType<RunSummariser["summary"]>;

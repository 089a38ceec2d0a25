import type { Status } from "../../index.ts";
import type { Part } from "./part.ts";

/** What a mean is made of: the values that are finite. */
class FiniteMean {
  private sum = 0;
  private count = 0;

  add(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      this.sum += value;
      this.count++;
    }
  }

  /** NaN where there is none. */
  get value(): number {
    return this.sum / this.count;
  }
}

/** The figures of a run, of which the parts come one after the other: what `summary` says of a result. */
export class PartFigures {
  private samples = 0;
  private seconds = 0;
  private threads = 0;
  private kernels = "none";
  private hasPrior = false;
  private readonly statuses: Partial<Record<Status, number>> = {};
  private readonly means = {
    initialLoss: new FiniteMean(),
    loss: new FiniteMean(),
    acceptedSteps: new FiniteMean(),
    backtracks: new FiniteMean(),
    prior: new FiniteMean(),
    objective: new FiniteMean(),
  };
  private leastLoss: { sum: number; count: number } | undefined;

  add({ results, count, seconds, threads, kernels, leastLoss }: Part): void {
    const { means } = this;
    means.initialLoss.add(results.initialLoss);
    means.loss.add(results.loss);
    means.acceptedSteps.add(results.stats.acceptedSteps);
    means.backtracks.add(results.stats.backtracks);
    means.objective.add(results.objective);
    if (results.prior) means.prior.add(results.prior);
    this.hasPrior ||= results.prior !== undefined;
    for (const status of results.status) this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    this.samples += count;
    this.seconds += seconds;
    this.threads = Math.max(this.threads, threads);
    this.kernels = kernels;
    if (leastLoss) {
      this.leastLoss = {
        sum: (this.leastLoss?.sum ?? 0) + leastLoss.sum,
        count: (this.leastLoss?.count ?? 0) + leastLoss.count,
      };
    }
  }

  figures() {
    const { samples, seconds, kernels: build, statuses, means, leastLoss } = this;
    const meanLoss = means.loss.value;
    const meanTargetEntropy = leastLoss ? leastLoss.sum / leastLoss.count : null;
    return {
      samples,
      meanInitialLoss: means.initialLoss.value,
      meanLoss,
      meanAcceptedSteps: means.acceptedSteps.value,
      meanBacktracks: means.backtracks.value,
      statuses: { ...statuses },
      seconds,
      samplesPerSecond: samples / seconds,
      ...{ backend: "wasm", build },
      ...(this.threads > 0 && { threads: this.threads }),
      meanPrior: this.hasPrior ? means.prior.value : null,
      meanObjective: means.objective.value,
      /** The least that the mean loss can come to, for cross entropy. */
      meanTargetEntropy,
      meanExcessLoss: meanTargetEntropy === null ? null : meanLoss - meanTargetEntropy,
    };
  }
}

export type Figures = ReturnType<PartFigures["figures"]>;

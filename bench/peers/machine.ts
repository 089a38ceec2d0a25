import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** What the figures were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** The mean number of processes that wanted a core in the last minute, before the run began. */
  readonly load: number;
  /** ISO 8601. */
  readonly date: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]!.model.trim(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}, ${arch()}`,
    node: process.version,
    load: Number(loadavg()[0]!.toFixed(1)),
    date: new Date().toISOString().slice(0, 10),
  };
}

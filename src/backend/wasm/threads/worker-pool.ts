import { kept } from "../../../base/kept.ts";
import { messageOf } from "../../../base/realms.ts";
import { escapeText } from "../../../base/show.ts";
import type { Control } from "../../../solver/base.ts";
import { onCloseWorkers } from "../close-workers.ts";
import { alive, PoolWorker } from "./pool-worker.ts";
import { LONGEST_REASON, startAdvice, type WorkerSource } from "./thread.ts";
import { findWorkerFile } from "./worker-file.ts";

/** Milliseconds without calls after which a pool's workers are ended. */
const LONGEST_IDLE = 30_000;
/** Milliseconds after which an abort is noticed while workers start. */
const ABORT_INTERVAL = 10;
/** Minimum time between two attempts to start workers if the first has failed, in milliseconds. */
const SHORTEST_WAIT = 1000;
/** Time between two attempts to start workers, as a multiple of the time that the failed one took. */
const WAIT_PER_TRY = 10;

/** Workers of one worker script, started on demand and used by all calls; they end after LONGEST_IDLE milliseconds without one. */
export class WorkerPool {
  /** Reason why the last attempt to start workers has failed; undefined if none has failed since one succeeded. */
  failure: string | undefined;
  /** Workers that have not been told to end. */
  private workers: PoolWorker[] = [];
  private retryAt = Number.NEGATIVE_INFINITY;
  private idleTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param source script of the workers, or function that starts one; of functions with the same text, the one given last */
  constructor(public source: WorkerSource | undefined) {}

  /**
   * Returns ready workers for a call, those with the fewest other calls: at most `count`. They must be given back by `release`.
   *
   * @param starts true to start missing workers
   * @param aborted true to wait no longer for workers that start. Default: those that start are not waited for
   */
  async take(count: number, starts: boolean, aborted?: Control["aborted"]): Promise<readonly PoolWorker[]> {
    if (starts) this.start(count);
    const rank = ({ isReady, users }: PoolWorker) => (isReady ? users : Number.POSITIVE_INFINITY);
    const taken = [...this.workers]
      .sort((a, b) => (rank(a) < rank(b) ? -1 : Number(rank(a) > rank(b))))
      .slice(0, count);
    this.use(taken, 1);
    let isSettled = !starts || !aborted || taken.every(({ isReady }) => isReady);
    const settled = Promise.allSettled(taken.map(({ ready }) => ready)).then(() => {
      isSettled = true;
    });
    while (!isSettled && !aborted!()) {
      await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, ABORT_INTERVAL))]);
    }
    const ready = aborted?.() ? [] : taken.filter(({ isReady }) => isReady);
    this.use(
      taken.filter((worker) => !ready.includes(worker)),
      -1,
    );
    return ready;
  }

  /** Gives back workers that `take` has returned. */
  release(workers: readonly PoolWorker[]): void {
    this.use(workers, -1);
  }

  /** Ends all workers: those that calls use once the calls have ended. */
  close(): void {
    clearTimeout(this.idleTimer);
    for (const worker of this.workers.splice(0)) if (worker.users === 0) worker.end();
  }

  /** Starts workers until there are `count`, unless an attempt has failed a short time ago. */
  private start(count: number): void {
    const since = performance.now();
    if (this.workers.length >= count || since < this.retryAt) return;
    let hasFailed = false;
    const fail = (error: unknown) => {
      hasFailed = true;
      const now = performance.now();
      this.retryAt = now + Math.max(SHORTEST_WAIT, WAIT_PER_TRY * (now - since));
      const reason = escapeText(messageOf(error), LONGEST_REASON);
      this.failure = `workers cannot be started here: ${reason}; ${startAdvice(this.source)}`;
    };
    try {
      this.source ??= findWorkerFile();
      if (this.source === undefined) throw new Error("the worker's file is not known");
      while (this.workers.length < count) {
        const worker = new PoolWorker(this.source, (lost) => this.remove(lost));
        this.workers.push(worker);
        const succeed = () => {
          if (!hasFailed) this.failure = undefined;
        };
        worker.ready.then(succeed, fail);
      }
    } catch (error) {
      fail(error);
    }
  }

  /** Adds to the number of calls that use each of some workers; those that no call uses do not keep the process alive. */
  private use(workers: readonly PoolWorker[], change: 1 | -1): void {
    for (const worker of workers) {
      worker.users += change;
      worker.thread.keepAlive(worker.users > 0);
      if (worker.users === 0 && !this.workers.includes(worker)) worker.end();
    }
    clearTimeout(this.idleTimer);
    if (this.workers.some(({ users }) => users > 0)) return;
    this.idleTimer = setTimeout(() => this.close(), LONGEST_IDLE);
    (this.idleTimer as { unref?(): void }).unref?.();
  }

  private remove(worker: PoolWorker): void {
    this.workers = this.workers.filter((other) => other !== worker);
  }
}

/** Pools by their worker scripts. */
const pools = new Map<unknown, WorkerPool>();

/** Returns the pool of a worker script, or of a function that starts a worker; undefined for the package's own script. */
export function workerPool(source: WorkerSource | undefined): WorkerPool {
  const pool = kept(pools, keyOf(source), () => new WorkerPool(source));
  if (typeof source === "function") pool.source = source;
  return pool;
}

/**
 * Returns the map key of a worker source. Functions are compared by their text, since a function literal is a new object in
 * each call; bound functions, which all have the same text, are compared by identity.
 */
function keyOf(source: WorkerSource | undefined): unknown {
  if (source === undefined) return undefined;
  const text = String(source);
  if (typeof source !== "function") return `file ${text}`;
  return text.includes("[native code]") ? source : `function ${text}`;
}

onCloseWorkers(async () => {
  for (const pool of pools.values()) pool.close();
  await Promise.all([...alive].map(({ ended }) => ended));
});

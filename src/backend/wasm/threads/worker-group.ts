import { messageOf } from "../../../base/realms.ts";
import { escapeText } from "../../../base/show.ts";
import type { CompiledKernels } from "../../../kernels/instance.ts";
import type { Control } from "../../../solver/base.ts";
import { Call } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { type Attempt, FailedStarts } from "./failed-starts.ts";
import type { Job } from "./jobs.ts";
import type { FromWorker, TrainerStep } from "./messages.ts";
import { PoolWorker } from "./participant.ts";
import { LONGEST_REASON, startAdvice, startThread, type WorkerSource } from "./thread.ts";
import { threadCount } from "./thread-count.ts";
import { findWorkerFile } from "./worker-file.ts";

/** Milliseconds within which a started worker must answer; otherwise its script counts as the wrong file. */
const LONGEST_START = 20_000;

/** All workers that have been started and have not ended. */
const alive = new Set<PoolWorker>();
let nextCall = 0;

/** Worker groups, each for one worker script and one build of the kernels, that have workers. */
export const active = new Set<WorkerGroup>();

/**
 * Maximum number of workers of all groups together: one less than there are cores, or than the largest number of threads asked
 * for.
 */
let mostAsked = 0;

/** Resolves when all workers that have been told to end have ended. */
export async function allEnded(): Promise<void> {
  await Promise.all([...alive].map(({ ended }) => ended));
}

/** Options of a job that is divided among workers. */
export interface JobOptions {
  /** Script of the workers, or function that starts one; undefined for the package's own script. */
  readonly worker: WorkerSource | undefined;
  /** Memory limit for a worker's decoders, in bytes. */
  readonly workerMemory: number;
  /** Maximum number of unfinished samples that one thread may hold. */
  readonly most: number;
  /** Maximum number of workers that take part beside this thread. */
  readonly mostWorkers: number;
  /** True to wait until the workers are ready; otherwise this thread starts without them. */
  readonly waits: boolean;
}

/**
 * Outcome of a job: the number of threads that were assigned samples, the reason for fewer than asked for, and messages about
 * workers that failed.
 */
export interface Outcome {
  readonly threads: number;
  readonly reason: string | undefined;
  readonly incidents: readonly string[];
}

/**
 * Workers of one worker script and one build of the kernels: started on demand, and used for all decoders. They keep a
 * process alive only while a call runs, and end after LONGEST_IDLE milliseconds without work.
 */
export class WorkerGroup {
  /**
   * Source of the workers: path or URL of the script, or the function that starts a worker; of functions with the same text,
   * the one given last.
   */
  private source: WorkerSource | undefined;
  /** Memory limit for a worker's decoders, in bytes, from the last call's options. */
  private memory = Number.POSITIVE_INFINITY;
  /** Reason why no worker can ever be started; undefined if one may be. */
  private readonly closed: string | undefined;
  private readonly failedStarts = new FailedStarts();
  /** Reason why the last call got fewer workers than it asked for; undefined if it got all. */
  private shortage: string | undefined;
  /** Workers of the group, each with the attempt that started it. */
  private readonly workers = new Map<PoolWorker, Attempt>();
  private readonly calls = new Map<number, Call>();

  constructor(
    private readonly compiled: CompiledKernels,
    source: WorkerSource | undefined,
  ) {
    this.source = source ?? findWorkerFile();
    if (this.source === undefined) this.closed = this.describe("the worker's file is not known");
  }

  /** Reason why there are no workers, or too few; undefined if nothing failed. */
  get failure(): string | undefined {
    return this.closed ?? this.failedStarts.reason ?? this.shortage;
  }

  /** Number of workers, ready or starting, without those that end as soon as they are idle. */
  get size(): number {
    return this.staying().length;
  }

  /** True if the group has workers, or calls that use it. */
  get isInUse(): boolean {
    return this.workers.size + this.calls.size > 0;
  }

  /** Returns true if a worker that stays holds the decoder. */
  holds(handle: DecoderHandle): boolean {
    return this.staying().some(({ decoders }) => decoders.has(handle));
  }

  /** Starts workers until there are `count`, as far as possible. A failed start is retried in a later call, after a back-off. */
  start(count: number): void {
    mostAsked = Math.max(mostAsked, count, threadCount("auto") - 1);
    this.shortage = undefined;
    if (this.closed !== undefined) return;
    const attempt = this.failedStarts.begin();
    if (!attempt) return;
    while (this.size < count) {
      if (!this.makeRoom()) {
        this.shortage = `all ${mostAsked} workers that there may be are at work on other calls`;
        return;
      }
      if (!this.startOne(attempt)) return;
    }
  }

  /**
   * Does a job on this thread and on workers, and starts missing workers.
   *
   * @param first work to do before the job, for instance another job on the same workers; returns messages about workers that
   *   failed in it. The workers stay for both
   */
  async run(
    job: Job,
    { worker: source, workerMemory, most, mostWorkers, waits }: JobOptions,
    control: Control,
    first: () => Promise<readonly string[]> = async () => [],
  ): Promise<Outcome> {
    const call = new Call(nextCall++, job, most, mostWorkers, waits);
    this.calls.set(call.number, call);
    if (this.calls.size === 1) this.keepAlive(true);
    try {
      if (typeof source === "function") this.source = source;
      this.memory = workerMemory;
      call.join(...this.bestFor(job));
      this.start(mostWorkers);
      const before = await first();
      await call.run(control);
      return {
        threads: call.threads,
        reason: call.declined ?? this.failure,
        incidents: [...before, ...call.incidents],
      };
    } finally {
      call.close();
      this.calls.delete(call.number);
      for (const worker of [...this.workers.keys()]) {
        worker.release(call.number);
        worker.endWhenIdle();
      }
      if (this.calls.size === 0) this.keepAlive(false);
    }
  }

  /**
   * Sends a step of a decoder's training to the workers that have taken all earlier steps; ends a worker that the step cannot
   * be sent to.
   */
  postStep(handle: DecoderHandle, makeStep: () => TrainerStep): void {
    for (const worker of [...this.workers.keys()]) {
      try {
        worker.decoders.step(handle, makeStep);
      } catch (error) {
        worker.end(messageOf(error));
      }
    }
  }

  /** Makes every worker drop the decoder with this number. */
  forget(decoder: number): void {
    for (const worker of this.workers.keys()) worker.decoders.forget(decoder);
  }

  /** Ends all workers; busy ones when they have finished. */
  close(): void {
    for (const worker of [...this.workers.keys()]) {
      worker.isLeaving = true;
      worker.endWhenIdle();
    }
  }

  /**
   * Makes room in the pool for one more worker by ending an idle worker of another group, if there is no room yet; returns true
   * if there is room.
   */
  private makeRoom(): boolean {
    const all = [...active];
    const count = all.reduce((sum, { workers }) => sum + workers.size, 0);
    return count < mostAsked || all.some((group) => group !== this && group.endOneIdle());
  }

  /** Ends an idle worker; returns true if there was one. */
  private endOneIdle(): boolean {
    const idle = this.staying().find((worker) => worker.isReady && worker.isIdle);
    if (idle) this.endIdle(idle);
    return idle !== undefined;
  }

  private staying(): PoolWorker[] {
    return [...this.workers.keys()].filter(({ isLeaving }) => !isLeaving);
  }

  /**
   * Returns the workers in order of preference for a call: ready ones first, then those that hold the decoder, then those with
   * the fewest calls.
   */
  private bestFor({ handle }: Job): PoolWorker[] {
    const rank = (worker: PoolWorker) => [!worker.isReady, !worker.decoders.has(handle), worker.callCount];
    return this.staying().sort((a, b) => {
      const [ranksOfA, ranksOfB] = [rank(a).map(Number), rank(b).map(Number)];
      const first = ranksOfA.findIndex((value, i) => value !== ranksOfB[i]);
      return first < 0 ? 0 : ranksOfA[first]! - ranksOfB[first]!;
    });
  }

  /** Sets whether the group's workers keep the process alive: they do while there are calls. */
  private keepAlive(yes: boolean): void {
    for (const { thread } of this.workers.keys()) thread.keepAlive(yes);
  }

  /** Starts a worker as part of an attempt; returns false if that fails at once. */
  private startOne(attempt: Attempt): boolean {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const worker: PoolWorker = new PoolWorker({
      memory: () => this.memory,
      isAtWork: () => [...this.calls.values()].some((call) => call.has(worker)),
      endIdle: () => this.endIdle(worker),
      end: (reason) => this.end(worker, reason),
    });
    try {
      worker.thread = startThread(this.source!, {
        // An error thrown here would be uncaught. Errors of a call reject that call; any other means that the worker does not
        // speak this package's protocol.
        message: (message) => {
          try {
            this.receive(worker, message);
          } catch (error) {
            this.end(worker, messageOf(error));
          }
        },
        end: (reason) => {
          clearTimeout(timer);
          this.lose(worker, reason);
          worker.markEnded();
        },
      });
    } catch (error) {
      this.fail(attempt, messageOf(error));
      return false;
    }
    this.workers.set(worker, attempt);
    active.add(this);
    alive.add(worker);
    worker.ended.then(() => alive.delete(worker));
    try {
      worker.post({ type: "start", compiled: this.compiled });
    } catch (error) {
      this.end(worker, messageOf(error));
      return false;
    }
    if (this.calls.size > 0) worker.thread.keepAlive(true);
    timer = setTimeout(() => {
      if (worker.isReady) return;
      const name = typeof this.source === "function" ? "the worker" : this.source;
      this.end(worker, `${name} does not answer; it has to run the file of the export latentflow/worker`);
    }, LONGEST_START);
    (timer as { unref?(): void }).unref?.();
    for (const call of this.calls.values()) call.join(worker);
    return true;
  }

  private receive(worker: PoolWorker, message: FromWorker): void {
    if (!this.workers.has(worker)) {
      // Its first message, if it was removed while it started.
      worker.terminate();
    } else if (message.type === "ready") {
      worker.isReady = true;
      this.failedStarts.succeed(this.workers.get(worker)!);
      for (const call of this.calls.values()) call.begin(worker);
      worker.endWhenIdle();
    } else if (message.type === "memory") {
      worker.decoders.setMemory(message.decoder, message.bytes);
    } else if (message.call === undefined) {
      const reason = message.type === "failed" ? messageOf(message) : "it is not the worker of this package";
      this.end(worker, reason);
    } else {
      if (message.type === "declined") worker.declined(message.call);
      this.calls.get(message.call)?.receive(worker, message);
    }
  }

  private fail(attempt: Attempt, reason: string): void {
    this.failedStarts.fail(attempt, this.describe(reason));
  }

  /** Ends a worker after a failure. */
  private end(worker: PoolWorker, reason: string): void {
    this.lose(worker, reason);
    worker.terminate();
  }

  /**
   * Removes an idle worker from the group, and terminates it: one that is starting once it is ready, since Node 20 leaks the
   * descriptor of a script that a terminated worker was opening.
   */
  private endIdle(worker: PoolWorker): void {
    this.removeWorker(worker);
    if (worker.isReady) worker.terminate();
    else worker.thread.keepAlive(true);
  }

  /**
   * Handles the end of a worker. A worker that never became ready counts as a failed start, unless it was to end; a worker
   * that was ready is replaced if a call needs it.
   */
  private lose(worker: PoolWorker, reason: string): void {
    const attempt = this.workers.get(worker);
    if (!attempt) return;
    const { size } = this;
    const isMissed = worker.isReady && [...this.calls.values()].some((call) => call.has(worker));
    if (!worker.isReady && !worker.isLeaving) this.fail(attempt, reason);
    this.removeWorker(worker, reason);
    if (isMissed) this.start(size);
  }

  /**
   * Removes a worker from the group and from its calls.
   *
   * @param death reason why it died; undefined if it is ended on purpose
   */
  private removeWorker(worker: PoolWorker, death?: string): void {
    if (!this.workers.delete(worker)) return;
    for (const call of this.calls.values()) call.leave(worker, death);
    if (this.workers.size === 0) active.delete(this);
  }

  private describe(reason: string): string {
    return `workers cannot be started here: ${escapeText(reason, LONGEST_REASON)}; ${startAdvice(this.source)}`;
  }
}

import { messageOf } from "../../../brand.ts";
import { escapeText } from "../../../check.ts";
import type { Control } from "../../../solver/base.ts";
import type { CompiledKernels } from "../instance.ts";
import { Call } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { threadCount } from "./estimate.ts";
import type { Job } from "./jobs.ts";
import type { FromWorker, TrainerStep } from "./messages.ts";
import { PoolWorker } from "./pool-worker.ts";
import { startAdvice, startThread, type WorkerSource } from "./thread.ts";
import { findWorkerFile } from "./worker-file.ts";

/** A worker's file that has not answered after this long, in milliseconds, is not ours. */
const LONGEST_START = 20_000;

/**
 * After a start that failed calls do without for a while, in milliseconds: ten times as long as it took, and at least a
 * second; twice as long after each further one, up to ten minutes. So trying again costs a tenth of the time at most.
 */
const SHORTEST_WAIT = 1000;
const LONGEST_WAIT = 600_000;
const WAIT_PER_TRY = 10;

/** So much of a worker's error is told. */
const LONGEST_REASON = 300;

/** A start of some workers together. */
interface Attempt {
  readonly since: number;
}

/** An attempt of which a worker has failed. */
interface FailedStart {
  readonly attempt: Attempt;
  readonly reason: string;
  /** How many attempts in a row have failed. */
  readonly times: number;
  /** From then on a call tries again. */
  readonly retryAt: number;
}

/*
 * The one pool of this copy of the library: all its workers, in groups of one file and one build of the kernels. There
 * are no more of them than cores, or than the largest number of threads that was asked for, less the thread that calls.
 * They keep a process alive only while a call is at work, and end when they have had nothing to do for a while.
 */
const groups = new WeakMap<WebAssembly.Module, Map<string, WorkerGroup>>();
/** Those that have workers. */
const active = new Set<WorkerGroup>();
let mostWorkersAsked = 0;
let callCount = 0;

/** The workers of a file and a build. */
export function workerGroup(compiled: CompiledKernels, source: WorkerSource | undefined): WorkerGroup {
  let bySource = groups.get(compiled.module);
  if (!bySource) {
    bySource = new Map();
    groups.set(compiled.module, bySource);
  }
  // Functions by their text: one that is written where it is given is a new one for each call.
  const key = String(source ?? "");
  let group = bySource.get(key);
  if (!group) {
    const others = bySource;
    group = new WorkerGroup(compiled, source, () => void others.delete(key));
    bySource.set(key, group);
  }
  if (typeof source === "function") group.source = source;
  return group;
}

/** Has all workers forget a decoder. */
export function forgetDecoder(decoder: number): void {
  for (const group of active) group.forget(decoder);
}

/**
 * Ends the workers that calls on several threads have started; resolves when they have ended. One that is at work goes
 * on until its calls have settled. It is never needed: workers end by themselves when they have had nothing to do for
 * half a minute, and keep no process of Node alive. Calls that come later start new ones.
 *
 * @example
 * const { z } = await encode(decoder, y, { backend: wasm({ threads: 4 }) });
 * await closeWorkers();
 */
export async function closeWorkers(): Promise<void> {
  await Promise.all([...active].map((group) => group.close()));
}

/** Is there room for one more worker, at the cost of one that another group has no work for? */
function makeRoom(asking: WorkerGroup): boolean {
  const others = [...active].filter((group) => group !== asking);
  const count = others.reduce((sum, group) => sum + group.size, asking.size);
  return count < mostWorkersAsked || others.some((group) => group.giveUpOne());
}

/** The workers of one file and one build: started when they are first asked for, at work for whatever decoder. */
export class WorkerGroup {
  /** Of functions with the same text the one that was given last. */
  source: WorkerSource | undefined;
  /** How much memory the decoders of a worker may take, in bytes, as the last call has it. */
  memory = Number.POSITIVE_INFINITY;
  /** Why it does without workers for good. */
  private readonly closed: string | undefined;
  private failed: FailedStart | undefined;
  /** Why fewer workers were started than were asked for, the last time. */
  private shortage: string | undefined;
  /** Each with the attempt that started it. */
  private readonly workers = new Map<PoolWorker, Attempt>();
  private readonly calls = new Map<number, Call>();
  /** What needs the workers now: calls, and those who wait for their start. */
  private users = 0;
  /** Called when a worker is ready or lost. */
  private readonly waiting: (() => void)[] = [];

  /** @param remove called when it holds nothing that the next call would miss */
  constructor(
    private readonly compiled: CompiledKernels,
    source: WorkerSource | undefined,
    private readonly remove: () => void,
  ) {
    this.source = source ?? findWorkerFile();
    if (this.source === undefined) this.closed = this.describe("the worker's file is not known");
  }

  /** Why there are no workers, or too few; undefined where nothing is wrong. */
  get failure(): string | undefined {
    return this.closed ?? this.failed?.reason ?? this.shortage;
  }

  /** How many workers are there to stay, ready or being started. */
  get size(): number {
    return this.staying().length;
  }

  holds(handle: DecoderHandle): boolean {
    return this.staying().some((worker) => worker.holds(handle));
  }

  /** Has `count` workers started, unless they are there or cannot be. A start that failed is tried again later. */
  start(count: number): void {
    mostWorkersAsked = Math.max(mostWorkersAsked, count, threadCount("auto") - 1);
    this.shortage = undefined;
    if (this.closed !== undefined) return;
    if (this.failed && performance.now() < this.failed.retryAt) return;
    const attempt = { since: performance.now() };
    while (this.size < count) {
      if (!makeRoom(this)) {
        this.shortage = `${mostWorkersAsked} workers with another file or build are at work, no more are started`;
        return;
      }
      if (!this.startOne(attempt)) return;
    }
  }

  /** Resolves when no worker is being started. */
  async started(): Promise<void> {
    await this.use(async () => {
      while ([...this.workers.keys()].some(({ isReady }) => !isReady)) {
        await new Promise<void>((resolve) => void this.waiting.push(resolve));
      }
    });
  }

  /**
   * Does a job on this thread and on workers.
   *
   * @param most samples that one thread holds
   * @param mostWorkers that take part
   * @returns how many threads took part, and why not more
   */
  run(
    job: Job,
    { most, mostWorkers }: { readonly most: number; readonly mostWorkers: number },
    control: Control,
  ): Promise<{ readonly threads: number; readonly reason: string | undefined }> {
    return this.use(async () => {
      const call = new Call(callCount++, job, most, mostWorkers);
      this.calls.set(call.number, call);
      try {
        call.join(...this.bestFor(job));
        await call.run(control);
        return { threads: call.threads, reason: call.declined ?? this.failure };
      } finally {
        call.close();
        this.calls.delete(call.number);
        for (const worker of [...this.workers.keys()]) {
          worker.release(call.number);
          worker.rest();
        }
      }
    });
  }

  /** Has the workers that have taken all steps of a decoder's training so far take one more. */
  tell(handle: DecoderHandle, makeStep: () => TrainerStep): void {
    for (const worker of [...this.workers.keys()]) {
      try {
        worker.follow(handle, makeStep);
      } catch (error) {
        worker.end(messageOf(error));
      }
    }
    handle.training!.steps++;
  }

  forget(decoder: number): void {
    for (const worker of this.workers.keys()) worker.forget(decoder);
  }

  /** Ends all workers; those that are at work when they are done. */
  async close(): Promise<void> {
    const workers = [...this.workers.keys()];
    for (const worker of workers) {
      worker.isLeaving = true;
      worker.rest();
    }
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** Ends a worker that has nothing to do, if there is one. */
  giveUpOne(): boolean {
    const idle = this.staying().find((worker) => worker.isReady && worker.isIdle);
    if (idle) this.retire(idle);
    return idle !== undefined;
  }

  private staying(): PoolWorker[] {
    return [...this.workers.keys()].filter(({ isLeaving }) => !isLeaving);
  }

  /** First those that are ready, then those that hold the decoder, then those that have the least to do. */
  private bestFor({ handle }: Job): PoolWorker[] {
    const rank = (worker: PoolWorker) =>
      (worker.isReady ? 0 : 1e6) + (worker.holds(handle) ? 0 : 1e3) + worker.callCount;
    return this.staying().sort((a, b) => rank(a) - rank(b));
  }

  private async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.users++ === 0) for (const { thread } of this.workers.keys()) thread.keepAlive(true);
    try {
      return await work();
    } finally {
      if (--this.users === 0) for (const { thread } of this.workers.keys()) thread.keepAlive(false);
      this.settle();
    }
  }

  /** Starts a worker; returns false where that has failed already. */
  private startOne(attempt: Attempt): boolean {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const worker: PoolWorker = new PoolWorker({
      memory: () => this.memory,
      retire: () => this.retire(worker),
      end: (reason) => this.end(worker, reason),
    });
    try {
      worker.thread = startThread(this.source!, {
        // Nobody would catch what is thrown here. What goes wrong in a call rejects that; what is left is a worker
        // that does not speak as ours do.
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
          worker.hasEnded();
        },
      });
    } catch (error) {
      this.fail(attempt, messageOf(error));
      return false;
    }
    this.workers.set(worker, attempt);
    active.add(this);
    try {
      worker.post({ type: "start", compiled: this.compiled });
    } catch (error) {
      this.end(worker, messageOf(error));
      return false;
    }
    if (this.users > 0) worker.thread.keepAlive(true);
    timer = setTimeout(() => {
      if (worker.isReady) return;
      const name = typeof this.source === "function" ? "the worker" : this.source;
      this.end(worker, `${name} does not answer; it has to run the file of the export latentflow/worker`);
    }, LONGEST_START);
    (timer as { unref?(): void }).unref?.();
    for (const call of this.calls.values()) call.join(worker);
    return true;
  }

  private announce(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private receive(worker: PoolWorker, message: FromWorker): void {
    if (message.type === "ready") {
      worker.isReady = true;
      if (this.failed?.attempt !== this.workers.get(worker)) this.failed = undefined;
      for (const call of this.calls.values()) call.begin(worker);
      worker.rest();
      this.announce();
    } else if (message.type === "memory") {
      worker.setMemory(message.decoder, message.bytes);
    } else if (message.call === undefined) {
      const reason = message.type === "failed" ? messageOf(message) : "it is not the worker of this package";
      this.end(worker, reason);
    } else {
      if (message.type === "declined") worker.declined(message.call);
      this.calls.get(message.call)?.receive(worker, message);
    }
  }

  /** A worker could not be started; of an attempt the first one counts. */
  private fail(attempt: Attempt, reason: string): void {
    if (this.failed?.attempt === attempt) return;
    const now = performance.now();
    const times = (this.failed?.times ?? 0) + 1;
    const wait = Math.max(SHORTEST_WAIT, WAIT_PER_TRY * (now - attempt.since)) * 2 ** (times - 1);
    this.failed = {
      ...{ attempt, times, retryAt: now + Math.min(wait, LONGEST_WAIT) },
      reason: this.describe(reason),
    };
  }

  /** Ends a worker that is of no use. */
  private end(worker: PoolWorker, reason: string): void {
    this.lose(worker, reason);
    worker.terminate();
  }

  /** Ends a worker that has nothing to do. */
  private retire(worker: PoolWorker): void {
    this.take(worker);
    worker.terminate();
  }

  /** A worker has ended. One that was never ready tells that none can be started; another is replaced if needed. */
  private lose(worker: PoolWorker, reason: string): void {
    const attempt = this.workers.get(worker);
    if (!attempt) return;
    const { size } = this;
    if (!worker.isReady && !worker.isLeaving) this.fail(attempt, reason);
    this.take(worker, reason);
    if (worker.isReady && this.calls.size > 0) this.start(size);
  }

  /** Takes a worker out. */
  private take(worker: PoolWorker, death?: string): void {
    if (!this.workers.delete(worker)) return;
    worker.stopResting();
    for (const call of this.calls.values()) call.leave(worker, death);
    this.announce();
    this.settle();
  }

  private settle(): void {
    if (this.workers.size > 0) return;
    active.delete(this);
    if (this.users === 0 && !this.failed) this.remove();
  }

  private describe(reason: string): string {
    return `workers cannot be started here: ${escapeText(reason, LONGEST_REASON)}; ${startAdvice(this.source)}`;
  }
}

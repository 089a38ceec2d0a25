import { messageOf } from "../../../brand.ts";
import { escapeText } from "../../../check.ts";
import { type Decoder, descriptionOf, onDispose } from "../../../decoder/decoder.ts";
import type { Control } from "../../../solver/base.ts";
import type { CompiledKernels } from "../instance.ts";
import type { PackedDecoder } from "../packed.ts";
import type { FromWorker, ToWorker, TrainerStep } from "./messages.ts";
import { type CallWorker, SharedCall } from "./shared-call.ts";
import type { SharedWork } from "./shared-work.ts";
import { startAdvice, startThread, type Thread, type WorkerSource } from "./thread.ts";
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

/** A worker of the pool. */
interface PoolWorker extends CallWorker {
  isReady: boolean;
  thread: Thread;
  readonly attempt: Attempt;
}

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

/**
 * The workers of one decoder: started when they are first asked for, kept for the calls to come, ended with the
 * decoder. They keep a process alive only while a call is at work.
 *
 * It does not hold the decoder, which may be collected and then ends it.
 */
export class Pool {
  /** Why it does without workers for good. */
  private closed: string | undefined;
  private failed: FailedStart | undefined;
  /** How long all its calls so far would have taken on one thread, about, in milliseconds. */
  timeAsked = 0;
  private readonly workers = new Set<PoolWorker>();
  private readonly calls = new Map<number, SharedCall>();
  private readonly startMessage: ToWorker;
  /** Of functions with the same text the one that was given last. */
  source: WorkerSource | undefined;
  private followed: (() => readonly TrainerStep[]) | undefined;
  private callCount = 0;
  /** What needs the workers now: calls, and those who wait for their start. */
  private users = 0;
  private disposed = false;
  /** Called when a worker is ready or lost. */
  private readonly waiting: (() => void)[] = [];

  constructor(decoder: Decoder, compiled: CompiledKernels, source: WorkerSource | undefined) {
    const { parameters } = decoder;
    this.startMessage = { type: "start", compiled, decoder: descriptionOf(decoder), parameters };
    this.source = source ?? findWorkerFile();
    if (this.source === undefined) this.closed = this.describe("the worker's file is not known");
  }

  /** Why there are no workers, or too few; undefined where nothing is wrong. */
  get failure(): string | undefined {
    return this.closed ?? this.failed?.reason;
  }

  /** Has `count` workers started, unless they are there or cannot be. A start that failed is tried again later. */
  start(count: number): void {
    if (this.closed !== undefined || this.disposed) return;
    if (this.failed && performance.now() < this.failed.retryAt) return;
    const attempt = { since: performance.now() };
    while (this.workers.size < count) {
      const steps = this.followed?.() ?? [];
      // In the middle of an update there are no steps to catch up by: the next call starts it.
      if (this.followed && steps.length === 0) return;
      if (!this.startOne(attempt, steps)) return;
    }
  }

  /**
   * From now on the workers' weights follow those of a trainer, who tells each of its steps.
   *
   * @param catchUp the steps that bring a new worker to where the trainer is; none where that is not possible now
   */
  follow(catchUp: () => readonly TrainerStep[]): void {
    this.followed = catchUp;
    for (const step of catchUp()) this.tell(step);
  }

  /** Has all workers take a step of the trainer's. */
  tell(step: TrainerStep): void {
    for (const worker of this.workers) {
      try {
        worker.post({ type: "train", step });
      } catch (error) {
        worker.end(messageOf(error));
      }
    }
  }

  /** Does without workers from now on. */
  close(reason: string): void {
    this.closed ??= reason;
    for (const worker of this.workers) this.end(worker, reason);
  }

  /** Resolves when no worker is being started. */
  async started(): Promise<void> {
    await this.use(async () => {
      while ([...this.workers].some(({ isReady }) => !isReady)) {
        await new Promise<void>((resolve) => void this.waiting.push(resolve));
      }
    });
  }

  /** How many workers are there, ready or being started. */
  get size(): number {
    return this.workers.size;
  }

  /**
   * Shares work among this thread and workers.
   *
   * @param most samples that one thread holds
   * @param mostWorkers that take part
   * @returns how many threads took part
   */
  share(
    work: SharedWork,
    { most, mostWorkers }: { readonly most: number; readonly mostWorkers: number },
    control: Control,
  ): Promise<number> {
    return this.use(async () => {
      const number = this.callCount++;
      const call = new SharedCall(number, work, most, mostWorkers);
      this.calls.set(number, call);
      try {
        for (const worker of this.workers) call.join(worker);
        await call.run(control);
        return call.threads;
      } finally {
        call.close();
        this.calls.delete(number);
      }
    });
  }

  /** Ends the workers, when the calls at work are done. */
  dispose(): void {
    this.disposed = true;
    if (this.users > 0) return;
    for (const worker of this.workers) this.end(worker, "the decoder has been disposed");
  }

  private async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.users++ === 0) for (const { thread } of this.workers) thread.keepAlive(true);
    try {
      return await work();
    } finally {
      if (--this.users === 0) for (const { thread } of this.workers) thread.keepAlive(false);
      if (this.disposed) this.dispose();
    }
  }

  /** Starts a worker; returns false where that has failed already. */
  private startOne(attempt: Attempt, steps: readonly TrainerStep[]): boolean {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const events = {
      // Nobody would catch what is thrown here. What goes wrong in a call rejects that; what is left is a worker that
      // does not speak as ours do.
      message: (message: FromWorker) => {
        try {
          this.receive(worker, message);
        } catch (error) {
          this.end(worker, messageOf(error));
        }
      },
      end: (reason: string) => {
        clearTimeout(timer);
        this.lose(worker, reason);
      },
    };
    const worker: PoolWorker = {
      isReady: false,
      attempt,
      thread: undefined as never,
      post: (message) => worker.thread.post(message),
      end: (reason) => this.end(worker, reason),
    };
    try {
      worker.thread = startThread(this.source!, events);
    } catch (error) {
      this.fail(attempt, messageOf(error));
      return false;
    }
    this.workers.add(worker);
    try {
      worker.post(this.startMessage);
      for (const step of steps) worker.post({ type: "train", step });
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
      if (this.failed?.attempt !== worker.attempt) this.failed = undefined;
      for (const call of this.calls.values()) call.begin(worker);
      this.announce();
    } else if (message.call === undefined) {
      this.end(
        worker,
        message.type === "failed" ? messageOf(message) : "it is not the worker of this package",
      );
    } else {
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

  private end(worker: PoolWorker, reason: string): void {
    this.lose(worker, reason);
    worker.thread.terminate();
  }

  /** A worker has ended. One that was never ready tells that none can be started; another is replaced if needed. */
  private lose(worker: PoolWorker, reason: string): void {
    if (!this.workers.delete(worker)) return;
    const size = this.workers.size + 1;
    if (!worker.isReady && !this.disposed && this.closed === undefined) this.fail(worker.attempt, reason);
    for (const call of this.calls.values()) call.leave(worker, reason);
    if (worker.isReady && this.calls.size > 0) this.start(size);
    this.announce();
  }

  private describe(reason: string): string {
    return `workers cannot be started here: ${escapeText(reason, LONGEST_REASON)}; ${startAdvice(this.source)}`;
  }
}

/** So much of a worker's error is told. */
const LONGEST_REASON = 300;

const pools = new WeakMap<PackedDecoder, Map<string, Pool>>();
/** For decoders that are dropped and never disposed: their threads would stay for good. */
const dropped = new FinalizationRegistry<Pool>((pool) => pool.dispose());

/** The pool of a packed decoder, made on its first use and kept with it. */
export function poolOf(
  packed: PackedDecoder,
  compiled: CompiledKernels,
  source: WorkerSource | undefined,
): Pool {
  let bySource = pools.get(packed);
  if (!bySource) {
    bySource = new Map();
    pools.set(packed, bySource);
  }
  // Functions by their text: one that is written where it is given is a new one for each call.
  const key = String(source ?? "");
  let pool = bySource.get(key);
  if (!pool) {
    pool = new Pool(packed.decoder, compiled, source);
    bySource.set(key, pool);
    const made = pool;
    dropped.register(packed.decoder, made);
    onDispose(packed.decoder, () => made.dispose());
  }
  if (typeof source === "function") pool.source = source;
  return pool;
}

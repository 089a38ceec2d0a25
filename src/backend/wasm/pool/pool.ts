import { type Decoder, type DecoderDescription, onDispose } from "../../../decoder/decoder.ts";
import type { Control } from "../../../solver/base.ts";
import type { CompiledKernels } from "../load.ts";
import type { PackedDecoder } from "../packed.ts";
import type { FromWorker, ToWorker, TrainerStep } from "./messages.ts";
import { type CallWorker, SharedCall } from "./shared-call.ts";
import type { SharedWork } from "./shared-work.ts";
import { startAdvice, startThread, type Thread, type WorkerSource } from "./thread.ts";
import { findWorkerFile } from "./worker-file.ts";

/** A worker's file that has not answered after this long, in milliseconds, is not ours. */
const LONGEST_START = 20_000;

/** A worker of the pool. */
interface PoolWorker extends CallWorker {
  isReady: boolean;
  thread: Thread;
}

/**
 * The workers of one decoder: started when they are first asked for, kept for the calls to come, ended with the
 * decoder. They keep a process alive only while a call is at work.
 *
 * It does not hold the decoder, which may be collected and then ends it.
 */
export class Pool {
  /** Why workers cannot be started here; undefined as long as they can. */
  failure: string | undefined;
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
    const { outputShape, loss, parameters } = decoder;
    const layers = decoder.layers.map(({ name, inputSize, outputSize, activation }) => {
      return { name, inputSize, outputSize, activation };
    });
    const description: DecoderDescription = { layers, outputShape, loss };
    this.startMessage = { type: "start", compiled, decoder: description, parameters };
    this.source = source ?? findWorkerFile();
    if (this.source === undefined) this.failure = this.describe("the worker's file is not known");
  }

  /** Has `count` workers started, unless they are there or cannot be. */
  start(count: number): void {
    while (this.workers.size < count && this.failure === undefined && !this.disposed) {
      const steps = this.followed?.() ?? [];
      // Now is no time to follow: with the next call.
      if (this.followed && steps.length === 0) return;
      this.startOne(steps);
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
    for (const worker of this.workers) worker.post({ type: "train", step });
  }

  /** Does without workers from now on. */
  close(reason: string): void {
    this.failure ??= reason;
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

  private startOne(steps: readonly TrainerStep[]): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const events = {
      message: (message: FromWorker) => this.receive(worker, message),
      end: (reason: string) => {
        clearTimeout(timer);
        this.lose(worker, reason);
      },
    };
    const worker: PoolWorker = {
      isReady: false,
      thread: undefined as never,
      post: (message) => worker.thread.post(message),
    };
    try {
      worker.thread = startThread(this.source!, events);
    } catch (error) {
      this.failure = this.describe(String(error instanceof Error ? error.message : error));
      return;
    }
    this.workers.add(worker);
    worker.post(this.startMessage);
    for (const step of steps) worker.post({ type: "train", step });
    if (this.users > 0) worker.thread.keepAlive(true);
    timer = setTimeout(() => {
      if (worker.isReady) return;
      const name = typeof this.source === "function" ? "the worker" : this.source;
      this.end(worker, `${name} does not answer; it has to run the file of the export latentflow/worker`);
    }, LONGEST_START);
    (timer as { unref?(): void }).unref?.();
    for (const call of this.calls.values()) call.join(worker);
  }

  private announce(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private receive(worker: PoolWorker, message: FromWorker): void {
    if (message.type === "ready") {
      worker.isReady = true;
      for (const call of this.calls.values()) call.begin(worker);
      this.announce();
    } else if (message.call === undefined) {
      this.end(worker, message.type === "failed" ? message.message : "");
    } else {
      this.calls.get(message.call)?.receive(worker, message);
    }
  }

  private end(worker: PoolWorker, reason: string): void {
    this.lose(worker, reason);
    worker.thread.terminate();
  }

  /** A worker has ended. One that was never ready tells that none can be started; another is replaced if needed. */
  private lose(worker: PoolWorker, reason: string): void {
    if (!this.workers.delete(worker)) return;
    const size = this.workers.size + 1;
    if (!worker.isReady && !this.disposed) this.failure ??= this.describe(reason);
    for (const call of this.calls.values()) call.leave(worker, reason);
    if (worker.isReady && this.calls.size > 0) this.start(size);
    this.announce();
  }

  private describe(reason: string): string {
    return `workers cannot be started here: ${reason}; ${startAdvice(this.source)}`;
  }
}

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

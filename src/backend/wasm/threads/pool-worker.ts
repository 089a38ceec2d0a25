import { LatentflowError } from "../../../base/errors.ts";
import { option } from "../../../base/message.ts";
import { escapeText } from "../../../base/show.ts";
import type { PackedDecoder } from "../packed.ts";
import type { Run } from "../run.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { LONGEST_REASON, startThread, type Thread, type WorkerSource } from "./thread.ts";

/** Milliseconds within which a started worker must answer; otherwise its script counts as the wrong file. */
const LONGEST_START = 20_000;

/** Message that a worker has not answered yet. */
interface Waiting {
  resolve(value: number): void;
  reject(error: unknown): void;
}

/** Main thread's view of a worker: the memories that it holds, and the calls that it has not answered. */
export class PoolWorker {
  /** Number of calls that use the worker. */
  users = 0;
  /** True once the worker has answered for the first time. */
  isReady = false;
  /** Resolves once the worker receives messages; rejects with an Error if it could not be started. */
  readonly ready: Promise<void>;
  /** Resolves when the worker's thread has ended. */
  readonly ended: Promise<void>;
  private readonly thread: Thread;
  private readonly waiting: Waiting[] = [];
  private readonly held = new Set<number>();
  private death: string | undefined;

  /**
   * Starts the worker.
   *
   * @param onEnd called when the worker has ended or died
   * @throws Error from the runtime or from the function given as `source`
   */
  constructor(
    source: WorkerSource,
    private readonly onEnd: () => void,
  ) {
    let [start, fail, finish] = [() => {}, (_: Error) => {}, () => {}];
    this.ready = new Promise((resolve, reject) => {
      [start, fail] = [resolve, reject];
    });
    this.ended = new Promise((resolve) => {
      finish = resolve;
    });
    const timer = setTimeout(() => {
      const name = typeof source === "function" ? "the worker" : source;
      this.die(`${name} does not answer; it has to run the file of the export latentflow/worker`);
    }, LONGEST_START);
    (timer as { unref?(): void }).unref?.();
    // Also handles a rejection that no call waits for.
    this.ready.catch(() => {}).then(() => clearTimeout(timer));
    this.thread = startThread(source, {
      message: (message) => {
        this.isReady ||= message.type === "ready";
        if (message.type === "ready") start();
        else this.receive(message);
      },
      end: (reason) => {
        this.lose(reason);
        fail(new Error(reason));
        finish();
      },
    });
  }

  /** Returns the function that calls kernels on a packed decoder's memory in this worker. */
  runOn({ arena, compiled }: PackedDecoder): Run {
    const key = keyOf(arena, this);
    return async (name, ...args) => {
      if (!this.held.has(key)) {
        this.held.add(key);
        await this.ask({ type: "hold", key, module: compiled.module, memory: arena.memory });
      }
      return this.ask({ type: "run", key, name, args: args as readonly number[] });
    };
  }

  /** Makes the worker forget a memory. */
  drop(key: number): void {
    if (this.held.delete(key)) this.thread.post({ type: "drop", key });
  }

  /** Sets whether the worker keeps the process alive. */
  keepAlive(yes: boolean): void {
    this.thread.keepAlive(yes);
  }

  /** Ends the worker, which no call uses: once it is ready, since Node 20 leaks the descriptor of a script that it was opening. */
  async end(): Promise<void> {
    this.keepAlive(true);
    await this.ready.catch(() => {});
    await this.thread.terminate();
    await this.ended;
  }

  private ask(message: ToWorker): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.death !== undefined) {
        reject(failure(this.death));
        return;
      }
      this.thread.post(message);
      this.waiting.push({ resolve, reject });
    });
  }

  private receive(message: Exclude<FromWorker, { readonly type: "ready" }>): void {
    const call = this.waiting.shift();
    if (!call || (message.type !== "result" && message.type !== "error")) {
      this.die("it is not the worker of this package");
    } else if (message.type === "result") {
      call.resolve(message.value);
    } else {
      call.reject(failure(message.message));
    }
  }

  /** Ends the worker after a failure. */
  private die(reason: string): void {
    this.lose(reason);
    this.thread.terminate();
  }

  private lose(reason: string): void {
    if (this.death !== undefined) return;
    this.death = reason;
    for (const { reject } of this.waiting.splice(0)) reject(failure(reason));
    this.onEnd();
  }
}

function failure(reason: string): LatentflowError {
  const advice = `call again, and a new worker is started; ${option("threads", 1, "wasm({ threads: 1 })")} does without`;
  const message = `wasm: a worker has died: ${escapeText(reason, LONGEST_REASON)}; ${advice}`;
  return new LatentflowError("worker_failed", message);
}

/** Number of each memory in messages, and the workers that may hold it. */
const keys = new WeakMap<object, { readonly key: number; readonly workers: Set<PoolWorker> }>();
let count = 0;

/** Drops the memories of decoders that have been garbage-collected: without it workers would keep them. */
const dropped = new FinalizationRegistry<{ readonly key: number; readonly workers: Set<PoolWorker> }>(
  ({ key, workers }) => {
    for (const worker of workers) worker.drop(key);
  },
);

function keyOf(arena: object, worker: PoolWorker): number {
  let known = keys.get(arena);
  if (!known) {
    known = { key: count++, workers: new Set() };
    keys.set(arena, known);
    dropped.register(arena, known);
  }
  known.workers.add(worker);
  return known.key;
}

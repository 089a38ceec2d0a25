import { withCall } from "../../../base/calling.ts";
import { LatentflowError } from "../../../base/errors.ts";
import { kept } from "../../../base/kept.ts";
import { option, words } from "../../../base/message.ts";
import { messageOf } from "../../../base/realms.ts";
import { escapeText } from "../../../base/show.ts";
import type { PackedDecoder } from "../packed.ts";
import type { Run } from "../team.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { LONGEST_REASON, startThread, type Thread, type WorkerSource } from "./thread.ts";

/** Milliseconds within which a started worker must answer; otherwise its script counts as the wrong file. */
const LONGEST_START = 20_000;

type Answer = Exclude<FromWorker, { readonly type: "ready" }>;

/** Main thread's view of a worker: the memories that it holds, and the calls that it has not answered. */
export class PoolWorker {
  /** Number of calls that use the worker. */
  users = 0;
  /** True from the worker's first answer until it ends or dies. */
  isReady = false;
  /** Resolves once the worker receives messages; rejects with an Error if it could not be started. */
  readonly ready: Promise<void>;
  /** Resolves when the worker's thread has ended. */
  readonly ended: Promise<void>;
  readonly thread: Thread;
  /** Callbacks of the messages that the worker has not answered. */
  private readonly waiting: { resolve(value: number): void; reject(error: unknown): void }[] = [];
  private readonly held = new Set<number>();
  private death: string | undefined;
  private fail = (_: Error) => {};
  private finish = () => {};

  /**
   * Starts the worker.
   *
   * @param onEnd called when the worker has ended or died
   * @throws Error from the runtime or from the function given as `source`
   */
  constructor(
    source: WorkerSource,
    private readonly onEnd: (worker: PoolWorker) => void,
  ) {
    let start = () => {};
    this.ready = new Promise((resolve, reject) => {
      [start, this.fail] = [resolve, reject];
    });
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.thread = startThread(source, {
      message: (message) => {
        // A worker of another kind may send anything, and an error thrown here would be uncaught.
        const type: unknown = (message as FromWorker | null)?.type;
        if (this.death !== undefined) return;
        this.isReady ||= type === "ready";
        if (type === "ready") start();
        else if (type === "result" || type === "error") this.receive(message as Answer);
        else this.die("it is not the worker of this package");
      },
      end: (reason) => {
        this.lose(reason);
        this.bury();
      },
    });
    alive.add(this);
    const timer = setTimeout(() => {
      const name = typeof source === "function" ? "the worker" : source;
      this.die(`${name} does not answer; it has to run the file of the export latentflow/worker`);
    }, LONGEST_START);
    (timer as { unref?(): void }).unref?.();
    // Also handles a rejection that no call waits for.
    this.ready.catch(() => {}).then(() => clearTimeout(timer));
  }

  /** Returns the function that calls kernels on a packed decoder's memory in this worker. */
  runOn({ arena, compiled }: PackedDecoder): Run {
    const key = keyOf(arena);
    const { module } = compiled;
    return async (name, ...args) => {
      const kernels = this.held.has(key) ? undefined : { module, memory: arena.memory };
      const value = await this.ask({ type: "run", key, name, args: args as readonly number[], kernels });
      this.held.add(key);
      return value;
    };
  }

  /** Makes the worker forget a memory. */
  drop(key: number): void {
    if (this.held.delete(key)) this.thread.post({ type: "drop", key });
  }

  /** Ends the worker, which no call uses: once it is ready, since Node 20 leaks the descriptor of a script that it was opening. */
  async end(): Promise<void> {
    this.thread.keepAlive(true);
    await this.ready.catch(() => {});
    await this.thread.terminate();
    this.bury();
  }

  private ask(message: ToWorker): Promise<number> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      try {
        if (this.death === undefined) this.thread.post(message);
      } catch (error) {
        this.die(messageOf(error));
      }
      if (this.death !== undefined) this.rejectWaiting(this.death);
    });
  }

  private receive(message: Answer): void {
    const call = this.waiting.shift();
    if (!call) this.die("it is not the worker of this package");
    else if (message.type === "result") call.resolve(message.value);
    else call.reject(failure(message.message));
  }

  /** Ends the worker after a failure. */
  private die(reason: string): void {
    this.lose(reason);
    this.thread.terminate().then(() => this.bury());
  }

  /** Says that the thread has ended, or that it cannot be ended. */
  private bury(): void {
    alive.delete(this);
    this.finish();
  }

  private lose(reason: string): void {
    if (this.death !== undefined) return;
    this.death = reason;
    this.isReady = false;
    this.fail(new Error(reason));
    this.rejectWaiting(reason);
    this.onEnd(this);
  }

  private rejectWaiting(reason: string): void {
    for (const { reject } of this.waiting.splice(0)) reject(failure(reason));
  }
}

function failure(reason: string): LatentflowError {
  const advice = words`call again, and a new worker is started; ${option("threads", 1, "wasm({ threads: 1 })")} does without`;
  const message = words`a worker has failed: ${escapeText(reason, LONGEST_REASON)}; ${advice}`;
  return withCall("wasm", new LatentflowError("worker_failed", message));
}

/** Workers that have not ended. */
export const alive = new Set<PoolWorker>();

/** Numbers of memories in messages, by their arenas. */
const keys = new WeakMap<object, number>();
let count = 0;

/** Drops the memories of decoders that have been garbage-collected: without it workers would keep them. */
const dropped = new FinalizationRegistry<number>((key) => {
  for (const worker of alive) worker.drop(key);
});

function keyOf(arena: object): number {
  return kept(keys, arena, () => {
    const key = count++;
    dropped.register(arena, key);
    return key;
  });
}

import { messageOf } from "../message-of.ts";
import type { Calls, CallTable, FromWorker, ToWorker } from "./messages.ts";

// The page's side of a worker: typed calls over messages.

/** The part of a `Worker` that the client uses. */
export type WorkerLike = Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">;

/** Options of a call. */
export interface CallOptions<Progress> {
  /** Asks the worker to end the call early: it rejects, or resolves with what it has (`encode`, `descend`). */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((value: Progress) => void) | undefined;
}

/** A call that has not been answered. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onProgress: ((value: never) => void) | undefined;
}

const failureOf = (reason: string) =>
  `The page's worker has failed: ${reason}. Reload the page to start it again.`;

const notStarted = (reason: string) =>
  `The browser has not started the page's worker: ${reason}. Allow workers for this page, or open it in another browser.`;

/** A worker that answers the calls of a table. Every call rejects with an Error whose message can be shown; none throws. */
export class Engine<Table extends CallTable<Table> = Calls> {
  readonly #worker: WorkerLike | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #onFailure: ((error: Error) => void) | undefined;
  /** Reason why the worker is of no use any more. */
  #failure: Error | undefined;

  /**
   * @param start the worker, or a function that starts it; calls reject with what that throws
   * @param refused message for a worker that does not start, without a message of its own
   */
  constructor(start: WorkerLike | (() => WorkerLike), refused = failureOf("its file could not be loaded")) {
    try {
      this.#worker = typeof start === "function" ? start() : start;
    } catch (error) {
      this.#failure = new Error(notStarted(messageOf(error)), { cause: error });
      return;
    }
    const worker = this.#worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data);
    worker.onerror = (event) => {
      this.#fail(new Error(event.message ? failureOf(event.message) : refused));
    };
  }

  /** Told that the worker is of no use any more, failed or closed, even while no call waits; at once if it already is. */
  set onFailure(told: (error: Error) => void) {
    this.#onFailure = told;
    if (this.#failure) told(this.#failure);
  }

  /** Calls the worker. Arrays among the arguments are copied. */
  call<Name extends keyof Table & string>(
    name: Name,
    given: Table[Name]["arguments"],
    { signal, onProgress }: CallOptions<Table[Name]["progress"]> = {},
  ): Promise<Table[Name]["reply"]> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const cancel = () => this.#post({ kind: "cancel", id });
    return new Promise<Table[Name]["reply"]>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject, onProgress });
      this.#post({ kind: "call", id, name, arguments: given });
      if (signal?.aborted) cancel();
      signal?.addEventListener("abort", cancel);
    }).finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** Ends the worker; calls that it has not answered reject. */
  close(): void {
    this.#worker?.terminate();
    this.#fail(new Error("The page's worker has been closed."));
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #take(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === "progress") {
      waiting.onProgress?.(message.value as never);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.kind === "reply") waiting.resolve(message.value);
    else waiting.reject(new Error(message.message));
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#onFailure?.(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/**
 * Makes a call of which only the latest counts, as of strokes: while one is under way a newer one waits and takes the place of
 * one that waits. A call that is overtaken while it waits resolves with undefined.
 *
 * @param call the call; its signal ends the one under way once a newer one waits
 */
export function latestOnly<Given, Reply>(
  call: (given: Given, signal: AbortSignal) => Promise<Reply>,
): (given: Given) => Promise<Reply | undefined> {
  let next: (() => void) | undefined;
  let drop: (() => void) | undefined;
  let current: AbortController | undefined;

  async function run(given: Given): Promise<Reply> {
    const controller = new AbortController();
    current = controller;
    try {
      return await call(given, controller.signal);
    } finally {
      current = undefined;
      const start = next;
      next = undefined;
      drop = undefined;
      start?.();
    }
  }

  return (given) => {
    if (!current) return run(given);
    current.abort();
    drop?.();
    return new Promise((resolve, reject) => {
      next = () => run(given).then(resolve, reject);
      drop = () => resolve(undefined);
    });
  };
}

/** Starts the page's worker. */
export function startEngine(): Engine {
  return new Engine(() => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
}

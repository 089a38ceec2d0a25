import { messageOf } from "../message-of.ts";
import type { Calls, CallTable, FromWorker, ToWorker } from "./messages.ts";

// Client of a worker, used by the page: typed calls over messages.

/** The part of `Worker` that the client uses. */
export type WorkerLike = Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">;

/** Options of a call to a worker. */
export interface CallOptions<Progress> {
  /**
   * Asks the worker to end the call early: the call then rejects or, for `encode` and `descend`, resolves with the result
   * so far.
   */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((value: Progress) => void) | undefined;
}

/** A call that has not been answered yet. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onProgress: ((value: never) => void) | undefined;
}

const failureOf = (reason: string) =>
  `The page's worker has failed: ${reason}. Reload the page to start it again.`;

const notStarted = (reason: string) =>
  `The browser has not started the page's worker: ${reason}. Allow workers for this page, or open it in another browser.`;

/**
 * Client of a worker that answers a table of calls. Errors reject the call, with a message that can be shown; `call`
 * never throws.
 */
export class Engine<Table extends CallTable<Table> = Calls> {
  readonly #worker: WorkerLike | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #onFailure: ((error: Error) => void) | undefined;
  /** Reason why the worker cannot be used any more; undefined while it can. */
  #failure: Error | undefined;

  /**
   * @param start the worker, or a function that starts it; if it throws, calls reject with that error
   * @param refused message to use if the worker fails without one, as when it cannot be loaded
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

  /**
   * Sets a callback for when the worker fails or is closed, even if no call is pending. Called at once if that has
   * happened.
   */
  set onFailure(told: (error: Error) => void) {
    this.#onFailure = told;
    if (this.#failure) told(this.#failure);
  }

  /**
   * Calls the worker. Arrays among the arguments are copied.
   *
   * @param given arguments of the call
   */
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

  /** Terminates the worker; pending calls reject. */
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
 * Wraps a call so that only the latest one counts, as while drawing: during a call, one newer call is queued, and
 * replaces one that was queued before, which resolves with undefined.
 *
 * @param call the call; its signal aborts when a newer call is queued
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

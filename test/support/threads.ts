import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker } from "../../src/backend/wasm/threads/messages.ts";

/** The worker's file as it is published. (Workers of Node 20 cannot run what is in src/.) */
export const workerUrl = new URL("../../build/lib/latentflow-worker.js", import.meta.url);

/** A thread that has been started, what it has said and what it has been told. */
export interface WatchedThread {
  readonly worker: Worker;
  readonly messages: FromWorker[];
  readonly told: ToWorker[];
  hasEnded: boolean;
}

/** Keeps all threads that are started from now on, in their order. */
export function watchThreads(): WatchedThread[] {
  const module = process.getBuiltinModule("node:worker_threads");
  const threads: WatchedThread[] = [];
  module.Worker = class extends module.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      const thread: WatchedThread = { worker: this, messages: [], told: [], hasEnded: false };
      threads.push(thread);
      this.on("message", (message) => thread.messages.push(message));
      this.on("exit", () => {
        thread.hasEnded = true;
      });
      const { postMessage } = this;
      this.postMessage = (message: ToWorker, ...rest) => {
        // The memory is not kept: a decoder that is garbage-collected would stay.
        thread.told.push(message.type === "run" ? { ...message, kernels: undefined } : message);
        postMessage.call(this, message, ...rest);
      };
    }
  };
  return threads;
}

/** Starts a worker that is watched, which one by Node's class as it is imported is not. */
export function newWorker(...given: ConstructorParameters<typeof Worker>): Worker {
  return new (process.getBuiltinModule("node:worker_threads").Worker)(...given);
}

/** Returns true while a worker computes: it has not answered all that it was told. */
export function isBusy({ messages, told, hasEnded }: WatchedThread): boolean {
  const asked = told.filter(({ type }) => type !== "drop").length;
  return !hasEnded && asked > messages.filter(({ type }) => type !== "ready").length;
}

/** Resolves when all threads given have ended. */
export async function allEnded(threads: readonly WatchedThread[]): Promise<void> {
  for (const { worker, hasEnded } of threads) {
    if (hasEnded) continue;
    // Or this process would end first.
    worker.ref();
    await once(worker, "exit");
  }
}

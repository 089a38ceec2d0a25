import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import type { FromWorker } from "../../src/backend/wasm/pool/messages.ts";

/** The worker's file as it is published. (Workers of Node 20 cannot run what is in src/.) */
export const workerUrl = new URL("../../build/lib/latentflow-worker.js", import.meta.url);

/** A thread that has been started, and what it has said. */
export interface WatchedThread {
  readonly worker: Worker;
  readonly messages: FromWorker[];
  hasEnded: boolean;
}

/** Keeps all threads that are started from now on, in their order. */
export function watchThreads(): WatchedThread[] {
  const module = process.getBuiltinModule("node:worker_threads");
  const threads: WatchedThread[] = [];
  module.Worker = class extends module.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      const thread: WatchedThread = { worker: this, messages: [], hasEnded: false };
      threads.push(thread);
      this.on("message", (message) => thread.messages.push(message));
      this.on("exit", () => {
        thread.hasEnded = true;
      });
    }
  };
  return threads;
}

/** The samples that a thread has reported results of. */
export function samplesDone({ messages }: WatchedThread): number {
  return messages.reduce(
    (sum, message) => sum + (message.type === "results" ? message.samples.length : 0),
    0,
  );
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

/** The path of a file beside the tests. */
export function pathOf(file: string): string {
  return fileURLToPath(new URL(`../${file}`, import.meta.url));
}

import { kept } from "../../../base/kept.ts";
import { takesSharedMemory } from "../../../kernels/shared-memory.ts";
import type { Session } from "../../backend.ts";
import { timeOf, type Work, worthOf } from "../auto-threads.ts";
import type { PackedDecoder } from "../packed.ts";
import { wasmSession } from "../session.ts";
import type { Team } from "../team.ts";
import { type Threads, threadCount } from "../thread-count.ts";
import { DOES_WITHOUT, type WorkerSource } from "./thread.ts";
import { workerPool } from "./worker-pool.ts";

/** Options of `wasm` that concern threads. */
export interface ThreadOptions {
  readonly threads: Threads;
  readonly worker: WorkerSource | undefined;
}

/** Recent work with each packed decoder. */
const recentWork = new WeakMap<PackedDecoder, Work>();

/**
 * Makes a session that divides the samples of a call among workers if that saves time. If the option `threads` is a number, any
 * call of several samples is divided; by default only a call, or a series of them, that takes longer than workers to start.
 */
export function sharedSession(packed: PackedDecoder, options: ThreadOptions): Session {
  const pool = workerPool(options.worker);
  const isAsked = typeof options.threads === "number";
  const recent = kept(recentWork, packed, () => ({ milliseconds: 0, at: Number.NEGATIVE_INFINITY }));
  let used: { readonly threads: number; readonly reason?: string } = { threads: 1 };

  const team: Team = async (unit, count, work, aborted) => {
    const isShared = takesSharedMemory(packed.compiled.module);
    const { sharing, starting } = worthOf(count * timeOf(unit, packed.decoder), recent);
    const most = Math.min(threadCount(options.threads), count);
    const isWorth = isShared && count > 1 && (sharing || isAsked);
    const workers = isWorth ? await pool.take(most, starting || isAsked, aborted) : [];
    const isDivided = workers.length > 1;
    try {
      await work(isDivided ? workers.map((worker) => worker.runOn(packed)) : [packed.run]);
    } finally {
      pool.release(workers);
    }
    const failure = workers.length < most && count > 1 ? pool.failure : undefined;
    const few = isAsked && count < threadCount(options.threads) ? fewSamples(count) : undefined;
    const reason = isShared ? (failure ?? few) : whyNotShared();
    used = { threads: isDivided ? workers.length : 1, ...(reason !== undefined && { reason }) };
  };

  return wasmSession(packed, team, () => used);
}

function fewSamples(count: number): string {
  return count === 1 ? "one sample takes one thread" : `${count} samples take at most ${count} threads`;
}

/** Returns the reason why the kernels' memory cannot be shared with workers, and what to do. */
function whyNotShared(): string {
  if (globalThis.crossOriginIsolated === false) {
    return (
      "threads share memory, for which the page has to be cross-origin isolated: send it with the headers " +
      `"Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"; ${DOES_WITHOUT}`
    );
  }
  return `the kernels given as module have a memory that threads cannot share; leave module out, or ${DOES_WITHOUT}`;
}

import { kept } from "../../../base/kept.ts";
import { takesSharedMemory } from "../../../kernels/shared-memory.ts";
import { isPreconditionedByJacobian } from "../../../solver/descent.ts";
import type { Session } from "../../backend.ts";
import { dividedSamples } from "../../feed.ts";
import { decodeTime, isWorthSharing, solveTime, type Work } from "../cost-model.ts";
import { decodeRows } from "../decode.ts";
import type { PackedDecoder } from "../packed.ts";
import { curvatureUse, makeJacobian } from "../preconditioner.ts";
import { onEach, type Run } from "../run.ts";
import { wasmSession } from "../session.ts";
import { solveSamples } from "../solve.ts";
import { AT_ONCE } from "../team.ts";
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
  const { decoder } = packed;
  const pool = workerPool(options.worker);
  const isAsked = typeof options.threads === "number";
  const recent = kept(recentWork, packed, () => ({ milliseconds: 0, at: Number.NEGATIVE_INFINITY }));
  /** Number of threads of the session's last call, and the reason for fewer than asked for. */
  let last: { readonly threads: number; readonly reason?: string | undefined } = { threads: 1 };

  /**
   * Team of as many workers as a call is worth, or of the calling thread; see `Team`.
   *
   * @param aborted polled while workers start
   */
  async function team(
    units: number,
    milliseconds: number,
    work: (runs: readonly Run[]) => Promise<void>,
    aborted = AT_ONCE.aborted,
  ): Promise<void> {
    const isShared = takesSharedMemory(packed.compiled.module);
    const isWorth = isWorthSharing(units * milliseconds, recent, pool.isReady) || isAsked;
    const most = Math.min(threadCount(options.threads), units);
    const workers = isShared && isWorth && units > 1 ? await pool.take(most, aborted) : [];
    const isDivided = workers.length > 1;
    try {
      await work(isDivided ? workers.map((worker) => worker.runOn(packed)) : [packed.run]);
    } finally {
      pool.release(workers);
    }
    const single = isAsked && units === 1 ? "one sample takes one thread" : undefined;
    const reason = isShared ? (workers.length < most && units > 1 ? pool.failure : single) : whyNotShared();
    last = { threads: isDivided ? workers.length : 1, reason };
  }

  const alone = wasmSession(packed, team);
  return {
    ...alone,
    get info() {
      const { threads, reason } = last;
      return { ...alone.info, threads, ...(reason !== undefined && { reason }) };
    },
    async solve(problem, pair, solution, control) {
      const { sampleCount } = problem;
      if (sampleCount === 0 || control.aborted()) return;
      const solve = async (runs: readonly Run[]) => {
        if (isPreconditionedByJacobian(pair.solver, curvatureUse(problem))) {
          await makeJacobian(packed, control, runs);
          if (control.aborted()) return;
        }
        const feeds = dividedSamples(sampleCount, runs.length);
        await onEach(runs, control, (run, control, thread) =>
          solveSamples(packed, { problem, pair, solution }, control, feeds[thread]!, run),
        );
      };
      await team(sampleCount, solveTime(decoder, pair.solver), solve, control.aborted);
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      const decode = (runs: readonly Run[]) => {
        const feeds = dividedSamples(sampleCount, runs.length);
        return onEach(runs, control, (run, control, thread) =>
          decodeRows(packed, { z, fixed, outputs, toLogits }, control, feeds[thread]!, run),
        );
      };
      await team(sampleCount, decodeTime(decoder), decode, control.aborted);
      return outputs;
    },
  };
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

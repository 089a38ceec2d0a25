import { kept } from "../../../base/kept.ts";
import { takesSharedMemory } from "../../../kernels/shared-memory.ts";
import type { Control } from "../../../solver/base.ts";
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
import { AT_ONCE, type Team } from "../team.ts";
import { DOES_WITHOUT, type WorkerSource } from "./thread.ts";
import { type Threads, threadCount } from "./thread-count.ts";
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
  let last: { readonly threads: number; readonly reason: string | undefined } = {
    threads: 1,
    reason: undefined,
  };

  /**
   * Calls `work` with functions that call kernels on several threads; returns false, without calling it, if the call should stay on
   * the calling thread.
   *
   * @param milliseconds estimated time of one sample on one thread
   */
  async function divide(
    sampleCount: number,
    milliseconds: number,
    { aborted }: Pick<Control, "aborted">,
    work: (runs: readonly Run[]) => Promise<void>,
  ): Promise<boolean> {
    const stay = (reason: string | undefined) => {
      last = { threads: 1, reason };
      return false;
    };
    if (!takesSharedMemory(packed.compiled.module)) return stay(whyNotShared());
    if (sampleCount < 2) return stay(isAsked ? "one sample takes one thread" : undefined);
    const isWorth = isWorthSharing(sampleCount * milliseconds, recent, pool.isReady);
    if (!isAsked && !isWorth) return stay(pool.failure);
    const most = Math.min(threadCount(options.threads), sampleCount);
    const workers = await pool.take(most, aborted);
    try {
      if (workers.length < 2) return stay(pool.failure);
      await work(workers.map((worker) => worker.runOn(packed)));
      last = { threads: workers.length, reason: workers.length < most ? pool.failure : undefined };
      return true;
    } finally {
      pool.release(workers);
    }
  }

  const team: Team = async (units, milliseconds, work) => {
    if (!(await divide(units, milliseconds, AT_ONCE, work))) await work([packed.run]);
  };
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
      const task = { problem, pair, solution };
      const isDivided = await divide(sampleCount, solveTime(decoder, pair.solver), control, async (runs) => {
        if (isPreconditionedByJacobian(pair.solver, curvatureUse(problem))) {
          await makeJacobian(packed, control, runs);
          if (control.aborted()) return;
        }
        const feeds = dividedSamples(sampleCount, runs.length);
        await onEach(runs, control, (run, control, thread) =>
          solveSamples(packed, task, control, feeds[thread]!, run),
        );
      });
      if (!isDivided) await alone.solve(problem, pair, solution, control);
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      const isDivided = await divide(sampleCount, decodeTime(decoder), control, (runs) => {
        const feeds = dividedSamples(sampleCount, runs.length);
        return onEach(runs, control, (run, control, thread) =>
          decodeRows(packed, { z, fixed, outputs, toLogits }, control, feeds[thread]!, run),
        );
      });
      return isDivided ? outputs : alone.decode(z, fixed, toLogits, control);
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

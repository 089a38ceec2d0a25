import type { Decoder } from "../../../decoder/decoder.ts";
import { isPreconditionedByJacobian } from "../../../solver/descent.ts";
import { type Session, taskOf } from "../../backend.ts";
import type { Decoding } from "../decode.ts";
import { objectiveSize, type PackedDecoder } from "../packed.ts";
import { curvatureUse, makeJacobian, readJacobian } from "../preconditioner.ts";
import { decodeTime, solveTime } from "./cost-model.ts";
import { decoderHandle } from "./decoder-handle.ts";
import { decodeJob, jacobianJob, solveJob } from "./jobs.ts";
import { lockStepTrainer } from "./lock-step.ts";
import type { WorkerSource } from "./thread.ts";
import { type Threads, threadCount } from "./thread-count.ts";
import type { JobOptions, Outcome } from "./worker-group.ts";
import { forgetDecoder, knownWorkerGroup, workerGroup } from "./worker-pool.ts";

/** Options of `wasm` that concern threads. */
export interface ThreadOptions {
  readonly threads: Threads;
  readonly worker: WorkerSource | undefined;
  /** Memory limit for a worker's decoders, in bytes. */
  readonly workerMemory: number;
}

/** Size of a call, by which its division among threads is decided. */
interface Load {
  readonly sampleCount: number;
  /** Number of samples that one thread works on at the same time. */
  readonly atOnce: number;
  /** Estimated time of one sample on one thread, in milliseconds. */
  readonly milliseconds: number;
}

/** Maximum pause between two calls of one decoder, in milliseconds, for their work to be added up. */
const APART = 30_000;

/**
 * Makes a session that divides the samples of a call among this thread and workers if that saves time. If the option
 * `threads` is a number, a call waits until its workers have started; by default it starts them and begins without waiting.
 *
 * @param alone session that works on this thread only
 */
export function sharedSession(alone: Session, packed: PackedDecoder, options: ThreadOptions): Session {
  const { decoder, compiled } = packed;
  const handle = decoderHandle(decoder, forgetDecoder);
  const mostWorkers = threadCount(options.threads) - 1;
  const waits = typeof options.threads === "number";
  /** Outcome of the session's last call. */
  let last: Outcome = { threads: 1, reason: undefined, incidents: [] };

  /** Returns the worker group of earlier calls; undefined before the first call that workers took part in. */
  const known = () => knownWorkerGroup(compiled, options.worker);
  const workers = () => workerGroup(compiled, options.worker);

  /**
   * Returns true if a call is worth dividing among threads: compares its work and the decoder's recent work with the cost of
   * the division.
   */
  function isWorth({ sampleCount, milliseconds }: Load): boolean {
    if (handle.whyAlone !== undefined || sampleCount < 2) return false;
    const time = sampleCount * milliseconds;
    const { recentWork } = handle;
    const now = performance.now();
    recentWork.milliseconds = now - recentWork.at > APART ? time : recentWork.milliseconds + time;
    recentWork.at = now;
    const there = known()?.holds(handle) ? "holding the decoder" : known()?.size ? "there" : "none";
    return waits || isWorthSharing(time, recentWork.milliseconds, decoder, there);
  }

  function useFor({ atOnce, milliseconds }: Omit<Load, "sampleCount">): JobOptions {
    return { ...options, most: samplesHeld(atOnce, milliseconds), mostWorkers, waits };
  }

  /** Records the reason why a call stays on this thread, for the session's `info`. */
  function stayAlone(sampleCount: number, declined?: string): void {
    const single = waits && sampleCount === 1 ? "one sample takes one thread" : undefined;
    last = { threads: 1, reason: declined ?? handle.whyAlone ?? single ?? known()?.failure, incidents: [] };
  }

  return {
    ...alone,
    get info() {
      const { threads, reason, incidents } = last;
      return {
        ...alone.info,
        threads,
        ...(reason !== undefined && { reason }),
        ...(incidents.length > 0 && { incidents }),
      };
    },
    async solve(problem, pair, solution, control) {
      const { sampleCount } = problem;
      if (sampleCount === 0 || control.aborted()) return;
      const milliseconds = solveTime(decoder, pair.solver);
      const load = { sampleCount, atOnce: objectiveSize(packed, problem), milliseconds };
      // During training the Jacobian is recomputed after each update.
      const isPrepared =
        decoder.latentSize * decodeTime(decoder) >= WORTH_SHARING &&
        isPreconditionedByJacobian(pair.solver, curvatureUse(problem));
      // Workers that join later, or hold another decoder now, get the Jacobian too.
      const jacobian = isPrepared ? () => readJacobian(packed) : undefined;
      const job = isWorth(load)
        ? solveJob(handle, packed, taskOf(problem, pair, solution), solution, jacobian)
        : undefined;
      if (typeof job !== "object") {
        stayAlone(sampleCount, job);
        return alone.solve(problem, pair, solution, control);
      }
      const prepare = async () => {
        const use = useFor({ atOnce: packed.rows, milliseconds: decodeTime(decoder) });
        let incidents: readonly string[] = [];
        await makeJacobian(packed, control, async (rows) => {
          ({ incidents } = await workers().run(jacobianJob(handle, rows), use, control));
        });
        return incidents;
      };
      last = await workers().run(job, useFor(load), control, isPrepared ? prepare : undefined);
    },
    async decode(z, fixed, toLogits, control) {
      const sampleCount = z.length / decoder.latentSize;
      const load = { sampleCount, atOnce: packed.rows, milliseconds: decodeTime(decoder) };
      if (!isWorth(load)) {
        stayAlone(sampleCount);
        return alone.decode(z, fixed, toLogits, control);
      }
      const outputs = new Float32Array(sampleCount * decoder.outputSize);
      const decoding: Decoding = { z, fixed, outputs, toLogits };
      last = await workers().run(decodeJob(handle, packed, decoding), useFor(load), control);
      return outputs;
    },
    train: async (optimizer) => lockStepTrainer(await alone.train!(optimizer), optimizer, handle, known),
  };
}

/** Minimum work for which workers are started, in milliseconds on one thread: a start takes about 50 ms of a core. */
const WORTH_STARTING = 100;
/** Minimum work that is shared with workers that already hold the decoder, in milliseconds on one thread. */
const WORTH_SHARING = 5;
/** Cost of sending a decoder to a running worker, in milliseconds per parameter. */
const SENDING = 1e-5;

/**
 * Returns true if a call is worth sharing with workers by default.
 *
 * @param milliseconds estimated time of the call on one thread
 * @param inAll total time, in milliseconds on one thread, of the decoder's recent calls up to this one: many small calls are
 *   worth workers too
 * @param workers whether there are workers, and whether they hold the decoder
 */
export function isWorthSharing(
  milliseconds: number,
  inAll: number,
  decoder: Decoder,
  workers: "none" | "there" | "holding the decoder",
): boolean {
  const least = {
    none: WORTH_STARTING,
    there: SENDING * decoder.parameterCount,
    "holding the decoder": 0,
  };
  return milliseconds > WORTH_SHARING && inAll > least[workers];
}

/**
 * Work that a thread holds in reserve, in milliseconds, while it reports results and receives more samples: a few times the
 * work between two pauses.
 */
const WAITING = 60;
/** Maximum number of samples that a thread holds in reserve. */
const MOST_WAITING = 4096;

/**
 * Returns the maximum number of unfinished samples that a thread may hold: those it works on, and a reserve.
 *
 * @param atOnce number of samples that a thread works on at once
 * @param milliseconds time of one sample on one thread
 */
function samplesHeld(atOnce: number, milliseconds: number): number {
  return atOnce + Math.min(MOST_WAITING, Math.max(8, Math.ceil(WAITING / milliseconds)));
}

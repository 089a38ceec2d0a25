import type { Optimizer } from "../../../optimizer.ts";
import type { Control } from "../../../solver/base.ts";
import type { Solution } from "../../../solver/solution.ts";
import type { Task, Trainer } from "../../backend.ts";
import { allSamples, type Feed } from "../../feed.ts";
import { samplesOf, solveOn } from "../../solve.ts";
import type { Decoding } from "../decode.ts";
import type { WasmEngine } from "../engine.ts";
import type { CompiledKernels } from "../instance.ts";
import type { PackedDecoder } from "../packed.ts";
import { decoderHandle } from "./decoder-handle.ts";
import { decodeTime, isWorthSharing, samplesHeld, solveTime, type Threads, threadCount } from "./estimate.ts";
import { decodeJob, type Job, solveJob } from "./jobs.ts";
import { lockStepTrainer } from "./lock-step.ts";
import { forgetDecoder, workerGroup } from "./pool.ts";
import type { WorkerSource } from "./thread.ts";

/** What a decoder's calls do, on as many threads as it is worth. */
export interface Sharing {
  /** How many threads the last call has used, and why it was only one. */
  readonly info: { readonly threads: number; readonly reason?: string };
  solve(task: Task, solution: Solution, control: Control): Promise<void>;
  decode(decoding: Decoding, control: Control): Promise<void>;
  /** A trainer whose updates all threads follow. */
  follow(trainer: Trainer, optimizer: Optimizer): Trainer;
}

/** Options of `wasm` that say which threads there are. */
export interface ThreadOptions {
  readonly threads: Threads;
  readonly worker: WorkerSource | undefined;
  /** In bytes. */
  readonly workerMemory: number;
}

/** A decoder's calls that lie further apart than this, in milliseconds, do not count together. */
const APART = 30_000;

/**
 * Where a number of threads has been asked for, it waits for the workers to have started; left to itself it starts
 * them when there is work that is worth it, and begins that work meanwhile.
 */
export async function sharing(
  packed: PackedDecoder,
  compiled: CompiledKernels,
  engine: WasmEngine,
  { threads, worker, workerMemory }: ThreadOptions,
): Promise<Sharing> {
  const { decoder } = packed;
  const mostWorkers = threadCount(threads) - 1;
  const isAsked = typeof threads === "number";
  const workers = mostWorkers > 0 ? workerGroup(compiled, worker) : undefined;
  const handle = decoderHandle(decoder, forgetDecoder);
  let info: Sharing["info"] = { threads: 1 };
  if (workers && isAsked) {
    workers.start(mostWorkers);
    await workers.started();
  }

  /** Is work to be shared, so that its workers are on their way? */
  function isShared(sampleCount: number, milliseconds: number): boolean {
    if (!workers || handle.alone !== undefined || sampleCount < 2) return false;
    const time = sampleCount * milliseconds;
    const { asked } = handle;
    const now = performance.now();
    asked.milliseconds = now - asked.at > APART ? time : asked.milliseconds + time;
    asked.at = now;
    const there = workers.holds(handle) ? "holding the decoder" : workers.size > 0 ? "there" : "none";
    if (!isAsked && !isWorthSharing(time, asked.milliseconds, decoder, there)) return false;
    workers.memory = workerMemory;
    workers.start(mostWorkers);
    return workers.size > 0;
  }

  /**
   * @param atOnce how many samples a thread works on at once
   * @param milliseconds that one of them takes
   * @param makeJob the work, or why it cannot be shared
   * @param alone the work on this thread
   */
  async function run(
    { sampleCount, atOnce, milliseconds }: { sampleCount: number; atOnce: number; milliseconds: number },
    makeJob: () => Job | string,
    alone: (feed: Feed) => Promise<void>,
    control: Control,
  ): Promise<void> {
    const job = isShared(sampleCount, milliseconds) ? makeJob() : undefined;
    if (workers && typeof job === "object") {
      const limits = { most: samplesHeld(atOnce, milliseconds), mostWorkers };
      info = withReason(await workers.run(job, limits, control));
    } else {
      const reason = typeof job === "string" ? job : (handle.alone ?? workers?.failure);
      info = withReason({ threads: 1, reason });
      await alone(allSamples(sampleCount));
    }
  }

  return {
    follow: (trainer, optimizer) =>
      workers ? lockStepTrainer(trainer, optimizer, handle, workers) : trainer,
    get info() {
      return info;
    },
    solve(task, solution, control) {
      const { problem, pair } = task;
      const { sampleCount } = problem;
      return run(
        { sampleCount, atOnce: engine.objectiveSize(problem), milliseconds: solveTime(decoder, pair.solver) },
        () => solveJob(handle, engine, task, solution),
        (feed) => solveOn(engine, task, control, samplesOf(problem, solution, feed)),
        control,
      );
    },
    decode(decoding, control) {
      const sampleCount = decoding.z.length / decoder.latentSize;
      return run(
        { sampleCount, atOnce: engine.rows, milliseconds: decodeTime(decoder) },
        () => decodeJob(handle, engine, decoding),
        (feed) => engine.decode(decoding, control, feed),
        control,
      );
    },
  };
}

function withReason({ threads, reason }: { threads: number; reason: string | undefined }): Sharing["info"] {
  return { threads, ...(reason !== undefined && { reason }) };
}

import type { Optimizer } from "../../optimizer.ts";
import type { Control } from "../../solver/base.ts";
import type { Task, Trainer } from "../backend.ts";
import { allSamples, type SampleFeed } from "../feed.ts";
import { solveOn } from "../solve.ts";
import type { Decoding } from "./decode.ts";
import type { WasmEngine } from "./engine.ts";
import type { CompiledKernels } from "./instance.ts";
import type { PackedDecoder } from "./packed.ts";
import { poolOf } from "./pool/pool.ts";
import { sharedTrainer } from "./pool/shared-trainer.ts";
import { type SharedWork, sharedDecoding, sharedSolve } from "./pool/shared-work.ts";
import type { WorkerSource } from "./pool/thread.ts";
import { decodeTime, isWorthSharing, samplesHeld, solveTime, type Threads, threadCount } from "./threads.ts";

/** What a decoder's calls do, on as many threads as it is worth. */
export interface Sharing {
  /** How many threads the last call has used, and why it was only one. */
  readonly info: { readonly threads: number; readonly reason?: string };
  solve(task: Task, control: Control): Promise<void>;
  decode(decoding: Decoding, control: Control): Promise<void>;
  /** A trainer whose updates all threads follow. */
  follow(trainer: Trainer, optimizer: Optimizer): Trainer;
}

/**
 * Where a number of threads has been asked for, it waits for the workers to have started; left to itself it starts
 * them when there is work that is worth it, and begins that work meanwhile.
 */
export async function sharing(
  packed: PackedDecoder,
  compiled: CompiledKernels,
  engine: WasmEngine,
  options: { readonly threads: Threads; readonly worker: WorkerSource | undefined },
): Promise<Sharing> {
  const { decoder } = packed;
  const mostWorkers = threadCount(options.threads) - 1;
  const isAsked = typeof options.threads === "number";
  const pool = mostWorkers > 0 ? poolOf(packed, compiled, options.worker) : undefined;
  let info: Sharing["info"] = { threads: 1 };
  if (pool && isAsked) {
    pool.start(mostWorkers);
    await pool.started();
  }

  /** Is work to be shared, so that its workers are on their way? */
  function isShared(sampleCount: number, milliseconds: number): boolean {
    if (!pool || sampleCount < 2) return false;
    const time = sampleCount * milliseconds;
    pool.timeAsked += time;
    if (!isAsked && !isWorthSharing(time, pool.timeAsked, pool.size > 0)) return false;
    pool.start(mostWorkers);
    return pool.size > 0;
  }

  /**
   * @param atOnce how many samples a thread works on at once
   * @param milliseconds that one of them takes
   * @param makeShared the work, or why it cannot be shared
   * @param alone the work on this thread
   */
  async function run(
    { sampleCount, atOnce, milliseconds }: { sampleCount: number; atOnce: number; milliseconds: number },
    makeShared: () => SharedWork | string,
    alone: (feed: SampleFeed) => Promise<void>,
    control: Control,
  ): Promise<void> {
    const work = isShared(sampleCount, milliseconds) ? makeShared() : undefined;
    if (pool && typeof work === "object") {
      const limits = { most: samplesHeld(atOnce, milliseconds), mostWorkers };
      const threads = await pool.share(work, limits, control);
      info = { threads, ...(pool.failure !== undefined && { reason: pool.failure }) };
    } else {
      const reason = typeof work === "string" ? work : pool?.failure;
      info = { threads: 1, ...(reason !== undefined && { reason }) };
      await alone(allSamples(sampleCount));
    }
  }

  return {
    follow: (trainer, optimizer) => (pool ? sharedTrainer(trainer, optimizer, pool) : trainer),
    get info() {
      return info;
    },
    solve(task, control) {
      const { problem, pair } = task;
      const { sampleCount } = problem;
      return run(
        { sampleCount, atOnce: engine.objectiveSize(problem), milliseconds: solveTime(decoder, pair.solver) },
        () => sharedSolve(engine, task),
        (feed) => solveOn(engine, task, control, feed),
        control,
      );
    },
    decode(decoding, control) {
      const sampleCount = decoding.z.length / decoder.latentSize;
      return run(
        { sampleCount, atOnce: engine.rows, milliseconds: decodeTime(decoder) },
        () => sharedDecoding(engine, decoding, decoder.latentSize),
        (feed) => engine.decode(decoding, control, feed),
        control,
      );
    },
  };
}

import type { Decoder } from "../../../decoder/decoder.ts";
import type { Optimizer } from "../../../optimizer.ts";
import type { BackendInfo } from "../../../result.ts";
import type { Control } from "../../../solver/base.ts";
import { isPreconditionedByDecoder } from "../../../solver/descent.ts";
import type { Solution } from "../../../solver/solution.ts";
import type { Task, Trainer } from "../../backend.ts";
import { allSamples, type Feed } from "../../feed.ts";
import { samplesOf, solveOn } from "../../solve.ts";
import type { Decoding } from "../decode.ts";
import type { WasmEngine } from "../engine.ts";
import type { CompiledKernels } from "../instance.ts";
import type { PackedDecoder } from "../packed.ts";
import { curvatureUse, makeJacobian, readJacobian } from "../preconditioner.ts";
import { decoderHandle } from "./decoder-handle.ts";
import { decodeJob, type Job, jacobianJob, solveJob } from "./jobs.ts";
import { lockStepTrainer } from "./lock-step.ts";
import { forgetDecoder, knownWorkerGroup, type WorkerGroup, workerGroup } from "./pool.ts";
import type { WorkerSource } from "./thread.ts";
import { type Threads, threadCount } from "./thread-count.ts";
import { decodeTime, solveTime } from "./times.ts";

/** What a decoder's calls do, on as many threads as it is worth. */
export interface Sharing {
  /** How many threads have worked on the last call, why fewer than asked for, and what went wrong. */
  readonly info: Pick<BackendInfo, "reason" | "incidents"> & { readonly threads: number };
  solve(task: Task, solution: Solution, control: Control): Promise<void>;
  decode(decoding: Decoding, control: Control): Promise<void>;
  /** A trainer whose updates the workers' copies of the decoder follow. */
  trainer(trainer: Trainer, optimizer: Optimizer): Trainer;
}

/** Options of `wasm` that say which threads there are. */
export interface ThreadOptions {
  readonly threads: Threads;
  readonly worker: WorkerSource | undefined;
  /** In bytes. */
  readonly workerMemory: number;
}

/** How much work a call is. */
interface Load {
  readonly sampleCount: number;
  /** How many samples a thread works on at once. */
  readonly atOnce: number;
  /** What one of them takes. */
  readonly milliseconds: number;
}

/** A decoder's calls that lie further apart than this, in milliseconds, do not count together. */
const APART = 30_000;

/**
 * Where a number of threads has been asked for, a call waits for their workers to have started; left to itself it has
 * them started where there is work that is worth it, and begins that work meanwhile.
 */
export function sharing(
  packed: PackedDecoder,
  compiled: CompiledKernels,
  engine: WasmEngine,
  options: ThreadOptions,
): Sharing {
  const { decoder } = packed;
  const mostWorkers = threadCount(options.threads) - 1;
  const isAsked = typeof options.threads === "number";
  const hasWorkers = mostWorkers > 0;
  const known = () => knownWorkerGroup(compiled, options.worker);
  const handle = decoderHandle(decoder, forgetDecoder);
  let info: Sharing["info"] = { threads: 1 };
  /** Is work worth several threads? */
  function isShared(sampleCount: number, milliseconds: number): boolean {
    if (!hasWorkers || handle.whyAlone !== undefined || sampleCount < 2) return false;
    const time = sampleCount * milliseconds;
    const { recentWork } = handle;
    const now = performance.now();
    recentWork.milliseconds = now - recentWork.at > APART ? time : recentWork.milliseconds + time;
    recentWork.at = now;
    const workers = known();
    const there = workers?.holds(handle) ? "holding the decoder" : workers?.size ? "there" : "none";
    return isAsked || isWorthSharing(time, recentWork.milliseconds, decoder, there);
  }

  /**
   * @param makeJob the work, or why it cannot be shared
   * @param workAlone the work on this thread
   * @param first called where the work is shared: what the threads do together before it
   */
  async function run(
    { sampleCount, atOnce, milliseconds }: Load,
    makeJob: () => Job | string,
    workAlone: (feed: Feed) => Promise<void>,
    control: Control,
    first?: () => Promise<readonly string[]>,
  ): Promise<void> {
    const job = isShared(sampleCount, milliseconds) ? makeJob() : undefined;
    if (typeof job === "object") {
      info = infoOf(await runShared(job, { atOnce, milliseconds }, control, first));
    } else {
      const reason =
        typeof job === "string" ? job : (handle.whyAlone ?? (hasWorkers ? known()?.failure : undefined));
      info = infoOf({ threads: 1, reason, incidents: [] });
      await workAlone(allSamples(sampleCount));
    }
  }

  function runShared(
    job: Job,
    { atOnce, milliseconds }: Omit<Load, "sampleCount">,
    control: Control,
    first?: () => Promise<readonly string[]>,
  ) {
    const most = samplesHeld(atOnce, milliseconds);
    const use = { ...options, most, mostWorkers, waits: isAsked };
    return workerGroup(compiled, options.worker).run(job, use, control, first);
  }

  /** Do samples need the decoder's own Jacobian, and is it worth making together? After each update of a training it is made anew. */
  function isWorthPreparing({ problem, pair }: Task): boolean {
    if (decoder.latentSize * decodeTime(decoder) < WORTH_SHARING) return false;
    return isPreconditionedByDecoder(pair.solver, curvatureUse(problem));
  }

  /** Has the threads make it; returns what went wrong meanwhile. */
  async function prepare(control: Control): Promise<readonly string[]> {
    const load = { atOnce: engine.rows, milliseconds: decodeTime(decoder) };
    let incidents: readonly string[] = [];
    await makeJacobian(packed, control, async (rows) => {
      ({ incidents } = await runShared(jacobianJob(handle, rows), load, control));
    });
    return incidents;
  }

  return {
    trainer: (trainer, optimizer) =>
      hasWorkers ? lockStepTrainer(trainer, optimizer, handle, known) : trainer,
    get info() {
      return info;
    },
    solve(task, solution, control) {
      const { problem, pair } = task;
      const { sampleCount } = problem;
      const isPrepared = isWorthPreparing(task);
      // Workers that come later, or hold another decoder now, are to have it as well.
      const jacobian = isPrepared ? () => readJacobian(packed) : undefined;
      return run(
        { sampleCount, atOnce: engine.objectiveSize(problem), milliseconds: solveTime(decoder, pair.solver) },
        () => solveJob(handle, engine, task, solution, jacobian),
        (feed) => solveOn(engine, task, control, samplesOf(problem, solution, feed)),
        control,
        isPrepared ? () => prepare(control) : undefined,
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

function infoOf({ threads, reason, incidents }: Awaited<ReturnType<WorkerGroup["run"]>>): Sharing["info"] {
  return { threads, ...(reason !== undefined && { reason }), ...(incidents.length > 0 && { incidents }) };
}

/** Starting a worker costs some 50 ms of a core: less work does without. In milliseconds. */
const WORTH_STARTING = 100;
/** Handing work to workers that hold the decoder costs less than one: shorter work still does without. In milliseconds. */
const WORTH_SHARING = 5;
/** What it costs to send a decoder to a worker that is there, in milliseconds a parameter. */
const SENDING = 1e-5;

/**
 * Is a call worth sharing, when that has been left to us to decide?
 *
 * @param milliseconds that it would take on one thread, about
 * @param inAll those of the decoder's calls of late up to this one: many small ones are worth workers, too
 * @param workers what there is of them
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

/** Work that a thread has waiting while it reports and is given more, in milliseconds: a few slices. */
const WAITING = 60;
/** However small they are, more samples than this are not kept waiting. */
const MOST_WAITING = 4096;

/**
 * How many samples a thread may hold: those that it works on, and some that wait.
 *
 * @param atOnce how many it works on at once
 * @param milliseconds that one of them takes
 */
function samplesHeld(atOnce: number, milliseconds: number): number {
  return atOnce + Math.min(MOST_WAITING, Math.max(8, Math.ceil(WAITING / milliseconds)));
}

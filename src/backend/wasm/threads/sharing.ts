import type { Decoder } from "../../../decoder/decoder.ts";
import type { Control } from "../../../solver/base.ts";
import { isPreconditionedByDecoder } from "../../../solver/descent.ts";
import type { BackendInfo } from "../../../solver/result.ts";
import type { CheckedPair, Problem, Trainer } from "../../backend.ts";
import type { Optimizer } from "../../optimizer.ts";
import type { PackedDecoder } from "../packed.ts";
import { curvatureUse, makeJacobian } from "../preconditioner.ts";
import { decodeTime } from "./cost-model.ts";
import { type DecoderHandle, decoderHandle } from "./decoder-handle.ts";
import { jacobianJob } from "./jobs.ts";
import { lockStepTrainer } from "./lock-step.ts";
import {
  forgetDecoder,
  type JobOptions,
  knownWorkerGroup,
  type Outcome,
  type WorkerGroup,
  workerGroup,
} from "./pool.ts";
import type { WorkerSource } from "./thread.ts";
import { type Threads, threadCount } from "./thread-count.ts";

/** Options of `wasm` that say which threads there are. */
export interface ThreadOptions {
  readonly threads: Threads;
  readonly worker: WorkerSource | undefined;
  /** In bytes. */
  readonly workerMemory: number;
}

/** How much work a call is. */
export interface Load {
  readonly sampleCount: number;
  /** How many samples a thread works on at once. */
  readonly atOnce: number;
  /** What one of them takes. */
  readonly milliseconds: number;
}

/** A decoder's calls that lie further apart than this, in milliseconds, do not count together. */
const APART = 30_000;

/**
 * Decides whether the calls of a session are shared with workers. Where a number of threads has been asked for, a call waits for their
 * workers to have started; left to itself it has them started where there is work that is worth it, and begins that work
 * meanwhile.
 */
export class Sharing {
  readonly handle: DecoderHandle;
  /** Number of threads of the last call, the reason for fewer than asked for, and failures. */
  info: Pick<BackendInfo, "reason" | "incidents"> & { readonly threads: number } = { threads: 1 };
  private readonly mostWorkers: number;
  private readonly isAsked: boolean;

  constructor(
    private readonly packed: PackedDecoder,
    private readonly options: ThreadOptions,
  ) {
    this.handle = decoderHandle(packed.decoder, forgetDecoder);
    this.mostWorkers = threadCount(options.threads) - 1;
    this.isAsked = typeof options.threads === "number";
  }

  /** The workers that calls are shared with. */
  get workers(): WorkerGroup {
    return workerGroup(this.packed.compiled, this.options.worker);
  }

  /** Is a call worth several threads? It counts among the decoder's calls of late. */
  isWorth({ sampleCount, milliseconds }: Load): boolean {
    const { handle } = this;
    if (this.mostWorkers === 0 || handle.whyAlone !== undefined || sampleCount < 2) return false;
    const time = sampleCount * milliseconds;
    const { recentWork } = handle;
    const now = performance.now();
    recentWork.milliseconds = now - recentWork.at > APART ? time : recentWork.milliseconds + time;
    recentWork.at = now;
    const workers = this.known;
    const there = workers?.holds(handle) ? "holding the decoder" : workers?.size ? "there" : "none";
    return this.isAsked || isWorthSharing(time, recentWork.milliseconds, this.packed.decoder, there);
  }

  /** How workers are used for a call. */
  useFor({ atOnce, milliseconds }: Omit<Load, "sampleCount">): JobOptions {
    const { mostWorkers, isAsked } = this;
    return { ...this.options, most: samplesHeld(atOnce, milliseconds), mostWorkers, waits: isAsked };
  }

  /** Notes what has come of a call that was shared. */
  wasShared({ threads, reason, incidents }: Outcome): void {
    this.info = {
      threads,
      ...(reason !== undefined && { reason }),
      ...(incidents.length > 0 && { incidents }),
    };
  }

  /** Notes that a call stays on this thread, and why: by default what is known of the decoder and of its workers. */
  isAlone(why?: string): void {
    const usual = this.handle.whyAlone ?? (this.mostWorkers > 0 ? this.known?.failure : undefined);
    this.wasShared({ threads: 1, reason: why ?? usual, incidents: [] });
  }

  /** Do samples need the decoder's own Jacobian, and is it worth making together? After each update of a training it is made anew. */
  isWorthPreparing(problem: Problem, { solver }: CheckedPair): boolean {
    const { decoder } = this.packed;
    if (decoder.latentSize * decodeTime(decoder) < WORTH_SHARING) return false;
    return isPreconditionedByDecoder(solver, curvatureUse(problem));
  }

  /** Has the threads make the decoder's own Jacobian; returns what went wrong meanwhile. */
  async prepare(control: Control): Promise<readonly string[]> {
    const { packed, handle } = this;
    const use = this.useFor({ atOnce: packed.rows, milliseconds: decodeTime(packed.decoder) });
    let incidents: readonly string[] = [];
    await makeJacobian(packed, control, async (rows) => {
      ({ incidents } = await this.workers.run(jacobianJob(handle, rows), use, control));
    });
    return incidents;
  }

  /** A trainer whose updates the workers' copies of the decoder follow. */
  trainer(trainer: Trainer, optimizer: Optimizer): Trainer {
    if (this.mostWorkers === 0) return trainer;
    return lockStepTrainer(trainer, optimizer, this.handle, () => this.known);
  }

  /** The workers, if any call has asked for them before. */
  private get known(): WorkerGroup | undefined {
    return knownWorkerGroup(this.packed.compiled, this.options.worker);
  }
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

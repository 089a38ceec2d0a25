import { isErrorCode, LatentflowError } from "../../../base/errors.ts";
import { option } from "../../../base/message.ts";
import { messageOf } from "../../../base/realms.ts";
import { escapeText } from "../../../base/show.ts";
import type { Control } from "../../../solver/base.ts";
import type { Feed } from "../../feed.ts";
import { Assignment, type Member } from "./assignment.ts";
import type { Job } from "./jobs.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { DOES_WITHOUT, LONGEST_REASON } from "./thread.ts";

/** Worker of the pool, as a call uses it. */
export interface Participant {
  /** True once the worker has started and receives messages. */
  readonly isReady: boolean;
  /** Prepares the worker for a call's job; returns the reason if it cannot take part, else undefined. */
  open(call: number, job: Job): string | undefined;
  /** Sends the worker a message; buffers that `buffersOf` names are transferred. */
  post(message: ToWorker): void;
  /** Ends the worker, and calls `leave` of each call that it works for. */
  end(reason: string): void;
}

/**
 * Maximum number of workers that may die in one call before it fails: a single death may be a kill from outside, but repeated
 * deaths come from the work.
 */
const MOST_DEATHS = 3;
/** Interval in milliseconds at which the caller's abort signal is polled while this thread waits. */
const LOOK_UP = 10;

/** Milliseconds after an abort at which a worker that has not stopped is terminated. */
const LONGEST_STOP = 10_000;

/** Message from a worker about a call. */
export type CallMessage = Extract<FromWorker, { type: "results" | "stopped" | "declined" | "failed" }>;

/**
 * Call shared by this thread and workers: assigns samples to them and receives their results. Workers may join before it runs,
 * and start when it does.
 */
export class Call {
  private readonly assignment: Assignment;
  private readonly here: Member;
  private readonly members = new Map<Participant, Member>();
  private readonly stopping = new Set<Participant>();
  /** Threads that have been assigned samples: workers, and undefined for this thread. */
  private readonly given = new Set<Participant | undefined>();
  /** Number of workers that have died and have no replacement yet. */
  private lost = 0;
  private isRunning = false;
  private deaths = 0;
  private error: LatentflowError | undefined;
  /** Reason why a worker does not take part; undefined if all do. */
  declined: string | undefined;
  /** Messages about workers that died while working for the call. */
  readonly incidents: string[] = [];
  private wake = () => {};

  /**
   * Creates a call, which `run` starts.
   *
   * @param number number of the call in messages to workers
   * @param most maximum number of unfinished samples of one thread
   * @param mostWorkers maximum number of workers that take part
   * @param waits true to start only when all joined workers are ready; otherwise each starts when it is ready
   */
  constructor(
    readonly number: number,
    private readonly job: Job,
    most: number,
    private readonly mostWorkers: number,
    private waits = false,
  ) {
    this.assignment = new Assignment(job.sampleCount, most);
    this.here = this.assignment.join();
    job.watch((sample) => this.assignment.end(sample));
  }

  /**
   * Adds workers, up to the call's maximum; each starts as soon as it is ready and the call runs. All `workers` are added
   * before the first of them gets samples, since its share depends on their number.
   */
  join(...workers: readonly Participant[]): void {
    const joining = workers.slice(0, this.mostWorkers - this.members.size);
    for (const worker of joining) this.members.set(worker, this.assignment.join());
    for (const worker of joining) if (worker.isReady) this.begin(worker);
  }

  /** Assigns samples to a worker that has joined and become ready, if the call runs. */
  begin(worker: Participant): void {
    if (!this.isRunning || !this.members.has(worker)) return;
    this.wake();
    this.open(worker);
    this.give(worker);
  }

  private open(worker: Participant): void {
    this.guard(() => {
      const reason = worker.open(this.number, this.job);
      if (reason !== undefined) this.decline(worker, reason);
    });
  }

  /**
   * Removes a worker; its unfinished samples are assigned to others.
   *
   * @param death reason why the worker died; undefined if it is alive
   */
  leave(worker: Participant, death?: string): void {
    const member = this.members.get(worker);
    if (member === undefined) return;
    this.members.delete(worker);
    const isStopping = this.stopping.delete(worker);
    this.assignment.leave(member);
    // A death before the call runs, or after its abort, is not reported.
    const matters = this.isRunning && worker.isReady && !isStopping;
    if (death !== undefined && matters) {
      this.incidents.push(`a worker ended: ${escapeText(death, LONGEST_REASON)}; what it had was done again`);
      if (this.given.delete(worker)) this.lost++;
      this.deaths++;
      if (this.deaths > MOST_DEATHS) {
        const message = `wasm: ${this.deaths} workers have died in one call, the last one with: ${death}; ${option("threads", 1, "wasm({ threads: 1 })")} does without`;
        this.error ??= new LatentflowError("worker_failed", message);
      }
    }
    for (const other of this.members.keys()) if (other.isReady) this.give(other);
    this.wake();
  }

  /** Handles a worker's message about the call; ignores messages of a worker that has left. */
  receive(worker: Participant, message: CallMessage): void {
    const member = this.members.get(worker);
    if (member === undefined) return;
    this.guard(() => {
      if (message.type === "results") {
        for (const { samples, values } of message.results) {
          // Samples that were assigned to another thread or have finished are dropped, and duplicates too.
          const held = samples.map((sample, i) => {
            return this.assignment.holds(member, sample) && samples.indexOf(sample) === i ? sample : -1;
          });
          this.job.place(held, values);
        }
      } else if (message.type === "stopped") {
        this.stopping.delete(worker);
      } else if (message.type === "declined") {
        this.decline(worker, messageOf(message));
      } else {
        // The message keeps its marks, since it is an error of this library.
        this.error ??= isErrorCode(message.code)
          ? new LatentflowError(message.code, message.message)
          : new LatentflowError("worker_failed", messageOf(message));
      }
    });
    this.give(worker);
    this.wake();
  }

  private decline(worker: Participant, reason: string): void {
    this.declined ??= `a worker could not take part: ${escapeText(reason, LONGEST_REASON)}; ${DOES_WITHOUT}`;
    this.given.delete(worker);
    this.leave(worker);
  }

  /** Runs an event handler; an error that it throws rejects the call. */
  private guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.error ??=
      error instanceof LatentflowError
        ? error
        : new LatentflowError("worker_failed", `wasm: ${messageOf(error)}`, { cause: error });
  }

  /** Number of threads that were assigned samples, at least 1. A replacement counts as the worker it replaces. */
  get threads(): number {
    return Math.max(1, this.given.size + this.lost);
  }

  /** Returns true if a worker takes part, or will as soon as it is ready. */
  has(worker: Participant): boolean {
    return this.members.has(worker);
  }

  /**
   * Runs the call until all samples have finished, or to its abort.
   *
   * @throws LatentflowError the first error of a worker, of this thread's work, or `worker_failed`
   */
  async run(control: Control): Promise<void> {
    if (control.aborted()) return;
    this.isRunning = true;
    for (const worker of [...this.members.keys()]) if (worker.isReady) this.open(worker);
    const { assignment, here } = this;
    const own: Control = {
      aborted: () => this.error !== undefined || control.aborted(),
      pause: () => control.pause(),
    };
    const feed: Feed = {
      get hasMore() {
        return assignment.allowance(here) > 0;
      },
      take: (most) => {
        this.given.add(undefined);
        return assignment.take(here, most);
      },
    };
    while (this.waits && !own.aborted()) {
      this.waits = [...this.members.keys()].some(({ isReady }) => !isReady);
      if (this.waits) await this.nextReport();
    }
    for (const worker of this.members.keys()) if (worker.isReady) this.give(worker);
    while (!assignment.isDone && !own.aborted()) {
      if (feed.hasMore) await this.job.workHere(own, feed);
      else await this.nextReport();
      await control.pause();
    }
    // The last results may have come during a pause, after the pause reported progress.
    if (assignment.isDone) await control.pause();
    if (control.aborted() && !this.error) await this.stop();
    if (this.error) throw this.error;
  }

  /** Closes the call in all workers that are ready, after its end or abort. */
  close(): void {
    if (!this.isRunning) return;
    for (const worker of this.members.keys()) {
      if (!worker.isReady) continue;
      if (!this.assignment.isDone) this.send(worker, "stop");
      this.send(worker, "close");
    }
  }

  /** Assigns as many samples to a worker as it may hold, and sends their data. */
  private give(worker: Participant): void {
    const member = this.members.get(worker);
    if (!this.isRunning || member === undefined || this.waits || this.error) return;
    if (this.stopping.has(worker)) return;
    try {
      for (;;) {
        const range = this.assignment.take(member, this.job.sampleCount);
        if (!range) return;
        if (!this.given.has(worker) && this.lost > 0) this.lost--;
        this.given.add(worker);
        const samples = Array.from({ length: range.count }, (_, i) => range.first + i);
        worker.post({ type: "samples", call: this.number, samples, data: this.job.data(range) });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Stops the workers after an abort, and waits for their last results. */
  private async stop(): Promise<void> {
    for (const worker of this.members.keys()) {
      if (!worker.isReady) continue;
      this.stopping.add(worker);
      this.send(worker, "stop");
    }
    const since = performance.now();
    while (this.stopping.size > 0) {
      await this.nextReport();
      if (performance.now() - since < LONGEST_STOP) continue;
      for (const worker of this.stopping) worker.end("it did not stop");
    }
  }

  private send(worker: Participant, type: "stop" | "close"): void {
    try {
      worker.post({ type, call: this.number });
    } catch (error) {
      worker.end(messageOf(error));
    }
  }

  /** Resolves when a worker has reported or died, at the latest after LOOK_UP milliseconds. */
  private nextReport(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_UP);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

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

/** Worker of the pool, as seen by a call. */
export interface Participant {
  readonly isReady: boolean;
  /** Makes the participant ready for a call's job; returns the reason if it cannot take part. */
  open(call: number, job: Job): string | undefined;
  post(message: ToWorker): void;
  /** Ends the worker, and calls `leave` of each call that it works for. */
  end(reason: string): void;
}

/**
 * Most workers that may die in one call before it fails: a single death may be a kill from outside, but repeated ones come
 * from the work.
 */
const MOST_DEATHS = 3;
/** Interval in milliseconds at which the caller's signal is polled while this thread waits. */
const LOOK_UP = 10;

/** Milliseconds after an abort at which a worker that has not stopped is ended. */
const LONGEST_STOP = 10_000;

/** Message of a worker about a call. */
export type CallMessage = Extract<FromWorker, { type: "results" | "stopped" | "declined" | "failed" }>;

/**
 * Call worked on by this thread and by workers: it gives out samples and takes in results. Workers may join before it runs,
 * and begin when it does.
 */
export class Call {
  private readonly assignment: Assignment;
  private readonly here: Member;
  private readonly members = new Map<Participant, Member>();
  private readonly stopping = new Set<Participant>();
  /** Threads that have been given samples: workers, and undefined for this thread. */
  private readonly given = new Set<Participant | undefined>();
  /** Number of workers that have died and have no replacement yet. */
  private lost = 0;
  private isRunning = false;
  private deaths = 0;
  private error: LatentflowError | undefined;
  /** Reason why a worker does not take part; undefined if all do. */
  declined: string | undefined;
  /** Messages about workers that died at work. */
  readonly incidents: string[] = [];
  private wake = () => {};

  /**
   * @param most samples that one thread holds
   * @param mostWorkers that take part
   * @param waits until all that have joined are ready; otherwise whoever is ready begins
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

  /** Makes workers take part as soon as they are ready. All workers must join before the first gets samples. */
  join(...workers: readonly Participant[]): void {
    const joining = workers.slice(0, this.mostWorkers - this.members.size);
    for (const worker of joining) this.members.set(worker, this.assignment.join());
    for (const worker of joining) if (worker.isReady) this.begin(worker);
  }

  /** Gives samples to a worker that has joined and become ready. */
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
   * Removes a worker; its samples are given out again.
   *
   * @param death what it died of; undefined where it lives on
   */
  leave(worker: Participant, death?: string): void {
    const member = this.members.get(worker);
    if (member === undefined) return;
    this.members.delete(worker);
    const isStopping = this.stopping.delete(worker);
    this.assignment.leave(member);
    // Before the call runs, and where it has been aborted, it does not matter.
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
          // Others have been given to somebody else, or have ended; and none ends twice.
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
        // Its marks are kept: it is an error of the library's own.
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

  /** Rejects the call with an error thrown while an event is handled. */
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

  /** Number of threads that were given samples, at least 1. A replacement counts as the worker it replaces. */
  get threads(): number {
    return Math.max(1, this.given.size + this.lost);
  }

  /** True if a worker takes part, or will as soon as it is ready. */
  has(worker: Participant): boolean {
    return this.members.has(worker);
  }

  /** Runs the call to its end, or to its abort. */
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
    // The last results may have come during a pause, after its report.
    if (assignment.isDone) await control.pause();
    if (control.aborted() && !this.error) await this.stop();
    if (this.error) throw this.error;
  }

  /** Closes the call in all workers. */
  close(): void {
    if (!this.isRunning) return;
    for (const worker of this.members.keys()) {
      if (!worker.isReady) continue;
      if (!this.assignment.isDone) this.send(worker, "stop");
      this.send(worker, "close");
    }
  }

  /** Gives a worker as many samples as it may hold. */
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

  /** Stops the workers and waits for their last results. */
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

  /** Resolves when a worker has reported or died, or after LOOK_UP. */
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

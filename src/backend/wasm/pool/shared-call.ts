import { messageOf } from "../../../brand.ts";
import { isErrorCode, LatentflowError } from "../../../errors.ts";
import type { Control } from "../../../solver/base.ts";
import type { SampleFeed } from "../../feed.ts";
import { Dealer, type Hand } from "./dealer.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { SharedWork } from "./shared-work.ts";

/** A worker of the pool, as a call sees it. */
export interface CallWorker {
  readonly isReady: boolean;
  post(message: ToWorker): void;
  /** Ends it for good; whoever it works for hears of it by `leave`. */
  end(reason: string): void;
}

/** Workers that may die in one call before it gives up: one may be killed, but what kills each new one is the work. */
const MOST_DEATHS = 3;
/** How often the caller's signal is looked at while there is nothing to do but wait, in milliseconds. */
const LOOK_UP = 10;

/** A worker that has not stopped so long after an abort, in milliseconds, is ended. */
const LONGEST_STOP = 10_000;

/** What a worker has found out about a call. */
export type CallMessage = Extract<FromWorker, { type: "results" | "stopped" | "failed" }>;

/** A call that is shared among this thread and workers: it deals the samples out and takes the results in. */
export class SharedCall {
  private readonly dealer: Dealer;
  private readonly here: Hand;
  private readonly hands = new Map<CallWorker, Hand>();
  private readonly stopping = new Set<CallWorker>();
  private deaths = 0;
  private error: LatentflowError | undefined;
  private wake = () => {};

  /**
   * @param most samples that one thread holds
   * @param mostWorkers that take part
   */
  constructor(
    private readonly number: number,
    private readonly work: SharedWork,
    most: number,
    private readonly mostWorkers: number,
  ) {
    this.dealer = new Dealer(work.sampleCount, most);
    this.here = this.dealer.join();
    work.watch((sample) => this.dealer.end(sample));
  }

  /** Has a worker take part as soon as it is ready. */
  join(worker: CallWorker): void {
    if (this.hands.size === this.mostWorkers) return;
    this.hands.set(worker, this.dealer.join());
    if (worker.isReady) this.begin(worker);
  }

  /** A worker that had joined is ready. */
  begin(worker: CallWorker): void {
    if (!this.hands.has(worker)) return;
    this.guard(() => worker.post({ type: "open", call: this.number, description: this.work.description }));
    this.deal(worker);
  }

  /** A worker is lost, and what it had is to be done again. */
  leave(worker: CallWorker, reason: string): void {
    const hand = this.hands.get(worker);
    if (hand === undefined) return;
    this.hands.delete(worker);
    const isStopping = this.stopping.delete(worker);
    this.dealer.leave(hand);
    // Where the call has been aborted it does not matter.
    if (worker.isReady && !isStopping && ++this.deaths > MOST_DEATHS) {
      const message = `wasm: ${this.deaths} workers have died in one call, the last one with: ${reason}; wasm({ threads: 1 }) does without`;
      this.error ??= new LatentflowError("worker_failed", message);
    }
    for (const other of this.hands.keys()) if (other.isReady) this.deal(other);
    this.wake();
  }

  /** Takes in what a worker says of the call; nothing once it has left. */
  receive(worker: CallWorker, message: CallMessage): void {
    const hand = this.hands.get(worker);
    if (hand === undefined) return;
    this.guard(() => {
      if (message.type === "results") {
        this.place(hand, message);
      } else if (message.type === "stopped") {
        this.stopping.delete(worker);
      } else {
        const code = isErrorCode(message.code) ? message.code : "worker_failed";
        this.error ??= new LatentflowError(code, messageOf(message));
      }
    });
    this.deal(worker);
    this.wake();
  }

  /** Takes results over of the samples that the hand holds: others have been dealt to somebody else, or have ended. */
  private place(hand: Hand, { samples, results }: Extract<CallMessage, { type: "results" }>): void {
    const held = samples.map((sample) => (this.dealer.holds(hand, sample) ? sample : -1));
    this.work.place(held, results);
  }

  /** What is thrown while an event is handled rejects the call: there is nobody else to catch it. */
  private guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.error ??=
        error instanceof LatentflowError
          ? error
          : new LatentflowError("worker_failed", `wasm: ${messageOf(error)}`, { cause: error });
    }
  }

  /** How many threads take part. */
  get threads(): number {
    let threads = 1;
    for (const worker of this.hands.keys()) if (worker.isReady) threads++;
    return threads;
  }

  /** Runs the call to its end, or to its abort. */
  async run(control: Control): Promise<void> {
    const { dealer, here } = this;
    const own: Control = {
      aborted: () => this.error !== undefined || control.aborted(),
      pause: () => control.pause(),
    };
    const feed: SampleFeed = {
      get hasMore() {
        return dealer.allowance(here) > 0;
      },
      take: (most) => dealer.take(here, most),
    };
    while (!dealer.isDone && !own.aborted()) {
      if (feed.hasMore) await this.work.here(own, feed);
      else await this.news();
      await control.pause();
    }
    // The last results may have come during a pause, after its report.
    if (dealer.isDone) await control.pause();
    if (control.aborted() && !this.error) await this.stop();
    if (this.error) throw this.error;
  }

  /** Has the workers forget the call. */
  close(): void {
    for (const worker of this.hands.keys()) {
      if (!worker.isReady) continue;
      if (!this.dealer.isDone) this.say(worker, "stop");
      this.say(worker, "close");
    }
  }

  /** Gives a worker what it has room for. */
  private deal(worker: CallWorker): void {
    const hand = this.hands.get(worker);
    if (hand === undefined || this.error || this.stopping.has(worker)) return;
    this.guard(() => {
      for (;;) {
        const range = this.dealer.take(hand, this.work.sampleCount);
        if (!range) return;
        const samples = Array.from({ length: range.count }, (_, i) => range.first + i);
        worker.post({ type: "samples", call: this.number, samples, data: this.work.data(range) });
      }
    });
  }

  /** Stops the workers and waits for what they have. */
  private async stop(): Promise<void> {
    for (const worker of this.hands.keys()) {
      if (!worker.isReady) continue;
      this.stopping.add(worker);
      this.say(worker, "stop");
    }
    const since = performance.now();
    while (this.stopping.size > 0) {
      await this.news();
      if (performance.now() - since < LONGEST_STOP) continue;
      for (const worker of this.stopping) worker.end("it did not stop");
    }
  }

  private say(worker: CallWorker, type: "stop" | "close"): void {
    try {
      worker.post({ type, call: this.number });
    } catch (error) {
      worker.end(messageOf(error));
    }
  }

  /** Resolves when a worker has reported or died, and now and then. */
  private news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_UP);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

import { messageOf } from "../../../base/realms.ts";
import type { Participant } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { HeldDecoders } from "./held-decoders.ts";
import type { Job } from "./jobs.ts";
import type { Thread } from "./thread.ts";

/** Milliseconds without work after which a worker is ended. */
const LONGEST_IDLE = 30_000;

/** Functions of the worker group that a worker calls. */
interface Owner {
  /** Returns the memory limit for the worker's decoders, in bytes. */
  memory(): number;
  /** Returns true if a call uses the worker, or will once it is ready. */
  isAtWork(): boolean;
  /** Ends the worker, which is idle: after a long idle time, or at once if it has to leave. */
  endIdle(): void;
  /** Ends the worker after a failure, and calls `leave` of each call that it works for. */
  end(reason: string): void;
}

/** Main thread's view of a worker of the pool: its calls, its decoders and its idle time. */
export class PoolWorker implements Participant {
  /** True once the worker has started and receives messages. */
  isReady = false;
  /** True if the worker has to end as soon as it is idle. */
  isLeaving = false;
  /** Thread of the worker, set by the worker group right after construction. */
  thread!: Thread;
  /** Decoders that the worker holds, as far as this thread has sent them. */
  readonly decoders: HeldDecoders;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;
  /** Resolves `ended`; called when the thread has ended. */
  markEnded!: () => void;
  /** Calls that the worker takes part in, by number, each with its decoder. */
  private readonly calls = new Map<number, DecoderHandle>();
  private idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly owner: Owner) {
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    this.decoders = new HeldDecoders(
      (message) => this.post(message),
      () => owner.memory(),
      (decoder) => [...this.calls.values()].some(({ number }) => number === decoder),
    );
  }

  /** True if no call uses the worker, or will once it has started. */
  get isIdle(): boolean {
    return this.calls.size === 0 && !this.owner.isAtWork();
  }

  /** Number of calls that the worker takes part in. */
  get callCount(): number {
    return this.calls.size;
  }

  /** Function that sends a message to the worker. */
  get post(): Thread["post"] {
    return this.thread.post;
  }

  /** Ends the worker after a failure, described by `reason`, and calls `leave` of each call that it works for. */
  end(reason: string): void {
    this.owner.end(reason);
  }

  /** Ends the worker's thread at once, whatever it is doing. */
  terminate(): void {
    clearTimeout(this.idleTimer);
    this.thread.terminate().then(this.markEnded);
  }

  /**
   * Prepares the worker for a call's job: sends the decoder in its current state, then opens the call. Returns the reason if
   * that fails, else undefined.
   */
  open(call: number, { handle, description, jacobian }: Job): string | undefined {
    try {
      const reason = this.decoders.bring(handle, jacobian);
      if (reason !== undefined) return reason;
    } catch (error) {
      // A decoder may be too large to be copied.
      return messageOf(error);
    }
    this.calls.set(call, handle);
    clearTimeout(this.idleTimer);
    this.post({ type: "open", call, decoder: handle.number, description });
    return undefined;
  }

  /** Removes a finished call; then drops its decoder if that was disposed, and decoders above the memory limit. */
  release(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle?.decoder.disposed) this.decoders.forget(handle.number);
    this.decoders.forgetSurplus();
  }

  /** Removes a call that the worker declined, and the call's decoder, which the worker then does not hold. */
  declined(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle) this.decoders.remove(handle.number);
  }

  /** Ends the worker if it is idle: at once if it has to leave, else after LONGEST_IDLE milliseconds. */
  endWhenIdle(): void {
    clearTimeout(this.idleTimer);
    if (!this.isIdle) return;
    if (this.isLeaving) {
      this.owner.endIdle();
      return;
    }
    this.idleTimer = setTimeout(() => this.owner.endIdle(), LONGEST_IDLE);
    (this.idleTimer as { unref?(): void }).unref?.();
  }
}

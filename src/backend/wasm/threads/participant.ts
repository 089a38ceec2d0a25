import { messageOf } from "../../../base/realms.ts";
import type { Participant } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { HeldDecoders } from "./held-decoders.ts";
import type { Job } from "./jobs.ts";
import type { TrainerStep } from "./messages.ts";
import type { Thread } from "./thread.ts";

/** A worker that has had nothing to do for this long, in milliseconds, is ended. */
const LONGEST_IDLE = 30_000;

/** Functions of the group that a worker belongs to. */
interface Owner {
  /** Memory that the worker's decoders may take, in bytes. */
  memory(): number;
  /** True if a call uses the worker, or will once it is ready. */
  isAtWork(): boolean;
  /** Ends the worker, which has been idle for long, or has to leave. */
  endIdle(): void;
  /** Ends the worker, which has failed, and calls `leave` of each call that it works for. */
  end(reason: string): void;
}

/** A worker of the pool, as this thread sees it: the calls that it works on, and the time for which it is idle. */
export class PoolWorker implements Participant {
  isReady = false;
  /** True if the worker has to end as soon as it is idle. */
  isLeaving = false;
  /** Set by the group, at once. */
  thread!: Thread;
  readonly decoders: HeldDecoders;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** To be called when it has. */
  markEnded!: () => void;
  /** The calls that it works on, and the decoder of each. */
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

  get isIdle(): boolean {
    return this.calls.size === 0 && !this.owner.isAtWork();
  }

  get callCount(): number {
    return this.calls.size;
  }

  /** Sends a message. */
  get post(): Thread["post"] {
    return this.thread.post;
  }

  end(reason: string): void {
    this.owner.end(reason);
  }

  terminate(): void {
    this.clearIdleTimer();
    this.thread.terminate().then(this.markEnded);
  }

  /** Has it get ready for the job of a call, with the decoder as it is now. */
  open(call: number, { handle, description, jacobian }: Job): string | undefined {
    try {
      const reason = this.decoders.bring(handle, jacobian);
      if (reason !== undefined) return reason;
    } catch (error) {
      // A decoder may be larger than what can be copied.
      return messageOf(error);
    }
    this.calls.set(call, handle);
    this.clearIdleTimer();
    this.post({ type: "open", call, decoder: handle.number, description });
    return undefined;
  }

  /** Removes a call that has ended, and the decoders that no call needs any more. */
  release(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle?.decoder.disposed) this.decoders.forget(handle.number);
    this.decoders.forgetSurplus();
  }

  /** Removes a call that the worker could not take, with the call's decoder, which the worker does not hold then. */
  declined(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle) this.decoders.remove(handle.number);
  }

  /** Has the worker take a step of a decoder's training, if it has taken all steps before. */
  postStep(handle: DecoderHandle, makeStep: () => TrainerStep): void {
    this.decoders.step(handle, makeStep);
  }

  /** Ends an idle worker: at once if it has to leave, else after LONGEST_IDLE. */
  endWhenIdle(): void {
    this.clearIdleTimer();
    if (!this.isIdle) return;
    if (this.isLeaving) {
      this.owner.endIdle();
      return;
    }
    this.idleTimer = setTimeout(() => this.owner.endIdle(), LONGEST_IDLE);
    (this.idleTimer as { unref?(): void }).unref?.();
  }

  private clearIdleTimer(): void {
    clearTimeout(this.idleTimer);
  }
}

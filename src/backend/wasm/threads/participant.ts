import { messageOf } from "../../../base/realms.ts";
import type { Participant } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import { HeldDecoders } from "./held-decoders.ts";
import type { Job } from "./jobs.ts";
import type { TrainerStep } from "./messages.ts";
import type { Thread } from "./thread.ts";

/** Milliseconds without work after which a worker is ended. */
const LONGEST_IDLE = 30_000;

/** Functions of the worker group that a worker calls. */
interface Owner {
  /** Memory limit for the worker's decoders, in bytes. */
  memory(): number;
  /** True if a call uses the worker, or will once it is ready. */
  isAtWork(): boolean;
  /** Ends the worker after a long idle time, or because it has to make room. */
  endIdle(): void;
  /** Ends the worker after a failure, and calls `leave` of each call that it works for. */
  end(reason: string): void;
}

/** Worker of the pool, as seen by the main thread: its calls, its decoders and its idle time. */
export class PoolWorker implements Participant {
  isReady = false;
  /** True if the worker has to end as soon as it is idle. */
  isLeaving = false;
  /** Thread of the worker, set by the group right after construction. */
  thread!: Thread;
  readonly decoders: HeldDecoders;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;
  /** Resolves `ended`; called when the thread has ended. */
  markEnded!: () => void;
  /** Calls that the worker takes part in, each with its decoder. */
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

  /** Sends a message to the worker. */
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

  /** Makes the worker ready for the job of a call, with the decoder in its current state. */
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

  /** Removes a finished call, and the decoders that no call uses any more. */
  release(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle?.decoder.disposed) this.decoders.forget(handle.number);
    this.decoders.forgetSurplus();
  }

  /** Removes a call that the worker could not take, and the call's decoder, which it then does not hold. */
  declined(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle) this.decoders.remove(handle.number);
  }

  /** Sends the worker a step of a decoder's training, if it has taken all steps before. */
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

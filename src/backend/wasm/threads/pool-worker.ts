import { messageOf } from "../../../brand.ts";
import { descriptionOf } from "../../../decoder/decoder.ts";
import type { CallWorker } from "./call.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import type { Job } from "./jobs.ts";
import type { ToWorker, TrainerStep } from "./messages.ts";
import type { Thread } from "./thread.ts";

/** A decoder that a worker holds. */
interface HeldDecoder {
  /** How many steps of its training it has taken; undefined outside of a training. */
  steps: number | undefined;
  /** The memory it takes. */
  bytes: number;
  /** Larger for one that was used later. */
  usedAt: number;
}

/** A worker takes about so much memory for a decoder's packed weights as for the weights themselves. */
const COPIES = 2;

/** A worker that has had nothing to do for this long, in milliseconds, is ended. */
const LONGEST_REST = 30_000;

let uses = 0;

/** What a worker needs of the group that it belongs to. */
interface Owner {
  /** How much memory its decoders may take, in bytes. */
  memory(): number;
  /** It has had nothing to do for long, or is to leave: ends it. */
  retire(): void;
  /** It is of no use: ends it, and whoever it works for hears of it by `leave`. */
  end(reason: string): void;
}

/** A worker of the pool, as this thread sees it: which decoders it holds, and which calls it works on. */
export class PoolWorker implements CallWorker {
  isReady = false;
  /** Is it to end as soon as it has nothing to do? */
  isLeaving = false;
  /** Set by the group, at once. */
  thread!: Thread;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  hasEnded!: () => void;
  private readonly decoders = new Map<number, HeldDecoder>();
  /** The calls that it works on, and the decoder of each. */
  private readonly calls = new Map<number, DecoderHandle>();
  private restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly owner: Owner) {
    this.ended = new Promise((resolve) => {
      this.hasEnded = resolve;
    });
  }

  get isIdle(): boolean {
    return this.calls.size === 0;
  }

  get callCount(): number {
    return this.calls.size;
  }

  end(reason: string): void {
    this.owner.end(reason);
  }

  terminate(): void {
    this.thread.terminate().then(this.hasEnded);
  }

  /** It may have nothing to do: then it ends, at once or after a while. */
  rest(): void {
    this.stopResting();
    if (!this.isIdle) return;
    if (this.isLeaving) {
      this.owner.retire();
      return;
    }
    this.restTimer = setTimeout(() => this.owner.retire(), LONGEST_REST);
    (this.restTimer as { unref?(): void }).unref?.();
  }

  stopResting(): void {
    clearTimeout(this.restTimer);
  }

  holds({ number }: DecoderHandle): boolean {
    return this.decoders.has(number);
  }

  post(message: ToWorker): void {
    this.thread.post(message);
  }

  /** Has it get ready for the job of a call, with the decoder as it is now. */
  open(call: number, { handle, description }: Job): string | undefined {
    const { number, training } = handle;
    let held = this.decoders.get(number);
    const missed = held && held.steps === training?.steps ? [] : training ? training.catchUp() : [];
    if (!missed) return "the decoder is in the middle of an update";
    if (!held) {
      try {
        held = this.send(handle);
      } catch (error) {
        return messageOf(error);
      }
    }
    for (const step of missed) this.post({ type: "train", decoder: number, step });
    held.steps = training?.steps;
    held.usedAt = ++uses;
    this.calls.set(call, handle);
    this.stopResting();
    this.forgetSurplus();
    this.post({ type: "open", call, decoder: number, description });
    return undefined;
  }

  /** Sends a decoder, of which there may be more than can be copied. */
  private send({ number, decoder }: DecoderHandle): HeldDecoder {
    const { parameters } = decoder;
    this.post({ type: "decoder", decoder: number, graph: descriptionOf(decoder), parameters });
    const held = { steps: undefined, bytes: COPIES * parameters.byteLength, usedAt: 0 };
    this.decoders.set(number, held);
    return held;
  }

  /** It could not take a call, whose decoder it does not hold then. */
  declined(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle) this.decoders.delete(handle.number);
  }

  /** It has no more to do with a call. */
  release(call: number): void {
    const handle = this.calls.get(call);
    this.calls.delete(call);
    if (handle?.decoder.disposed) this.forget(handle.number);
    this.forgetSurplus();
  }

  /** Has it take a step of a decoder's training, if it has taken all before. */
  follow({ number, training }: DecoderHandle, makeStep: () => TrainerStep): void {
    const held = this.decoders.get(number);
    if (!held || held.steps !== training!.steps) return;
    this.post({ type: "train", decoder: number, step: makeStep() });
    held.steps++;
  }

  /** Has it forget a decoder, unless it works with it. */
  forget(number: number): void {
    if (!this.decoders.has(number) || this.isAtWorkWith(number)) return;
    this.decoders.delete(number);
    try {
      this.post({ type: "forget", decoder: number });
    } catch {
      // It is being ended, or cannot be spoken to any more: then it is of no use to the next call either.
    }
  }

  /** A decoder's memory has come to so much. */
  setMemory(number: number, bytes: number): void {
    const held = this.decoders.get(number);
    if (held) held.bytes = bytes;
    this.forgetSurplus();
  }

  private isAtWorkWith(number: number): boolean {
    return [...this.calls.values()].some((handle) => handle.number === number);
  }

  /** Forgets the decoders used longest ago, while all take more memory than they may; the last one used stays. */
  private forgetSurplus(): void {
    const byUse = [...this.decoders].sort(([, a], [, b]) => a.usedAt - b.usedAt).slice(0, -1);
    let bytes = [...this.decoders.values()].reduce((sum, held) => sum + held.bytes, 0);
    for (const [number, held] of byUse) {
      if (bytes <= this.owner.memory()) return;
      if (this.isAtWorkWith(number)) continue;
      this.forget(number);
      bytes -= held.bytes;
    }
  }
}

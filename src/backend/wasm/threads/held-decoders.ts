import { type Decoder, descriptionOf } from "../../../decoder/decoder.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import type { ToWorker, TrainerStep } from "./messages.ts";

/** Decoder that a worker holds, as recorded on the main thread. */
interface HeldDecoder {
  /** Number of training steps it has taken; undefined outside of a training. */
  steps: number | undefined;
  /** True if the worker has J₀ᵀ for the weights after these steps. */
  hasJacobian: boolean;
  /** Memory of the decoder in the worker, in bytes: reported or estimated. */
  bytes: number;
  /** Time of the last use, as a counter. */
  usedAt: number;
}

/** Assumed memory of a decoder, in bytes of its parameters, until a worker reports it: they are packed for both directions. */
const COPIES = 2;

let uses = 0;

/** Decoders that a worker holds, with their training steps; those used longest ago are removed. */
export class HeldDecoders {
  private readonly decoders = new Map<number, HeldDecoder>();

  /**
   * @param post sends a message to the worker
   * @param memory how much memory its decoders may take, in bytes
   * @param isAtWork does the worker work with the decoder of this number?
   */
  constructor(
    private readonly post: (message: ToWorker) => void,
    private readonly memory: () => number,
    private readonly isAtWork: (decoder: number) => boolean,
  ) {}

  has({ number }: DecoderHandle): boolean {
    return this.decoders.has(number);
  }

  /**
   * Sends what the worker needs to hold a decoder in its current state; returns the reason if that is not possible.
   *
   * @param jacobian a copy of J₀ᵀ, which it is to have as well, if that has been made
   */
  bring(
    { number, decoder, training }: DecoderHandle,
    jacobian: () => Float32Array<ArrayBuffer> | undefined = () => undefined,
  ): string | undefined {
    const held = this.decoders.get(number);
    const missed = held && held.steps === training?.steps ? [] : training ? training.catchUp() : [];
    if (!missed) return "the decoder is in the middle of an update";
    const brought = held ?? this.send(number, decoder);
    for (const step of missed) this.post({ type: "train", decoder: number, step });
    brought.steps = training?.steps;
    if (missed.length > 0) brought.hasJacobian = false;
    const rows = brought.hasJacobian ? undefined : jacobian();
    if (rows) this.post({ type: "jacobian", decoder: number, rows });
    brought.hasJacobian ||= rows !== undefined;
    brought.usedAt = ++uses;
    this.forgetSurplus();
    return undefined;
  }

  /** Sends the worker a step of a decoder's training, if it has taken all steps before. */
  step({ number, training }: DecoderHandle, makeStep: () => TrainerStep): void {
    const held = this.decoders.get(number);
    if (!held || held.steps !== training!.steps) return;
    this.post({ type: "train", decoder: number, step: makeStep() });
    held.steps++;
    held.hasJacobian = false;
  }

  /** Makes the worker drop a decoder, unless a call uses it. */
  forget(number: number): void {
    if (!this.decoders.has(number) || this.isAtWork(number)) return;
    this.decoders.delete(number);
    try {
      this.post({ type: "forget", decoder: number });
    } catch {
      // The worker is being ended, or cannot be spoken to any more: then it is of no use to the next call either.
    }
  }

  /** Records that the worker does not hold a decoder. */
  remove(number: number): void {
    this.decoders.delete(number);
  }

  /** Records the memory of a decoder that a worker has reported. */
  setMemory(number: number, bytes: number): void {
    const held = this.decoders.get(number);
    if (held) held.bytes = bytes;
    this.forgetSurplus();
  }

  /** Drops the decoders used longest ago while all exceed the memory limit; the last one used stays. */
  forgetSurplus(): void {
    const byUse = [...this.decoders].sort(([, a], [, b]) => a.usedAt - b.usedAt).slice(0, -1);
    let bytes = [...this.decoders.values()].reduce((sum, held) => sum + held.bytes, 0);
    for (const [number, held] of byUse) {
      if (bytes <= this.memory()) return;
      if (this.isAtWork(number)) continue;
      this.forget(number);
      bytes -= held.bytes;
    }
  }

  private send(number: number, decoder: Decoder): HeldDecoder {
    const { parameters } = decoder;
    this.post({ type: "decoder", decoder: number, graph: descriptionOf(decoder), parameters });
    const held: HeldDecoder = {
      steps: undefined,
      hasJacobian: false,
      bytes: COPIES * parameters.byteLength,
      usedAt: 0,
    };
    this.decoders.set(number, held);
    return held;
  }
}

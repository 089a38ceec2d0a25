import { type Decoder, descriptionOf } from "../../../decoder/decoder.ts";
import type { DecoderHandle } from "./decoder-handle.ts";
import type { ToWorker, TrainerStep } from "./messages.ts";

/** Main thread's record of a decoder that a worker holds. */
interface HeldDecoder {
  /** Number of training steps of the decoder that the worker has taken; undefined if the decoder is not being trained. */
  steps: number | undefined;
  /**
   * True if the worker has J₀ᵀ, the transposed Jacobian at the decoder's start latent, computed with the weights after `steps`
   * training steps.
   */
  hasJacobian: boolean;
  /** Memory of the decoder in the worker, in bytes: estimated until the worker reports it. */
  bytes: number;
  /** Value of the counter `uses` at the last use of the decoder: larger is later. */
  usedAt: number;
}

/**
 * Memory of a decoder in a worker, as a multiple of its parameters' bytes, assumed until the worker reports it: parameters are
 * packed for both directions.
 */
const COPIES = 2;

/** Number of uses of decoders so far, by which the least recently used is found. */
let uses = 0;

/**
 * Decoders that a worker holds, with their training steps; the least recently used are dropped if all together exceed the
 * memory limit.
 */
export class HeldDecoders {
  private readonly decoders = new Map<number, HeldDecoder>();

  /**
   * Starts with no decoders.
   *
   * @param post sends a message to the worker
   * @param memory returns the memory limit for the worker's decoders, in bytes
   * @param isAtWork returns true if the worker uses the decoder with this number in a call
   */
  constructor(
    private readonly post: (message: ToWorker) => void,
    private readonly memory: () => number,
    private readonly isAtWork: (decoder: number) => boolean,
  ) {}

  /** Returns true if the worker holds the decoder. */
  has({ number }: DecoderHandle): boolean {
    return this.decoders.has(number);
  }

  /**
   * Sends the worker what it needs to hold a decoder in its current state; returns the reason if that is impossible now, else
   * undefined.
   *
   * @param jacobian returns a copy of J₀ᵀ, the transposed Jacobian at the decoder's start latent, [latentSize, outputSize],
   *   to be sent too; undefined if there is none
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

  /** Sends the worker one step of a decoder's training, if it has taken all earlier steps. */
  step({ number, training }: DecoderHandle, makeStep: () => TrainerStep): void {
    const held = this.decoders.get(number);
    if (!held || held.steps !== training!.steps) return;
    this.post({ type: "train", decoder: number, step: makeStep() });
    held.steps++;
    held.hasJacobian = false;
  }

  /** Makes the worker drop a decoder. No-op while a call uses the decoder. */
  forget(number: number): void {
    if (!this.decoders.has(number) || this.isAtWork(number)) return;
    this.decoders.delete(number);
    try {
      this.post({ type: "forget", decoder: number });
    } catch {
      // The worker is being terminated or cannot be reached: it will not serve the next call either.
    }
  }

  /** Records that the worker does not hold a decoder. */
  remove(number: number): void {
    this.decoders.delete(number);
  }

  /** Records the memory that a worker has reported for a decoder, in bytes. */
  setMemory(number: number, bytes: number): void {
    const held = this.decoders.get(number);
    if (held) held.bytes = bytes;
    this.forgetSurplus();
  }

  /**
   * Makes the worker drop the least recently used decoders while the memory of all its decoders exceeds the limit. The most
   * recently used one, and those that a call uses, stay.
   */
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

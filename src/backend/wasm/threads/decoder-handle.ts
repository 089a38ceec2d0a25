import { kept } from "../../../base/kept.ts";
import { type Decoder, onDispose } from "../../../decoder/decoder.ts";
import type { TrainerStep } from "./messages.ts";

/** Main thread's record of a decoder that workers may hold. */
export interface DecoderHandle {
  /** Number that identifies the decoder in messages. */
  readonly number: number;
  readonly decoder: Decoder;
  /** Reason why calls with the decoder stay on one thread; undefined if workers may take part. */
  whyAlone: string | undefined;
  /** State of the decoder's training, whose steps workers repeat (`lockStepTrainer`); undefined if it is not being trained. */
  training: Training | undefined;
  /**
   * Estimated work of recent calls with the decoder, in milliseconds of one thread, and the time of the last call
   * (`performance.now()`).
   */
  readonly recentWork: { milliseconds: number; at: number };
}

/** Progress of a decoder's training on the main thread, from which a worker that lags behind is brought up to date. */
export interface Training {
  /** Number of training steps posted to workers: a worker that has taken as many has the same weights. */
  steps: number;
  /** Returns the steps that bring a worker to the trainer's state; undefined in the middle of an update. */
  catchUp(): readonly TrainerStep[] | undefined;
}

const handles = new WeakMap<Decoder, DecoderHandle>();
let count = 0;

/**
 * Returns the record of a decoder, which is made on first use.
 *
 * @param forget called with the decoder's number when it has been disposed or garbage-collected
 */
export function decoderHandle(decoder: Decoder, forget: (number: number) => void): DecoderHandle {
  return kept(handles, decoder, () => {
    const number = count++;
    dropped.register(decoder, { number, forget });
    onDispose(decoder, () => forget(number));
    const recentWork = { milliseconds: 0, at: Number.NEGATIVE_INFINITY };
    return { number, decoder, whyAlone: undefined, training: undefined, recentWork };
  });
}

/** Registry of garbage-collected decoders that were never disposed: without it workers would keep them. */
const dropped = new FinalizationRegistry<{ number: number; forget: (number: number) => void }>(
  ({ number, forget }) => forget(number),
);

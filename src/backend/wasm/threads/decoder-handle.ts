import { kept } from "../../../base/kept.ts";
import { type Decoder, onDispose } from "../../../decoder/decoder.ts";
import type { TrainerStep } from "./messages.ts";

/** State, on this thread, of a decoder that workers may hold. */
export interface DecoderHandle {
  /** Number by which messages name the decoder. */
  readonly number: number;
  readonly decoder: Decoder;
  /** Reason why the decoder's calls stay on one thread; undefined if they may be shared. */
  whyAlone: string | undefined;
  /** State of the decoder's training, see `lockStepTrainer`; undefined outside of one. */
  training: Training | undefined;
  /** Estimated time of recent calls on one thread, in milliseconds, and the time of the last one. */
  readonly recentWork: { milliseconds: number; at: number };
}

export interface Training {
  /** Number of training steps posted: a worker that has taken as many has the same weights. */
  steps: number;
  /** Returns the steps that bring a worker to the trainer's state; undefined if that is not possible now. */
  catchUp(): readonly TrainerStep[] | undefined;
}

const handles = new WeakMap<Decoder, DecoderHandle>();
let count = 0;

/** @param forget called with its number when the decoder has been disposed or collected */
export function decoderHandle(decoder: Decoder, forget: (number: number) => void): DecoderHandle {
  return kept(handles, decoder, () => {
    const number = count++;
    dropped.register(decoder, { number, forget });
    onDispose(decoder, () => forget(number));
    const recentWork = { milliseconds: 0, at: Number.NEGATIVE_INFINITY };
    return { number, decoder, whyAlone: undefined, training: undefined, recentWork };
  });
}

/** Registry of collected decoders that were never disposed: without it workers would keep them. */
const dropped = new FinalizationRegistry<{ number: number; forget: (number: number) => void }>(
  ({ number, forget }) => forget(number),
);

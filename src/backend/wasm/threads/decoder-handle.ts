import { type Decoder, onDispose } from "../../../decoder/decoder.ts";
import type { TrainerStep } from "./messages.ts";

/** State of a decoder that workers may hold, on this thread. */
export interface DecoderHandle {
  /** Number of the decoder in messages. */
  readonly number: number;
  readonly decoder: Decoder;
  /** Why its calls stay on one thread; undefined where they need not. */
  whyAlone: string | undefined;
  /** While it is trained: see `lockStepTrainer`. */
  training: Training | undefined;
  /** About how long its calls would have taken on one thread, in milliseconds, and when the last one was. */
  readonly recentWork: { milliseconds: number; at: number };
}

export interface Training {
  /** Number of steps posted: a worker whose decoder has taken as many has the same weights. */
  steps: number;
  /** The steps that bring a worker's decoder to where the trainer is; undefined while that is not possible. */
  catchUp(): readonly TrainerStep[] | undefined;
}

const handles = new WeakMap<Decoder, DecoderHandle>();
let count = 0;

/** @param forget called with its number when the decoder has been disposed or collected */
export function decoderHandle(decoder: Decoder, forget: (number: number) => void): DecoderHandle {
  let handle = handles.get(decoder);
  if (!handle) {
    const number = count++;
    handle = {
      number,
      decoder,
      whyAlone: undefined,
      training: undefined,
      recentWork: { milliseconds: 0, at: Number.NEGATIVE_INFINITY },
    };
    handles.set(decoder, handle);
    dropped.register(decoder, { number, forget });
    onDispose(decoder, () => forget(number));
  }
  return handle;
}

/** For decoders that are dropped and never disposed: workers would hold them for good. */
const dropped = new FinalizationRegistry<{ number: number; forget: (number: number) => void }>(
  ({ number, forget }) => forget(number),
);

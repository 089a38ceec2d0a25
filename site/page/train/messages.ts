// Calls of the worker that trains a decoder.

/** Format of a decoder's file. */
export type FileFormat = "safetensors" | "onnx";

/**
 * Absolute URLs of the digits to train on, and of those for checks; absolute, since a worker resolves URLs differently
 * from the page.
 */
export interface DigitFiles {
  readonly seen: string;
  readonly unseen: string;
}

/** A training step on one mini-batch. */
export interface Step {
  /** Number of digits trained on so far, counting repetitions. */
  readonly digits: number;
  /** Mean loss of the mini-batch at its codes. */
  readonly loss: number;
}

/** Result of encoding the unseen digits with the current decoder. */
export interface Check {
  /** Number of finished rounds (passes over the training digits). */
  readonly round: number;
  readonly digits: number;
  /** Mean loss of the unseen digits. */
  readonly loss: number;
  /** The first unseen digits as given, SHOWN × 784. */
  readonly y: Float32Array;
  /** The same digits as decoded from their codes, SHOWN × 784. */
  readonly x: Float32Array;
}

/** Calls of the worker that trains a decoder, one at a time. */
export interface TrainCalls {
  /** Fetches the digits, and checks the untrained decoder. */
  open: { arguments: DigitFiles; reply: Check; progress: never };
  /** Trains until the last round; if cancelled, pauses after a mini-batch. */
  train: { arguments: undefined; reply: { readonly hasEnded: boolean }; progress: TrainProgress };
  /** Starts again with an untrained decoder, and checks it. */
  reset: { arguments: undefined; reply: Check; progress: never };
  /** Returns the current decoder as a file. */
  file: { arguments: { format: FileFormat }; reply: Uint8Array; progress: never };
}

/** Progress of a training: a step on a mini-batch, or the check after a round. */
export type TrainProgress =
  | { readonly kind: "step"; readonly step: Step }
  | { readonly kind: "check"; readonly check: Check };

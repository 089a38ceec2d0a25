// Calls of the worker that trains.

/** Format of a decoder's file. */
export type FileFormat = "safetensors" | "onnx";

/** Addresses of the digits: to train on, and to look at. Absolute, since a worker has another base than the page. */
export interface DigitFiles {
  readonly seen: string;
  readonly unseen: string;
}

/** One mini-batch. */
export interface Step {
  /** Digits trained on, with repeats. */
  readonly digits: number;
  /** Mean loss of the mini-batch at its codes. */
  readonly loss: number;
}

/** Unseen digits, encoded with the decoder as it is. */
export interface Check {
  /** Rounds that are done, passes over the digits. */
  readonly round: number;
  readonly digits: number;
  /** Mean loss of the unseen digits. */
  readonly loss: number;
  /** First unseen digits as they are, and as the decoder draws their codes: SHOWN × 784 each. */
  readonly y: Float32Array;
  readonly x: Float32Array;
}

/** Calls of the worker, one at a time. */
export interface TrainCalls {
  /** Fetches the digits, and checks the untrained decoder. */
  open: { arguments: DigitFiles; reply: Check; progress: never };
  /** Trains until the last round. Cancelled, it pauses between two mini-batches. */
  train: { arguments: undefined; reply: { readonly hasEnded: boolean }; progress: TrainProgress };
  /** Begins again with the untrained decoder, and checks it. */
  reset: { arguments: undefined; reply: Check; progress: never };
  /** The decoder as a file. */
  file: { arguments: { format: FileFormat }; reply: Uint8Array; progress: never };
}

/** A mini-batch of the training, or the check after a round. */
export type TrainProgress =
  | { readonly kind: "step"; readonly step: Step }
  | { readonly kind: "check"; readonly check: Check };

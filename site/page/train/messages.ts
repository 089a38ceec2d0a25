// Messages between the page and the worker that trains: commands one way, events the other.

/** From the page. */
export type ToTrainer =
  /** Fetches the digits, and reports what the untrained decoder makes of unseen ones. */
  | { readonly kind: "open"; readonly seen: string; readonly unseen: string }
  /** Trains until the last round, or until a command to pause. */
  | { readonly kind: "train" }
  /** Stops between two mini-batches. */
  | { readonly kind: "pause" }
  /** Stops, and begins again with the untrained decoder. */
  | { readonly kind: "reset" }
  /** Stops, and asks for the decoder as a file of this format. */
  | { readonly kind: "file"; readonly format: FileFormat };

/** Format of a decoder's file. */
export type FileFormat = "safetensors" | "onnx";

/** One mini-batch. */
export interface Step {
  /** Digits that were trained on, repeated ones counted again. */
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

/** From the worker. */
export type FromTrainer =
  | ({ readonly kind: "step" } & Step)
  | ({ readonly kind: "check" } & Check)
  /** Training has stopped: it was paused, or all rounds are done. */
  | { readonly kind: "stopped"; readonly hasEnded: boolean }
  | { readonly kind: "file"; readonly format: FileFormat; readonly bytes: Uint8Array }
  | { readonly kind: "failure"; readonly message: string };

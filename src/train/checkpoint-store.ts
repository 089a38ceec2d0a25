import { about } from "../base/calling.ts";
import { attached } from "../base/realms.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint-format.ts";

/** Storage for the checkpoints of one run. */
export interface CheckpointStore {
  /**
   * Loads the checkpoint to continue from; undefined if there is none. Called once, before the first `save`.
   *
   * @throws LatentflowError `invalid_file` if all stored checkpoints are damaged; `invalid_argument` if there is one and
   *   `resume` is false; `locked` if another run uses the storage
   */
  load(): Promise<LoadedCheckpoint | undefined>;
  /**
   * Stores a checkpoint; resolves when it is stored durably.
   *
   * @throws LatentflowError `locked` if this run no longer holds the storage; the checkpoints in it stay unchanged
   */
  save(bytes: Uint8Array): Promise<void>;
  /** Releases the storage to other runs. Called at the end of every run, even if `load` was not. */
  close(): Promise<void>;
}

/** Checkpoint that was loaded, with its origin. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Path of the checkpoint's file, or "checkpoint.resume", the name of the option that has the checkpoint's bytes. */
  readonly from: string;
  /** Reason why the newest checkpoint was not used, with the name of its file; undefined if it was used. */
  readonly refused: string | undefined;
}

/**
 * Creates a store that passes checkpoints to the caller's function `save`.
 *
 * @param resume bytes of the checkpoint to continue from; undefined for none
 */
export function callerStore(
  save: (bytes: Uint8Array) => void | Promise<void>,
  resume: Uint8Array | undefined,
): CheckpointStore {
  return {
    async load() {
      if (!resume) return undefined;
      const bytes = attached("resume", resume);
      const checkpoint = about("resume", () => readCheckpoint(bytes));
      return { checkpoint, from: "checkpoint.resume", refused: undefined };
    },
    save: async (bytes) => save(bytes),
    async close() {},
  };
}

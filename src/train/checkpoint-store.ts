import { attached } from "../base/realms.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";

/** Keeps checkpoints; for one run. */
export interface CheckpointStore {
  /**
   * The checkpoint to go on from, if any. Called once, before the first `save`.
   *
   * @throws LatentflowError `invalid_file` when what there is, is damaged; `invalid_argument` when something is
   *   there that must not be overwritten; `locked` when another run keeps its checkpoints there
   */
  load(): Promise<LoadedCheckpoint | undefined>;
  /**
   * Keeps a checkpoint; resolves when it is safe.
   *
   * @throws LatentflowError `locked` when another run has taken the place over; nothing of it is changed
   */
  save(bytes: Uint8Array): Promise<void>;
  /** Leaves the place to other runs. Called at the end, whatever it was, also without a `load`. */
  close(): Promise<void>;
}

/** A checkpoint, and what is known of its place. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Where it comes from: a path, or the name of an option. */
  readonly from: string;
  /** Why it is not the newest one that was used: the message names the file. */
  readonly refused: string | undefined;
}

/** Gives checkpoints to the caller, and goes on from the one that the caller gives. */
export function callerStore(
  where: string,
  save: (bytes: Uint8Array) => void | Promise<void>,
  resume: Uint8Array | undefined,
): CheckpointStore {
  return {
    async load() {
      if (!resume) return undefined;
      const checkpoint = readCheckpoint(`${where}.resume`, attached("checkpoint.resume", resume));
      return { checkpoint, from: "checkpoint.resume", refused: undefined };
    },
    save: async (bytes) => save(bytes),
    async close() {},
  };
}

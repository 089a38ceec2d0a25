import { attached } from "../base/realms.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint-format.ts";

/** Place where one run keeps its checkpoints. */
export interface CheckpointStore {
  /**
   * Loads the checkpoint to go on from, if any. Called once, before the first `save`.
   *
   * @throws LatentflowError `invalid_file` when the checkpoints there are damaged; `invalid_argument` when there is one and
   *   `resume` is false; `locked` when another run keeps its checkpoints there
   */
  load(): Promise<LoadedCheckpoint | undefined>;
  /**
   * Writes a checkpoint; resolves when it is safe.
   *
   * @throws LatentflowError `locked` when another run has taken the place over, whose files stay unchanged
   */
  save(bytes: Uint8Array): Promise<void>;
  /** Leaves the place to other runs. Called at every end of a run, even before `load`. */
  close(): Promise<void>;
}

/** Checkpoint with its origin. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Path of its file, or the name of an option. */
  readonly from: string;
  /** Reason why the newest checkpoint was not used, with its file; undefined if it was. */
  readonly refused: string | undefined;
}

/** Creates a store of checkpoints that the caller keeps. */
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

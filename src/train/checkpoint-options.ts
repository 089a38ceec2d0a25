import { within } from "../base/calling.ts";
import { completeOptions, later, number } from "../base/options.ts";
import { checkPresent, isUint8Array } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { type CheckpointStore, callerStore } from "./checkpoint-store.ts";
import { fileStore } from "./file-store.ts";

/** Interval of checkpoints, an option of both forms. */
interface CheckpointInterval {
  /** Time between two checkpoints in seconds, ≥ 0. Default 60. */
  everySeconds?: number | undefined;
}

/** Option `checkpoint` that stores checkpoints in a file, in Node. */
export interface FileCheckpoints extends CheckpointInterval {
  /**
   * Path FILE of the checkpoint file. FILE is the newest checkpoint, FILE.previous the one before it, and FILE.temporary one
   * that is being written. At any moment FILE or FILE.previous is complete, also on the disk.
   *
   * FILE.lock, which names the run at work, locks it against other runs, including those on other machines that share the
   * folder: they fail with the code `locked`. The lock of a killed process is replaced by a run on the same machine; elsewhere
   * the error says which file to delete.
   */
  file: string;
  /**
   * true: continues from FILE, the path in `file`, or from FILE.previous if FILE is missing or damaged; starts from the
   * beginning if neither exists. false, the default: throws if either exists. A run with other options or data throws
   * `other_run`; functions of the caller's own, such as a custom loss's, are not compared.
   */
  resume?: boolean | undefined;
}

/** Option `checkpoint` that passes checkpoints to the caller, for example for a browser's storage. */
export interface CallerCheckpoints extends CheckpointInterval {
  /**
   * Called with the bytes of each checkpoint. The run, even an aborted one, awaits the returned promise, and fails if it
   * rejects.
   */
  save: (bytes: Uint8Array) => void | Promise<void>;
  /** Bytes of a checkpoint, as passed to `save`, from which the run continues. Default: it starts from the beginning. */
  resume?: Uint8Array | undefined;
}

/** Option `checkpoint`: where a run stores its checkpoints. */
export type CheckpointOptions = FileCheckpoints | CallerCheckpoints;

/** Fields of the option `checkpoint` in both its forms, `FileCheckpoints` and `CallerCheckpoints`. */
export const CHECKPOINT_FIELDS = /* @__PURE__ */ (() => ({
  file: later<unknown>(),
  save: later<unknown>(),
  resume: later<unknown>(),
  everySeconds: number({ min: 0 }, 60),
}))() satisfies { readonly [Name in keyof (FileCheckpoints & CallerCheckpoints)]-?: unknown };

/**
 * Checks the option `checkpoint` and makes the store for its checkpoints.
 *
 * @throws LatentflowError `invalid_argument`; `unsupported` for a file outside Node
 */
export function checkCheckpoint(options: CheckpointOptions) {
  return within("checkpoint", () => {
    const { everySeconds } = completeOptions(options, CHECKPOINT_FIELDS);
    return { everySeconds, store: makeStore(options) };
  });
}

function makeStore(options: CheckpointOptions): CheckpointStore {
  if ("file" in options) {
    const { file, resume = false } = options;
    if ("save" in options) throw refused("file", "and save are", "both given", "one of them");
    if (typeof file !== "string" || file === "") throw refused("file", "is", show(file), "a path");
    if (typeof resume !== "boolean") {
      throw refused("resume", "is", show(resume), "true or false together with file");
    }
    return fileStore(file, resume);
  }
  const { save, resume } = options;
  if (typeof save !== "function")
    throw refused("save", "is", show(save), "a function of bytes, or in its place { file }");
  if (resume !== undefined) checkBytes(resume);
  return callerStore(save, resume);
}

function checkBytes(resume: Uint8Array): void {
  if (!isUint8Array(resume)) {
    throw refused("resume", "is", show(resume), "a checkpoint's bytes together with save");
  }
  checkPresent("resume", resume.buffer);
  if (resume.length > 0) return;
  throw refused(
    "resume",
    "is",
    "empty",
    "a checkpoint's bytes",
    "; to start anew leave it out, or give undefined",
  );
}

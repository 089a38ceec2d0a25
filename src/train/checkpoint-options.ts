import { scopeOf, subject } from "../base/message.ts";
import { completeOptions, later, number } from "../base/options.ts";
import { checkPresent, isUint8Array } from "../base/realms.ts";
import { invalid, refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import { type CheckpointStore, callerStore } from "./checkpoint-store.ts";
import { fileStore } from "./file-store.ts";

/** Option `checkpoint` for checkpoints in a file, in Node. */
export interface FileCheckpoints {
  /**
   * Path of the file. FILE is the newest checkpoint, FILE.previous the one before, and FILE.temporary one that is being
   * written. At every moment one of the first two is whole, also on the disk.
   *
   * FILE.lock locks it against other runs, also on other machines that share the folder: they are refused with the code
   * `locked`. The lock of a killed process is taken over, at once on the same Linux system, else a minute after its last
   * heartbeat. A run whose process was stopped for so long that its lock was taken over ends with the code `locked` and
   * changes nothing.
   */
  file: string;
  /**
   * true: goes on from FILE, or from FILE.previous where FILE is missing or damaged, and starts anew where there is
   * neither. false, the default: refuses to start where there is one of them.
   */
  resume?: boolean | undefined;
  /** Seconds from one checkpoint to the next, >= 0. Default 60. */
  everySeconds?: number | undefined;
}

/** Option `checkpoint` for checkpoints that the caller keeps, in a browser's storage say. */
export interface CallerCheckpoints {
  /** Called with each checkpoint. The run, also an aborted one, waits for its promise, and ends if that rejects. */
  save: (bytes: Uint8Array) => void | Promise<void>;
  /** Bytes of a checkpoint that `save` was given, from which the run goes on. Default: it starts anew. */
  resume?: Uint8Array | undefined;
  /** Seconds from one checkpoint to the next, >= 0. Default 60. */
  everySeconds?: number | undefined;
}

/** Option `checkpoint`: place of a run's checkpoints. */
export type CheckpointOptions = FileCheckpoints | CallerCheckpoints;

/** Default of `everySeconds`. */
export const STANDARD_SECONDS = 60;

/** Fields of the option `checkpoint`: of either kind. */
const CHECKPOINT_FIELDS = /* @__PURE__ */ (() => ({
  file: later<unknown>(),
  save: later<unknown>(),
  resume: later<unknown>(),
  everySeconds: number({ min: 0 }, STANDARD_SECONDS),
}))() satisfies { readonly [Name in keyof (FileCheckpoints & CallerCheckpoints)]-?: unknown };

/** Checks the option `checkpoint`. */
export function checkCheckpoint(caller: string, options: CheckpointOptions) {
  const where = `${caller}: ${scopeOf("checkpoint")}`;
  const { everySeconds } = completeOptions(where, options, CHECKPOINT_FIELDS);
  return { everySeconds, store: makeStore(where, options) };
}

function makeStore(where: string, options: CheckpointOptions): CheckpointStore {
  if ("file" in options) {
    const { file, resume = false } = options;
    if ("save" in options)
      throw invalid(`${where}: ${subject("file")} and save are both given, expected one of them`);
    if (typeof file !== "string" || file === "") throw refused(where, "file", "is", show(file), "a path");
    if (typeof resume !== "boolean") {
      throw refused(where, "resume", "is", show(resume), "true or false together with file");
    }
    return fileStore(where, file, resume);
  }
  const { save, resume } = options;
  if (typeof save !== "function")
    throw invalid(`${where}: expected { file } or { save }, save a function of bytes`);
  if (resume !== undefined) checkBytes(where, resume);
  return callerStore(where, save, resume);
}

function checkBytes(where: string, resume: Uint8Array): void {
  if (!isUint8Array(resume)) {
    throw refused(where, "resume", "is", show(resume), "a checkpoint's bytes together with save");
  }
  checkPresent(where, "resume", resume.buffer);
  if (resume.length > 0) return;
  throw refused(
    where,
    "resume",
    "is",
    "empty",
    "a checkpoint's bytes",
    "; to start anew leave it out, or give undefined",
  );
}

import { LatentflowError, markedMessage } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { invalidFile, invalidOption, refused } from "../base/refuse.ts";
import {
  checkIsFile,
  fileError,
  fileModules,
  resolveOnce,
  syncFolder,
  writeSynced,
} from "../files/durable-file.ts";
import { readCheckpoint } from "./checkpoint-format.ts";
import { type Lock, lockFile } from "./checkpoint-lock.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";

/**
 * Creates a store of checkpoints in a file, with the previous checkpoint beside it. If the process is killed at any moment,
 * one of the two is complete: a new checkpoint is written to a third file, which is renamed once it is on the disk. The file
 * is locked from `load` to `close`.
 *
 * @param where beginning of error messages: name of the function called, and the option
 * @param given path of the newest checkpoint
 * @param resume true to continue from existing checkpoints, false to throw if there are any
 * @throws LatentflowError `unsupported` outside Node
 */
export function fileStore(where: string, given: string, resume: boolean): CheckpointStore {
  const modules = fileModules();
  if (!modules) {
    throw new LatentflowError(
      "unsupported",
      `${where}: file needs Node's file system, which is not here; keep checkpoints yourself, with save and resume`,
    );
  }
  const { fileSystem, path } = modules;
  const resolved = resolveOnce(given);
  const { file, shown } = resolved;
  const previous = `${file}.previous`;
  const temporary = `${file}.temporary`;
  /** True if the checkpoint in `file` is intact. A damaged one must not become `previous` when a new one is written. */
  let isSound = false;
  let lock: Lock | undefined;

  /** Returns the bytes of a file; undefined if it does not exist. */
  async function read(from: string): Promise<Uint8Array | undefined> {
    try {
      checkIsFile(`${where}: cannot read ${shown(from)}`, await fileSystem.stat(from));
      return await fileSystem.readFile(from);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      if (cause instanceof LatentflowError) throw cause;
      throw fileError(`${where}: cannot read ${shown(from)}`, cause);
    }
  }

  /**
   * Loads the newest checkpoint that is intact; returns undefined if there is none, and throws `invalid_file` if all are
   * damaged.
   */
  async function loadSound() {
    const problems: string[] = [];
    let found = false;
    for (const from of [file, previous]) {
      const bytes = await read(from);
      found ||= bytes !== undefined;
      try {
        if (!bytes) throw invalidFile(`${shown(from)}: there is no such file`);
        const checkpoint = readCheckpoint(from, bytes);
        isSound = from === file;
        return { checkpoint, from, refused: problems[0] };
      } catch (error) {
        if (!(error instanceof LatentflowError)) throw error;
        problems.push(markedMessage(error));
      }
    }
    if (!found) return undefined;
    throw invalidFile(`${where}: there is no checkpoint to go on from: ${problems.join("; ")}`);
  }

  async function refuseExisting(): Promise<void> {
    for (const existing of [file, previous]) {
      const stat = await fileSystem.stat(existing).catch(() => undefined);
      if (!stat) continue;
      if (stat.isDirectory()) {
        throw refused(where, "file", "is", `the folder ${shown(existing)}`, "the path of a file");
      }
      const advice = `go on from it with ${option("resume", true)}, give another ${option("file")}, or remove it`;
      throw invalidOption(where, "file", `${shown(existing)} is there already; ${advice}`);
    }
  }

  /** Awaits work; an error of the file system becomes a LatentflowError that names the file `target`. */
  function attempt<T>(target: string, work: Promise<T>): Promise<T> {
    return work.catch((cause) => {
      throw cause instanceof LatentflowError
        ? cause
        : fileError(`${where}: cannot write ${shown(target)}`, cause);
    });
  }

  /**
   * Awaits work as `attempt` does, for a change that only the holder of the lock may make: after a failure, throws `locked`
   * if this run no longer holds the lock.
   */
  function attemptLocked<T>(target: string, work: Promise<T>): Promise<T> {
    return attempt(
      target,
      work.catch(async (cause) => {
        // If this process was stopped, the run that took the lock over may have moved its files.
        await lock!.check();
        throw cause;
      }),
    );
  }

  return {
    async load() {
      lock = await attempt(`${file}.lock`, lockFile(where, resolved, modules));
      if (!resume) await refuseExisting();
      const loaded = resume ? await loadSound() : undefined;
      // Fails now, rather than at the first checkpoint, if the folder is not writable.
      await attempt(temporary, writeSynced(fileSystem, temporary, new Uint8Array()));
      await attempt(temporary, fileSystem.unlink(temporary));
      return loaded;
    },
    async save(bytes) {
      // Checked before writing, since the temporary file may belong to another run by now, and again after, as writing is slow.
      await attempt(`${file}.lock`, lock!.check());
      await attemptLocked(file, writeSynced(fileSystem, temporary, bytes));
      await attempt(`${file}.lock`, lock!.check());
      // Gone if someone has moved the checkpoint away in the meantime.
      const isThere = isSound && (await fileSystem.stat(file).catch(() => undefined));
      if (isThere) await attemptLocked(previous, fileSystem.rename(file, previous));
      await attemptLocked(file, fileSystem.rename(temporary, file));
      isSound = true;
      await syncFolder(fileSystem, path.dirname(file));
    },
    async close() {
      await lock?.release();
      lock = undefined;
    },
  };
}

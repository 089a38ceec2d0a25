import { LatentflowError, markedMessage } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { invalid, invalidFile } from "../base/refuse.ts";
import { showPath } from "../base/show.ts";
import { fileError, fileModules, syncFolder, writeSynced } from "../files/durable-file.ts";
import { readCheckpoint } from "./checkpoint-format.ts";
import { type Lock, lockFile } from "./checkpoint-lock.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";

/**
 * Creates a store of checkpoints in a file, with the checkpoint before beside it. Whenever the process is killed, one of
 * the two is whole: a new one is written to a third file and renamed once it is on the disk. The file is locked from
 * `load` to `close`.
 *
 * @param where the option, for messages
 * @param resume true to go on from checkpoints that are there, false to refuse to start
 * @throws LatentflowError `unsupported` where there are no files
 */
export function fileStore(where: string, file: string, resume: boolean): CheckpointStore {
  const modules = fileModules();
  if (!modules) {
    throw new LatentflowError(
      "unsupported",
      `${where}: file needs Node's file system, which is not here; keep checkpoints yourself, with save and resume`,
    );
  }
  const { fileSystem, path } = modules;
  const previous = `${file}.previous`;
  const temporary = `${file}.temporary`;
  /** True if `file` is a whole checkpoint: a damaged one must not replace the one before. */
  let isSound = false;
  let lock: Lock | undefined;

  /** Reads a file; undefined if there is none. */
  async function read(from: string): Promise<Uint8Array | undefined> {
    try {
      return await fileSystem.readFile(from);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      throw fileError(`${where}: cannot read ${showPath(from)}`, cause);
    }
  }

  /** Reads the newest checkpoint that is whole; undefined if there is none at all. */
  async function loadSound() {
    const problems: string[] = [];
    let found = false;
    for (const from of [file, previous]) {
      const bytes = await read(from);
      found ||= bytes !== undefined;
      try {
        if (!bytes) throw invalidFile(`${showPath(from)}: there is no such file`);
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
      if (!(await fileSystem.stat(existing).catch(() => undefined))) continue;
      throw invalid(
        `${where}: ${showPath(existing)} is there already; go on from it with ${option("resume", true)}, give another ${option("file")}, or remove it`,
      );
    }
  }

  /** Turns errors of the file system into messages. */
  function attempt<T>(target: string, work: Promise<T>): Promise<T> {
    return work.catch((cause) => {
      throw cause instanceof LatentflowError
        ? cause
        : fileError(`${where}: cannot write ${showPath(target)}`, cause);
    });
  }

  /** As `attempt`, of a change that only the holder of the lock may make: where the lock is lost, that is the reason. */
  function attemptLocked<T>(target: string, work: Promise<T>): Promise<T> {
    return attempt(
      target,
      work.catch(async (cause) => {
        // A process that stood still may find its files taken away by the run that has taken over.
        await lock!.check();
        throw cause;
      }),
    );
  }

  return {
    async load() {
      lock = await attempt(`${file}.lock`, lockFile(where, file, modules));
      if (!resume) await refuseExisting();
      const loaded = resume ? await loadSound() : undefined;
      // A folder that cannot be written to is refused now, not at the first checkpoint.
      await attempt(temporary, writeSynced(fileSystem, temporary, new Uint8Array()));
      await attempt(temporary, fileSystem.unlink(temporary));
      return loaded;
    },
    async save(bytes) {
      // Before: the temporary file may be another run's by now. Again after writing, which may take long.
      await attempt(`${file}.lock`, lock!.check());
      await attemptLocked(file, writeSynced(fileSystem, temporary, bytes));
      await attempt(`${file}.lock`, lock!.check());
      if (isSound) await attemptLocked(previous, fileSystem.rename(file, previous));
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

import { builtinModule } from "../base/builtin-module.ts";
import { about } from "../base/calling.ts";
import { LatentflowError } from "../base/errors.ts";
import { option, words } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { invalidFile, invalidOption, refused } from "../base/refuse.ts";
import { checkIsFile, fileError, resolveOnce, syncFolder, writeSynced } from "../files/durable-file.ts";
import { readCheckpoint } from "./checkpoint-format.ts";
import { type Lock, lockFile } from "./checkpoint-lock.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";

/**
 * Creates a store of checkpoints in a file, with the previous checkpoint beside it. If the process is killed at any moment,
 * one of the two is complete: a new checkpoint is written to a third file, which is renamed once it is on the disk. The file
 * is locked from `load` to `close`.
 *
 * @param given path of the newest checkpoint
 * @param resume true to continue from existing checkpoints, false to throw if there are any
 * @throws LatentflowError `unsupported` outside Node
 */
export function fileStore(given: string, resume: boolean): CheckpointStore {
  if (!builtinModule("node:fs/promises")) {
    throw new LatentflowError(
      "unsupported",
      "file needs Node's file system, which is not here; keep checkpoints yourself, with save and resume",
    );
  }
  const fileSystem = builtinModule("node:fs/promises")!;
  const { dirname } = builtinModule("node:path")!;
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
      const status = await fileSystem.stat(from);
      about(`cannot read ${shown(from)}`, () => checkIsFile(status));
      return await fileSystem.readFile(from);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      if (cause instanceof LatentflowError) throw cause;
      throw fileError(`cannot read ${shown(from)}`, cause);
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
        const checkpoint = about(from, () => readCheckpoint(bytes));
        isSound = from === file;
        return { checkpoint, from, refused: problems[0] };
      } catch (error) {
        if (!(error instanceof LatentflowError)) throw error;
        problems.push(error.message);
      }
    }
    if (!found) return undefined;
    throw invalidFile(`there is no checkpoint to go on from: ${problems.join("; ")}`);
  }

  async function refuseExisting(): Promise<void> {
    for (const existing of [file, previous]) {
      const stat = await fileSystem.stat(existing).catch(() => undefined);
      if (!stat) continue;
      if (stat.isDirectory()) {
        throw refused("file", "is", `the folder ${shown(existing)}`, "the path of a file");
      }
      const advice = words`go on from it with ${option("resume", true)}, give another ${option("file")}, or remove it`;
      throw invalidOption("file", words`${shown(existing)} is there already; ${advice}`);
    }
  }

  /** Does work; an error of the file system becomes a LatentflowError that names the file `target`. */
  function attempt<T>(target: string, work: () => Promise<T>): Promise<T> {
    return work().catch(async (cause) => {
      if (cause instanceof LatentflowError) throw cause;
      const isThere = await fileSystem.stat(dirname(file)).catch(() => false);
      if (isThere || codeOf(cause) !== "ENOENT") throw fileError(`cannot write ${shown(target)}`, cause);
      const message = `cannot write ${shown(target)}: its folder does not exist; make it first`;
      throw new LatentflowError("not_found", message, { cause });
    });
  }

  return {
    async load() {
      lock = await attempt(`${file}.lock`, async () => lockFile(resolved));
      if (!resume) await refuseExisting();
      return resume ? await loadSound() : undefined;
    },
    async save(bytes) {
      await attempt(`${file}.lock`, async () => lock!.check());
      await attempt(file, () => writeSynced(fileSystem, temporary, bytes));
      // Gone if someone has moved the checkpoint away in the meantime.
      const isThere = isSound && (await fileSystem.stat(file).catch(() => undefined));
      if (isThere) await attempt(previous, () => fileSystem.rename(file, previous));
      await attempt(file, () => fileSystem.rename(temporary, file));
      isSound = true;
      await syncFolder(fileSystem, dirname(file));
    },
    async close() {
      lock?.release();
      lock = undefined;
    },
  };
}

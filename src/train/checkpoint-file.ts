import { invalid } from "../check.ts";
import { LatentflowError } from "../errors.ts";
import { readCheckpoint } from "./checkpoint.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";

/**
 * Keeps checkpoints in a file, and the one before beside it. Whenever the process is killed, one of the two is
 * whole: a new one is written beside them, and takes its place once it is on the disk.
 *
 * @param where the option, for messages
 * @param resume whether what is there may be gone on from and replaced
 * @throws LatentflowError `unsupported` where there are no files
 */
export function fileStore(where: string, file: string, resume: boolean): CheckpointStore {
  const { fileSystem, path } = nodeModules(where);
  const previous = `${file}.previous`;
  const temporary = `${file}.temporary`;
  /** Whether `file` is a sound checkpoint: a damaged one must not replace the one before. */
  let isSound = false;

  /** undefined where there is no such file. */
  async function read(from: string): Promise<Uint8Array | undefined> {
    try {
      return await fileSystem.readFile(from);
    } catch (cause) {
      if (isError(cause) && cause.code === "ENOENT") return undefined;
      throw failure(`${where}: cannot read ${from}`, cause);
    }
  }

  async function loadSound() {
    const problems: string[] = [];
    let found = false;
    for (const from of [file, previous]) {
      const bytes = await read(from);
      found ||= bytes !== undefined;
      try {
        if (!bytes) throw new LatentflowError("invalid_file", `${from}: there is no such file`);
        const checkpoint = readCheckpoint(from, bytes);
        isSound = from === file;
        return { checkpoint, from, refused: problems[0] };
      } catch (error) {
        if (!(error instanceof LatentflowError)) throw error;
        problems.push(error.message);
      }
    }
    if (!found) return undefined;
    throw new LatentflowError(
      "invalid_file",
      `${where}: there is no checkpoint to go on from: ${problems.join("; ")}`,
    );
  }

  async function refuseExisting(): Promise<void> {
    for (const existing of [file, previous]) {
      if (!(await fileSystem.stat(existing).catch(() => undefined))) continue;
      throw invalid(
        `${where}: ${existing} is there already; go on from it with resume: true, give another file, or remove it`,
      );
    }
  }

  async function writeTemporary(bytes: Uint8Array): Promise<void> {
    const handle = await fileSystem.open(temporary, "w");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Makes the renaming last. Not every system can: Windows opens no folders. */
  async function syncFolder(): Promise<void> {
    const handle = await fileSystem.open(path.dirname(file), "r").catch(() => undefined);
    await handle?.sync().catch(() => {});
    await handle?.close();
  }

  return {
    async load() {
      if (!resume) await refuseExisting();
      const loaded = resume ? await loadSound() : undefined;
      try {
        // Where no file can be written is better known now than after the first minute.
        await writeTemporary(new Uint8Array());
        await fileSystem.rm(temporary);
      } catch (cause) {
        throw failure(`${where}: cannot write ${temporary}`, cause);
      }
      return loaded;
    },
    async save(bytes) {
      try {
        await writeTemporary(bytes);
        if (isSound) await fileSystem.rename(file, previous);
        await fileSystem.rename(temporary, file);
        isSound = true;
        await syncFolder();
      } catch (cause) {
        throw failure(`${where}: cannot write ${file}`, cause);
      }
    },
  };
}

function failure(what: string, cause: unknown): LatentflowError {
  const isMissing = isError(cause) && cause.code === "ENOENT";
  const reason = isMissing ? "there is no such folder" : String(isError(cause) ? cause.message : cause);
  return new LatentflowError(isMissing ? "not_found" : "invalid_file", `${what}: ${reason}`, { cause });
}

function isError(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error;
}

/** Not by import("node:…"), on which bundlers for browsers fail. */
function nodeModules(where: string) {
  const process: Partial<NodeJS.Process> | undefined = globalThis.process;
  const fileSystem = process?.getBuiltinModule?.("node:fs/promises");
  const path = process?.getBuiltinModule?.("node:path");
  if (fileSystem && path) return { fileSystem, path };
  throw new LatentflowError(
    "unsupported",
    `${where}: file needs Node's file system, which is not here; keep checkpoints yourself, with save and resume`,
  );
}

import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { option, words } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { escapeText } from "../base/show.ts";
import type { ResolvedPath } from "../files/durable-file.ts";

// Files are read and written synchronously: a process killed between the making and the writing of a lock would leave one that
// names nobody, and between the reading and the removal of a dead lock another process may replace it.

/** Lock of a checkpoint file, held for the duration of a run. */
export interface Lock {
  /**
   * Throws if this run no longer holds the lock: its file was removed, and perhaps made anew by another run.
   *
   * @throws LatentflowError `locked`
   */
  check(): void;
  /** Removes the file of the lock, unless it is another run's by now. */
  release(): void;
}

/**
 * Locks a file, which need not exist, against other runs, including those on other machines that share the folder: creates
 * FILE.lock, which names its holder. A lock left by a killed process of this machine is replaced. In Node alone.
 *
 * @throws LatentflowError `locked` if the lock is there; errors of the file system unchanged
 */
export function lockFile({ file, shown }: ResolvedPath): Lock {
  const fileSystem = builtinModule("node:fs")!;
  const host = builtinModule("node:os")!.hostname() + namespace();
  const path = `${file}.lock`;
  const own = `pid ${globalThis.process.pid} on ${host} since ${new Date().toISOString()}`;
  const read = () => unless("ENOENT", () => fileSystem.readFileSync(path, "utf8")) ?? "";
  const remove = () => unless("ENOENT", () => fileSystem.unlinkSync(path));

  /** Creates the lock; returns false if there is one. */
  function make(): boolean {
    const handle = unless("EEXIST", () => fileSystem.openSync(path, "wx"));
    if (handle === undefined) return false;
    try {
      fileSystem.writeFileSync(handle, own);
      return true;
    } catch (error) {
      // The disk is full.
      remove();
      throw error;
    } finally {
      fileSystem.closeSync(handle);
    }
  }

  while (!make()) {
    const holder = read();
    if (!hasEnded(holder, host)) {
      const run = `another run${holder && ` (${escapeText(holder, 200)})`}`;
      const advice = words`wait for its end, give another ${option("file")}, or, if it has died, delete that file`;
      throw new LatentflowError(
        "locked",
        words`${shown(path)} is there: ${run} uses this checkpoint; ${advice}`,
      );
    }
    remove();
  }
  return {
    check() {
      if (read() === own) return;
      const what = `${shown(path)}, by which this run locked its checkpoint, was removed or replaced`;
      throw new LatentflowError("locked", `${what}; it ends and writes nothing more`);
    },
    release() {
      try {
        if (read() === own) remove();
      } catch {
        // The run has come to its end all the same. The next one says what is in its way.
      }
    },
  };
}

/** Returns the namespace of process ids, since containers may share a host's name; "" but on Linux. */
function namespace(): string {
  try {
    return ` ${builtinModule("node:fs")!.readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

/** Returns the result of work on a file; undefined if it fails with the system's code `code`. */
function unless<Result>(code: string, work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) !== code) throw error;
    return undefined;
  }
}

/** True if the holder of a lock was a process of this host that has ended; false if it runs, or if that is unknown. */
function hasEnded(holder: string, host: string): boolean {
  const [, pid, itsHost, since] = /^pid (\d+) on (.+) since (.+)$/.exec(holder) ?? [];
  if (itsHost !== host) return false;
  const { process } = globalThis;
  // A restarted container gives its processes the same ids again.
  if (Number(pid) === process.pid) return Date.parse(since!) < Date.now() - process.uptime() * 1000;
  try {
    process.kill(Number(pid), 0);
    return isZombie(Number(pid));
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

/** True if a process has ended and still has its id, since its parent has not waited for it; unknown but on Linux. */
function isZombie(pid: number): boolean {
  try {
    // The state follows the program's name in brackets.
    return /\) [ZX] [^)]*$/.test(builtinModule("node:fs")!.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

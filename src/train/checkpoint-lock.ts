import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { invalidFile } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { fileModules, ResolvedPath } from "../files/durable-file.ts";

// A lock is a file whose holder touches it every few seconds. npm's proper-lockfile imports Node's modules when it is
// loaded, which latentflow/train must not, and takes over a dead lock by removing it: of two processes that do so at
// the same time, the second may remove the lock that the first has just made.
//
// Here a dead lock stays, and the lock that takes its place is named after the dead one's token, a random number:
//
//   FILE.lock           holds token a
//   FILE.lock.a         holds token b, has taken over a
//   FILE.lock.b         holds token c, has taken over b: its maker holds the lock
//
// A file can be made only once, and a token never comes again. So exactly one of several processes that take over a dead
// lock has it, however long any of them is stopped in between. Release removes the files, FILE.lock first: the others
// belong to no lock from then on.

/** Milliseconds between two heartbeats of a lock, which update the modification time of its file. */
const HEARTBEAT = 10_000;

/** Milliseconds without a heartbeat after which a lock is dead; messages and site/ state a minute. */
const LAPSE = 60_000;

/** Maximum size in bytes of a file that is read as a lock. */
const MOST_BYTES = 4096;

/** Lock of a checkpoint file, held for the duration of a run. */
export interface Lock {
  /**
   * Throws if this run no longer holds the lock: another run may have taken it over from a process stopped for a minute.
   *
   * @throws LatentflowError `locked`
   */
  check(): Promise<void>;
  /** Stops the heartbeat, and removes the files of the lock unless another run has taken it over. */
  release(): Promise<void>;
}

/** Process that holds a lock, as described in the lock's file; undefined fields are unknown. */
interface Holder {
  readonly host?: unknown;
  /** Identifier of the Linux boot and of the process-id namespace in which `pid` counts; undefined on other systems. */
  readonly system?: unknown;
  readonly pid?: unknown;
  readonly since?: unknown;
}

/** Contents of the file of a lock. */
interface Found {
  readonly path: string;
  readonly token: string;
  readonly holder: Holder;
  /** Time of the holder's last heartbeat, the file's modification time: milliseconds on the file system's clock. */
  readonly beat: number;
}

/**
 * Locks a file, which need not exist, against other runs, including those on other machines that share the folder.
 *
 * @throws LatentflowError `locked` if another run holds the lock; errors of the file system unchanged
 */
export async function lockFile(
  where: string,
  { file, shown }: ResolvedPath,
  modules: NonNullable<ReturnType<typeof fileModules>>,
): Promise<Lock> {
  const { fileSystem, os } = modules;
  const first = `${file}.lock`;
  const token = Array.from(globalThis.crypto.getRandomValues(new Uint32Array(4)), (word) =>
    word.toString(16).padStart(8, "0"),
  ).join("");
  const holder: Holder = {
    host: os.hostname(),
    system: await Promise.all([
      fileSystem.readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      fileSystem.readlink("/proc/self/ns/pid"),
    ]).then(String, () => undefined),
    pid: globalThis.process.pid,
    since: new Date().toISOString(),
  };
  const content = new TextEncoder().encode(`${JSON.stringify({ token, ...holder })}\n`);

  async function read(path: string): Promise<Found | undefined> {
    try {
      // Not stat, for which a dangling symbolic link would seem absent, though the file cannot be created.
      const stat = await fileSystem.lstat(path);
      if (!stat.isFile()) throw invalidFile(`${where}: ${shown(path)} is no file, remove it`);
      const text = stat.size > MOST_BYTES ? "" : await fileSystem.readFile(path, "utf8");
      const { token: own, ...found } = parse(text);
      // A damaged lock has no token: its inode and modification time name the lock that takes over.
      const name =
        typeof own === "string" && /^[0-9a-f]{32}$/.test(own) ? own : `${stat.ino}-${stat.mtimeMs}`;
      return { path, token: name, holder: found, beat: stat.mtimeMs };
    } catch (error) {
      // No process has taken over a lock if the name for it would be too long.
      if (["ENOENT", "ENAMETOOLONG"].includes(codeOf(error) ?? "")) return undefined;
      throw error;
    }
  }

  /**
   * Reads the files of the lock in order: each after the first was made by a process that took the lock over from the maker of
   * the file before. The maker of the last file holds the lock.
   */
  async function readAll(): Promise<Found[]> {
    const all: Found[] = [];
    for (let path = first; ; ) {
      const found = await read(path);
      if (!found) return all;
      if (all.some((before) => before.token === found.token)) {
        throw invalidFile(`${where}: ${shown(first)} is damaged: ${shown(found.path)} leads back to it`);
      }
      all.push(found);
      path = `${first}.${found.token}`;
    }
  }

  /** Returns the current time on the file system's clock, since the clocks of machines that share a folder may differ. */
  async function now(): Promise<number> {
    const path = `${first}.now-${token}`;
    await fileSystem.writeFile(path, "", { flag: "wx" });
    try {
      return (await fileSystem.stat(path)).mtimeMs;
    } finally {
      await fileSystem.unlink(path).catch(() => {});
    }
  }

  /** True if the holder is a process of this Linux system that has ended; false if it runs, or if that is unknown. */
  async function hasEnded({ system, pid }: Holder): Promise<boolean> {
    if (system === undefined || system !== holder.system || !Number.isSafeInteger(pid)) return false;
    const status = await fileSystem.readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // The process's state follows the program's name in brackets: Z is a zombie, X is dead.
    return !/\) [^ZXx] [^)]*$/.test(status);
  }

  /**
   * Creates a file of the lock and opens it; returns undefined if it exists. Creates and writes it synchronously: a process
   * killed between the two would leave a lock without a holder, which counts as alive for a minute.
   */
  async function make(path: string) {
    try {
      builtinModule("node:fs")!.writeFileSync(path, content, { flag: "wx" });
      return await fileSystem.open(path, "r+");
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      // On a full disk the file is created, but empty.
      await fileSystem.unlink(path).catch(() => {});
      throw error;
    }
  }

  async function acquire() {
    for (;;) {
      const last = (await readAll()).at(-1);
      if (last && !(await hasEnded(last.holder))) {
        const silence = Math.abs((await now()) - last.beat);
        if (silence <= LAPSE) throw refusal(last.holder, silence);
      }
      const path = last ? `${first}.${last.token}` : first;
      const handle = await make(path);
      if (!handle) continue;
      const all = await readAll();
      const isMine = all.at(-1)?.token === token;
      const hasWoken = last !== undefined && (await read(last.path))?.beat !== last.beat;
      if (isMine && !hasWoken) return handle;
      // The previous holder was alive after all, or another run has taken the lock over and released it. Or this process was
      // stopped meanwhile and lost the lock: its file stays then, since its token leads to the next holder's.
      await handle.close();
      if (isMine || !all.some((found) => found.token === token))
        await fileSystem.unlink(path).catch(() => {});
    }
  }

  function refusal(there: Holder, silence: number): LatentflowError {
    return new LatentflowError(
      "locked",
      `${where}: ${shown(file)} is in use by another run, ${describe(there)}, whose last heartbeat was ` +
        `${Math.round(silence / 1000)} s ago; wait for its end, or give another ${option("file")}. After ${LAPSE / 1000} s without ` +
        "a heartbeat it counts as dead",
    );
  }

  const handle = await acquire();
  // Written to the open file: the path may belong to another run by now.
  const beat = () => handle.write(content, 0, content.length, 0).catch(() => {});
  const timer = setInterval(beat, HEARTBEAT);
  timer.unref?.();
  return {
    async check() {
      await beat();
      const last = (await readAll()).at(-1);
      if (last?.token === token) return;
      const reason = last
        ? `has been taken over by another run, ${describe(last.holder)}, since this process stood still for over ` +
          `${LAPSE / 1000} s`
        : `is no longer locked by this run: ${shown(first)} is gone`;
      throw new LatentflowError(
        "locked",
        `${where}: ${shown(file)} ${reason}; this run ends and writes nothing more`,
      );
    },
    async release() {
      clearInterval(timer);
      const all = await readAll().catch(() => []);
      if (all.at(-1)?.token === token) {
        for (const { path } of all) await fileSystem.unlink(path).catch(() => {});
      }
      await handle.close().catch(() => {});
    },
  };
}

/** Parses the text of a lock's file as JSON; returns an empty object if it is not valid. */
function parse(text: string): Holder & { readonly token?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Describes the holder of a lock for a message. */
function describe({ host, pid, since }: Holder): string {
  const name = typeof pid === "number" ? `process ${pid}` : "a process";
  return `${name} on ${typeof host === "string" ? show(host) : "a host"} since ${typeof since === "string" ? show(since) : "a while"}`;
}

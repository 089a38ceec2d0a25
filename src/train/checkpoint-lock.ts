import { builtinModule } from "../base/builtin-module.ts";
import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import { invalidFile } from "../base/refuse.ts";
import { show, showPath } from "../base/show.ts";
import type { fileModules } from "../files/durable-file.ts";

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

/** Milliseconds from one heartbeat to the next. */
const HEARTBEAT = 10_000;

/** Milliseconds without a heartbeat after which a lock is dead; messages and site/ say a minute. */
const LAPSE = 60_000;

/** Longest file that is read as a lock, in bytes. */
const MOST_BYTES = 4096;

/** The lock of a file, for as long as a run takes. */
export interface Lock {
  /**
   * Refuses to go on without the lock: another run may have taken it over from a process stopped for a minute.
   *
   * @throws LatentflowError `locked`
   */
  check(): Promise<void>;
  /** Removes the lock's files, unless another run has taken the lock over. */
  release(): Promise<void>;
}

/** The process that holds a lock, as the lock's file describes it. */
interface Holder {
  readonly host?: unknown;
  /** Start of a Linux system and its namespace of process ids, in which `pid` counts; undefined on other systems. */
  readonly system?: unknown;
  readonly pid?: unknown;
  readonly since?: unknown;
}

/** A lock's file, read. */
interface Found {
  readonly path: string;
  readonly token: string;
  readonly holder: Holder;
  /** Time of the holder's last heartbeat, in milliseconds by the clock of the file system. */
  readonly beat: number;
}

/**
 * Locks a file, which need not exist, against other runs, also on other machines that share the folder.
 *
 * @throws LatentflowError `locked` when another run holds the lock; errors of the file system as they are
 */
export async function lockFile(
  where: string,
  file: string,
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
      // Not stat: a symbolic link that leads nowhere would look absent, and could not be made either.
      const stat = await fileSystem.lstat(path);
      if (!stat.isFile()) throw invalidFile(`${where}: ${showPath(path)} is no file, remove it`);
      const text = stat.size > MOST_BYTES ? "" : await fileSystem.readFile(path, "utf8");
      const { token: own, ...found } = parse(text);
      // A damaged lock has no token of its own, and is followed by its inode and time.
      const name =
        typeof own === "string" && /^[0-9a-f]{32}$/.test(own) ? own : `${stat.ino}-${stat.mtimeMs}`;
      return { path, token: name, holder: found, beat: stat.mtimeMs };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Reads the chain of locks, each taken over by the next; the last one's maker holds the lock. */
  async function readAll(): Promise<Found[]> {
    const all: Found[] = [];
    for (let path = first; ; ) {
      const found = await read(path);
      if (!found) return all;
      if (all.some((before) => before.token === found.token)) {
        throw invalidFile(
          `${where}: ${showPath(first)} is damaged: ${showPath(found.path)} leads back to it`,
        );
      }
      all.push(found);
      path = `${first}.${found.token}`;
    }
  }

  /** Time by the file system's clock: the machines that share a folder may disagree. */
  async function now(): Promise<number> {
    const path = `${first}.now-${token}`;
    await fileSystem.writeFile(path, "", { flag: "wx" });
    try {
      return (await fileSystem.stat(path)).mtimeMs;
    } finally {
      await fileSystem.unlink(path).catch(() => {});
    }
  }

  /** True for a process of this Linux system that has ended; false where that is unknown. */
  async function hasEnded({ system, pid }: Holder): Promise<boolean> {
    if (system === undefined || system !== holder.system || !Number.isSafeInteger(pid)) return false;
    const status = await fileSystem.readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // The state follows the program's name in brackets; Z is a zombie, X is dead.
    return !/\) [^ZXx] [^)]*$/.test(status);
  }

  /**
   * Makes a lock's file and opens it; undefined when there is one. Synchronous: a process that a signal ended between
   * making and filling the file would leave a lock without a holder, which counts as alive for a minute.
   */
  async function make(path: string) {
    try {
      builtinModule("node:fs")!.writeFileSync(path, content, { flag: "wx" });
      return await fileSystem.open(path, "r+");
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      // On a full disk the file is made, but empty.
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
      // The lock before was alive after all, or has been taken over and released by another run. Or this process was
      // stopped since and taken over itself: then the next lock is found by the token in this file, which stays.
      await handle.close();
      if (isMine || !all.some((found) => found.token === token))
        await fileSystem.unlink(path).catch(() => {});
    }
  }

  function refusal(there: Holder, silence: number): LatentflowError {
    return new LatentflowError(
      "locked",
      `${where}: ${showPath(file)} is in use by another run, ${describe(there)}, whose last heartbeat was ` +
        `${Math.round(silence / 1000)} s ago; wait for its end, or give another ${option("file")}. After ${LAPSE / 1000} s without ` +
        "a heartbeat it counts as dead",
    );
  }

  const handle = await acquire();
  // By the open file: its path may be another run's by now.
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
        : `is no longer locked by this run: ${showPath(first)} is gone`;
      throw new LatentflowError(
        "locked",
        `${where}: ${showPath(file)} ${reason}; this run ends and writes nothing more`,
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

/** A lock's text as an object: an empty one where it is no JSON. */
function parse(text: string): Holder & { readonly token?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Names a lock's holder in a message. */
function describe({ host, pid, since }: Holder): string {
  const name = typeof pid === "number" ? `process ${pid}` : "a process";
  return `${name} on ${typeof host === "string" ? show(host) : "a host"} since ${typeof since === "string" ? show(since) : "a while"}`;
}

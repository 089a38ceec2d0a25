import { builtinModule } from "../base/builtin-module.ts";
import { invalidFile, show, showPath } from "../base/check.ts";
import { LatentflowError } from "../base/errors.ts";
import { option } from "../base/message.ts";
import { codeOf } from "../base/realms.ts";
import type { fileModules } from "../files/durable-file.ts";

// A lock is a file that its holder touches every few seconds. The npm packages for this (proper-lockfile) import
// Node's modules when they are loaded, which this entry must not, and they take over a dead lock by removing it: of
// two that try at the same time, the second may remove the lock that the first has just made.
//
// Here a dead lock stays. The lock that takes its place is another file, named after the dead one's token, a random
// number:
//
//   FILE.lock           holds token a
//   FILE.lock.a         holds token b, has taken over a
//   FILE.lock.b         holds token c, has taken over b: who made it holds the lock
//
// A file of one name can be made only once, and a token never comes again. So of all who take over a dead lock one
// alone has it, however long any of them stands still in between. Who releases the lock removes the files, the first
// one first: what then remains of the others belongs to no lock.

/** Milliseconds from one heartbeat to the next. */
const HEARTBEAT = 10_000;

/** A lock without a heartbeat for so many milliseconds is dead: "a minute" in what is said of it, and in docs/. */
const LAPSE = 60_000;

/** A lock's file is a line; a longer one is none of ours. */
const MOST_BYTES = 4096;

/** The lock of a file, for as long as a run takes. */
export interface Lock {
  /**
   * Looks whether the lock is still this run's, which it may not be after the process has stood still for a minute.
   *
   * @throws LatentflowError `locked`
   */
  check(): Promise<void>;
  /** Gives it back. */
  release(): Promise<void>;
}

/** Who holds a lock, as far as its file says. */
interface Holder {
  readonly host?: unknown;
  readonly pid?: unknown;
  readonly since?: unknown;
  /** See `describeProcess`. */
  readonly process?: unknown;
}

/** A lock's file. */
interface Found {
  readonly path: string;
  readonly token: string;
  readonly holder: Holder;
  /** When its holder was last alive, by the clock of the file system. */
  readonly beat: number;
}

/**
 * Locks a file, which need not be there, against other runs, also on other machines that share the folder.
 *
 * @throws LatentflowError `locked` when another run holds the lock; errors of the file system as they are
 */
export async function lockFile(
  where: string,
  file: string,
  modules: NonNullable<ReturnType<typeof fileModules>>,
): Promise<Lock> {
  const { fileSystem, os, path: paths } = modules;
  const first = `${file}.lock`;
  const token = Array.from(globalThis.crypto.getRandomValues(new Uint32Array(4)), (word) =>
    word.toString(16).padStart(8, "0"),
  ).join("");
  const holder: Holder = {
    host: os.hostname(),
    pid: globalThis.process.pid,
    since: new Date().toISOString(),
    process: await describeProcess(globalThis.process.pid),
  };
  const content = new TextEncoder().encode(`${JSON.stringify({ token, ...holder })}\n`);

  async function read(path: string): Promise<Found | undefined> {
    try {
      // Of a link itself: one that leads nowhere would be no file here, and none that can be made.
      const stat = await fileSystem.lstat(path);
      if (!stat.isFile()) throw invalidFile(`${where}: ${showPath(path)} is no file, remove it`);
      const text = stat.size > MOST_BYTES ? "" : await fileSystem.readFile(path, "utf8");
      const { token: own, ...found } = parse(text);
      // One that is only being written, or is damaged, has a name too.
      const name =
        typeof own === "string" && /^[0-9a-f]{32}$/.test(own) ? own : `${stat.ino}-${stat.mtimeMs}`;
      return { path, token: name, holder: found, beat: stat.mtimeMs };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** The locks' files in the order of their taking over; the last one's maker holds the lock. */
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

  /** The file system's time: the machines that share a folder need not agree on theirs. */
  async function now(): Promise<number> {
    const path = `${first}.now-${token}`;
    for (;;) {
      await fileSystem.writeFile(path, "", { flag: "wx" });
      try {
        return (await fileSystem.stat(path)).mtimeMs;
      } catch (error) {
        // The holder has swept it: this process stood still for a minute in between.
        if (codeOf(error) !== "ENOENT") throw error;
      } finally {
        await fileSystem.unlink(path).catch(() => {});
      }
    }
  }

  /**
   * Removes files that processes left which were killed while they looked at the clock, or gave a lock back. A process that
   * stands still between making such a file and looking at it finds it gone, and begins again: it has no lock by it.
   */
  async function sweep(chain: readonly Found[]): Promise<void> {
    const kept = new Set(chain.map(({ path }) => paths.basename(path)));
    const beginning = `${paths.basename(first)}.`;
    const own = chain.at(-1)!.beat;
    for (const name of await fileSystem.readdir(paths.dirname(first)).catch((): string[] => [])) {
      if (kept.has(name) || !name.startsWith(beginning)) continue;
      if (!/^((now-)?[0-9a-f]{32}|\d+-[\d.]+)$/.test(name.slice(beginning.length))) continue;
      const path = paths.join(paths.dirname(first), name);
      const status = await fileSystem.lstat(path).catch(() => undefined);
      if (status?.isFile() && own - status.mtimeMs > LAPSE) await fileSystem.unlink(path).catch(() => {});
    }
  }

  /** Milliseconds since the holder's last heartbeat; infinite when its process is known to have ended. */
  async function silence({ holder: there, beat }: Found): Promise<number> {
    if (await hasEnded(there)) return Number.POSITIVE_INFINITY;
    return Math.abs((await now()) - beat);
  }

  /**
   * Makes a lock's file; undefined when there is one. It is made and filled in one go: a process that ended in between, as at
   * a signal that it waits for, would leave a lock that does not say whose it was, which counts as alive for a minute.
   */
  async function make(path: string) {
    try {
      builtinModule("node:fs")!.writeFileSync(path, content, { flag: "wx" });
      return await fileSystem.open(path, "r+");
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      // Of a full disk: the file is there, and says nothing.
      await fileSystem.unlink(path).catch(() => {});
      throw error;
    }
  }

  async function acquire() {
    for (;;) {
      const last = (await readAll()).at(-1);
      const quiet = last ? await silence(last) : Number.POSITIVE_INFINITY;
      if (last && quiet <= LAPSE) throw refusal(last, quiet);
      const path = last ? `${first}.${last.token}` : first;
      const handle = await make(path);
      // Somebody else has made it: who that is, is to be seen.
      if (!handle) continue;
      const all = await readAll();
      const isMine = all.at(-1)?.token === token;
      const hasWoken = last !== undefined && (await read(last.path))?.beat !== last.beat;
      if (isMine && !hasWoken) {
        await sweep(all);
        return handle;
      }
      // The dead lock that this one follows was not dead, or has been followed by another one and released. Or this
      // process stood still since, and is taken for dead itself: then the next one's name hangs on this file.
      await handle.close();
      if (isMine || !all.some((found) => found.token === token))
        await fileSystem.unlink(path).catch(() => {});
    }
  }

  function refusal({ holder: there }: Found, quiet: number): LatentflowError {
    return new LatentflowError(
      "locked",
      `${where}: ${showPath(file)} is in use by another run, ${describe(there)}, whose last heartbeat was ` +
        `${Math.round(quiet / 1000)} s ago; wait for its end, or give another ${option("file")}. After ${LAPSE / 1000} s without ` +
        "a heartbeat it counts as dead",
    );
  }

  const handle = await acquire();
  // The open file, not its path, where another run's may be by now.
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

/** What is no JSON object says nothing. */
function parse(text: string): Holder & { readonly token?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function describe({ host, pid, since }: Holder): string {
  const name = typeof pid === "number" ? `process ${pid}` : "a process";
  return `${name} on ${typeof host === "string" ? show(host) : "a host"} since ${typeof since === "string" ? show(since) : "a while"}`;
}

/**
 * Tells a process from all others that run, have run or will run: the system's start, the container (its namespace of
 * process ids), the id, and when the process was started. Undefined where that is not known, or the process is not.
 */
async function describeProcess(pid: number): Promise<string | undefined> {
  const fileSystem = builtinModule("node:fs/promises")!;
  try {
    const boot = await fileSystem.readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const container = await fileSystem.readlink("/proc/self/ns/pid");
    const stat = await fileSystem.readFile(`/proc/${pid}/stat`, "utf8");
    // After the program's name, in brackets: the state first, the 20th is the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isRunning = !/[ZXx]/.test(fields[0]!);
    return `${boot.trim()} ${container} ${pid} ${isRunning ? fields[19] : "ended"}`;
  } catch {
    return undefined;
  }
}

/**
 * Is the process known to have ended? On another machine or in another container, and where the system does not say,
 * it is not known.
 */
async function hasEnded({ pid, process: there }: Holder): Promise<boolean> {
  if (typeof there !== "string" || !Number.isSafeInteger(pid)) return false;
  const self = await describeProcess(globalThis.process.pid);
  const place = self?.split(" ").slice(0, 2).join(" ");
  if (place === undefined || !there.startsWith(`${place} `)) return false;
  return (await describeProcess(pid as number)) !== there;
}

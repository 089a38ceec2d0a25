import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/** What goes wrong at one of a program's writes. */
export type FileFault =
  /** The disk is full: that operation fails, the program goes on. */
  | "full"
  /** The process is killed: neither that operation nor any after it is done, not even what cleans up. */
  | "killed"
  /** It is killed in the middle of writing: half of the bytes are there. */
  | "torn"
  /** A renaming is said to be done, and is lost; then the machine goes down. */
  | "lost rename";

export const FILE_FAULTS: readonly FileFault[] = ["full", "killed", "torn", "lost rename"];

const NAMES = ["open", "rename", "link", "unlink", "rm", "mkdir", "rmdir", "writeFile"] as const;

/**
 * Runs a program in this process and makes its file operation number `at` go wrong. The operations that the fault applies to
 * are counted from 0: "full" and "killed" apply to all that change something, "torn" to writes, "lost rename" to renames.
 * On other operations these two would equal "killed", or do nothing.
 *
 * @returns whether it came to that
 */
export async function withFault(
  fault: FileFault,
  at: number,
  program: () => Promise<unknown>,
): Promise<boolean> {
  const real = Object.fromEntries(NAMES.map((name) => [name, fileSystem[name]]));
  let count = 0;
  let isOver = false;
  let isDead = false;

  const handle = await fileSystem.open(new URL(import.meta.url));
  const methods = Object.getPrototypeOf(handle);
  await handle.close();
  const { writeFile, sync } = methods;

  const error = (code: string) => Object.assign(new Error(`${code}: made by the test`), { code });
  /** Does the work, unless it goes wrong. */
  async function attempt(work: () => Promise<unknown>, half?: () => Promise<unknown>, isRename = false) {
    if (isDead) throw error("EIO");
    const isBefallen =
      fault === "lost rename" ? isRename : fault === "full" || fault === "killed" || half !== undefined;
    if (!isBefallen || count++ !== at) return work();
    isOver = true;
    if (fault === "full") throw error("ENOSPC");
    isDead = true;
    if (fault === "torn") await half?.();
    if (fault === "lost rename") return undefined;
    throw error("EIO");
  }

  for (const name of NAMES) {
    Object.assign(fileSystem, {
      [name](...args: unknown[]) {
        const work = () => (real[name] as (...args: unknown[]) => Promise<unknown>)(...args);
        const changes = name !== "open" || /[wa+]/.test(String(args[1] ?? "r"));
        return changes ? attempt(work, undefined, name === "rename" || name === "link") : work();
      },
    });
  }
  methods.writeFile = function (bytes: string | Uint8Array) {
    const half = () => writeFile.call(this, Buffer.from(bytes as Uint8Array).subarray(0, bytes.length / 2));
    return attempt(() => writeFile.call(this, bytes), half);
  };
  methods.sync = function () {
    return attempt(() => sync.call(this));
  };
  syncBuiltinESMExports();
  try {
    await program();
  } finally {
    Object.assign(fileSystem, real);
    Object.assign(methods, { writeFile, sync });
    syncBuiltinESMExports();
  }
  return isOver;
}

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PATIENCE } from "./patience.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Folder that exists during a build: all builds use `site/.vitepress/.temp`, which each removes at its end. */
const LOCK = join(root, "build/test/vitepress.lock");

/**
 * Builds the site by VitePress, after builds by other processes of the tests.
 *
 * @param folder output folder
 * @param env environment variables that site/.vitepress/config.ts reads
 * @param options further options of `vitepress build`
 * @throws Error with VitePress's output if the build fails
 */
export function buildSite(folder: string, env: NodeJS.ProcessEnv, ...options: readonly string[]): void {
  mkdirSync(join(root, "build/test"), { recursive: true });
  while (!tookLock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  try {
    const program = join(root, "node_modules/vitepress/bin/vitepress.js");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [program, "build", "site", ...options, "--outDir", folder],
      { cwd: root, encoding: "utf8", env: { ...process.env, ...env } },
    );
    if (status !== 0) throw new Error(`vitepress build ended with ${status}:\n${stdout}${stderr}`);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

/** Takes the lock; returns false if another process has it. The lock of a killed process is removed. */
function tookLock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > PATIENCE) rmSync(LOCK, { recursive: true, force: true });
    return false;
  }
}

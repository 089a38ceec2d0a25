import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Held while a test installs: another one that starts at the same time waits, and then finds it there. */
const LOCK = "/run/lock/latentflow-install";
/** In seconds: for how long others, this machine's own upgrades say, may keep us from installing. */
const PATIENCE = 600;
const PAUSE = 2;

// The list of packages comes first, since a container has none, and an old one names files that are gone.
const INSTALL = `apt-get update && apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=${PATIENCE} "$1"`;

/** What apt says when another process has a lock. It waits by itself for dpkg's, not for those of its lists and archives. */
const IS_LOCKED = /Could not get lock|Unable to lock|Unable to acquire/;

/**
 * What a test needs of the machine: found, or installed from Debian where we are root.
 *
 * @param name Debian's package
 * @param find looks for it; undefined where it is not there
 * @param remedy what else somebody can do who has to bring it: "set $CHROMIUM_PATH to a Chromium or Chrome"
 * @throws Error that says how to get it
 */
export function findOrInstall(name: string, find: () => string | undefined, remedy?: string): string {
  const isRoot = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  // Another test may be installing it, and half of it be there.
  if (isRoot) run("flock", [LOCK, "true"]);
  const found = find();
  if (found) return found;
  const advice = [`install Debian's ${name} as root (apt-get install ${name})`, remedy]
    .filter(Boolean)
    .join(", or ");
  if (!isRoot) {
    throw new Error(`the tests need ${name}, which is not here, and cannot install it: ${advice}`);
  }
  install(name);
  const installed = find();
  if (installed) return installed;
  throw new Error(`the tests need ${name}, and do not find it after installing it: ${advice}`);
}

/**
 * Installs a package of Debian's; waits while another process installs.
 *
 * @throws Error with what apt said
 */
function install(name: string): void {
  const deadline = performance.now() + PATIENCE * 1000;
  for (;;) {
    const { status, output } = run("flock", [LOCK, "sh", "-c", INSTALL, "sh", name]);
    if (status === 0) return;
    if (!IS_LOCKED.test(output) || performance.now() > deadline) {
      throw new Error(`apt-get could not install ${name}:\n${output}`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE * 1000);
  }
}

function run(program: string, args: readonly string[]): { status: number | null; output: string } {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import packageJson from "../package.json" with { type: "json" };

// By what results were made, and in how much time.

/**
 * Seconds that this process has computed since it began. Jobs compute on one thread: on a machine that is shared, this is
 * what they would have taken alone, which a clock on the wall is not.
 */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What a result was made by: the release, the commit ("+" where files were changed), the kernels' SHA-256 and Node. */
export function versions(): Record<string, string> {
  const kernels = readFileSync(new URL("../build/wasm/plain.wasm", import.meta.url));
  return {
    latentflow: packageJson.version,
    commit: commit(),
    kernels: createHash("sha256").update(kernels).digest("hex").slice(0, 16),
    node: process.versions.node,
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--", "src", "assembly", "reproduce") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    // A copy without its history, or no git.
    return "unknown";
  }
}

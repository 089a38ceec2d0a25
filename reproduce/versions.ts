import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import packageJson from "../package.json" with { type: "json" };
import { isStartedWithRevectorize, REVECTORIZE, wideKernels } from "../src/cli/vectors.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a result was made by: the release, the commit ("+" where files were changed), the kernels' SHA-256, and Node with the flag that changes its speed. */
export function versions(): Record<string, string> {
  const isWide = isStartedWithRevectorize();
  const kernels = isWide
    ? wideKernels("plain")
    : readFileSync(new URL("../build/wasm/plain.wasm", import.meta.url));
  return {
    latentflow: packageJson.version,
    commit: commit(),
    kernels: createHash("sha256").update(kernels).digest("hex").slice(0, 16),
    node: [process.versions.node, ...(isWide ? [REVECTORIZE] : [])].join(" "),
  };
}

/** Of this file's repository, wherever the command was started. */
const git = (...args: string[]) =>
  execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

/** Since then `lbfgs` halves a first step that goes too far; since some hours before, it asks more of its first eight. */
const FIRST_STEPS_CHANGED = "0f66fc5";

/** Is a result of code in which `lbfgs` took its first steps by an older rule? What names no commit is. */
export function isOfOldRule(commit: string | undefined): boolean {
  if (commit === undefined) return true;
  try {
    git("merge-base", "--is-ancestor", FIRST_STEPS_CHANGED, commit.replace("+", ""));
    return false;
  } catch (error) {
    // 1 says no; a commit or a history that is not there says nothing.
    return (error as { status?: number }).status === 1;
  }
}

function commit(): string {
  try {
    const isChanged = git("status", "--porcelain", "--", "src", "assembly", "bench", "reproduce") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    // A copy without its history, or no git.
    return "unknown";
  }
}

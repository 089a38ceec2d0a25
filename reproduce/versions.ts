import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import packageJson from "../package.json" with { type: "json" };

/** V8 joins pairs of 128-bit vectors to 256 bits: the same bits, in other seconds. */
export const REVECTORIZE = "--experimental-wasm-revectorize";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a result was made by: the release, the commit ("+" where files were changed), the kernels' SHA-256, and Node with the flag that changes its speed. */
export function versions(): Record<string, string> {
  const kernels = readFileSync(new URL("../build/wasm/plain.wasm", import.meta.url));
  return {
    latentflow: packageJson.version,
    commit: commit(),
    kernels: createHash("sha256").update(kernels).digest("hex").slice(0, 16),
    node: [process.versions.node, ...process.execArgv.filter((flag) => flag === REVECTORIZE)].join(" "),
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    // Of this file's repository, wherever the command was started.
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--", "src", "assembly", "bench", "reproduce") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    // A copy without its history, or no git.
    return "unknown";
  }
}

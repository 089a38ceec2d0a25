import { builtinModule } from "../../../base/builtin-module.ts";
import { runningFile } from "../../../base/running-file.ts";

/** Name of the worker script without its extension: ".ts" in src/, ".js" in the published package and beside users' bundles. */
const NAME = "latentflow-worker";

/**
 * Returns the path or URL of the worker script beside the running file, whose path comes from a stack trace. If a bundler has
 * left the script out, Node falls back to the installed package; in a page the start fails later. Undefined if none is found.
 */
export function findWorkerFile(): string | undefined {
  const running = runningFile();
  const beside = running && fileBeside(running);
  const fs = builtinModule("node:fs");
  if (!fs) return beside;
  const { createRequire } = builtinModule("node:module")!;
  const { fileURLToPath } = builtinModule("node:url")!;
  const ways = [
    () => beside && fs.existsSync(beside.startsWith("file:") ? fileURLToPath(beside) : beside) && beside,
    // Resolved from a server's bundle, and from the folder in which the server was started.
    () => createRequire(running!).resolve("latentflow/worker"),
    () => createRequire(`${globalThis.process.cwd()}/`).resolve("latentflow/worker"),
  ];
  for (const look of ways) {
    try {
      const file = look();
      if (file) return file;
    } catch {
      // The running file has no path, or the worker script is not there.
    }
  }
  return beside;
}

function fileBeside(running: string): string | undefined {
  if (!/\.[cm]?[jt]s(?=$|\?)/.test(running)) return undefined;
  return running.replace(/[^/\\]*\.[cm]?([jt]s)(\?.*)?$/, `${NAME}.$1`);
}

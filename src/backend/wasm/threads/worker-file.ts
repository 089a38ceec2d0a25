import { builtinModule } from "../../../base/builtin-module.ts";

/** The worker's file without its extension: ".ts" in src/, ".js" in what is published and beside users' bundles. */
const NAME = "latentflow-worker";

/**
 * Finds the worker's file beside the running file, whose path the engine's stack tells. If a bundler has left it out, Node
 * finds the installed package's; a page notices only when the start fails.
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
    // From a server's bundle, and from the folder that the server was started in.
    () => createRequire(running!).resolve("latentflow/worker"),
    () => createRequire(`${globalThis.process.cwd()}/`).resolve("latentflow/worker"),
  ];
  for (const look of ways) {
    try {
      const file = look();
      if (file) return file;
    } catch {
      // No file's path, or not there.
    }
  }
  return beside;
}

function fileBeside(running: string): string | undefined {
  if (!/\.[cm]?[jt]s(?=$|\?)/.test(running)) return undefined;
  return running.replace(/[^/\\]*\.[cm]?([jt]s)(\?.*)?$/, `${NAME}.$1`);
}

/** Returns the path or URL of this file, or of the bundle that contains it. (The library must not use `import.meta`.) */
function runningFile(): string | undefined {
  return fileOfCallSite() ?? fileOfStack(new Error().stack ?? "");
}

/** Path of the running file from V8's call sites, which source maps do not change, unlike the stack's text. */
function fileOfCallSite(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    let file: unknown;
    Error.prepareStackTrace = (_, sites) => {
      file = sites[0]?.getFileName();
    };
    // Looking at the stack is what has it prepared.
    void new Error().stack;
    return typeof file === "string" ? file : undefined;
  } catch {
    // Where Error is frozen.
    return undefined;
  } finally {
    if (Error.prepareStackTrace !== prepareStackTrace) {
      if (prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
      else delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
    }
  }
}

/**
 * Returns the file in a stack's first line: `name@file:1:2` in Firefox and Safari, `at name (file:1:2)` or `at file:1:2` in
 * V8. The file's address may contain "@", too.
 */
export function fileOfStack(stack: string): string | undefined {
  return /^(?:.*?@|\s*at (?:.*? \()?)?((?:[a-z][\w+.-]*:|\/).*?):\d+:\d+\)?$/im.exec(stack)?.[1];
}

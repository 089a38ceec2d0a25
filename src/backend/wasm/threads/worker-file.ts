import { builtinModule } from "../../../base/builtin-module.ts";

/** Name of the worker script without its extension: ".ts" in src/, ".js" in the published package and beside users' bundles. */
const NAME = "latentflow-worker";

/**
 * Returns the path or URL of the worker script beside the running file, whose path comes from a stack trace. If a bundler has
 * left the script out, Node falls back to the installed package; in a page the start fails later. Undefined if none is found.
 */
export function findWorkerFile(): string | undefined {
  // Of this file, or of the bundle that contains it. (The library must not use `import.meta`.)
  const running = fileOfCallSite() ?? fileOfStack(new Error().stack ?? "");
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

/**
 * Returns the path of the running file from V8's call sites, which source maps do not change, unlike the text of the stack;
 * undefined in other engines.
 */
function fileOfCallSite(): string | undefined {
  const { prepareStackTrace } = Error;
  try {
    let file: unknown;
    Error.prepareStackTrace = (_, sites) => {
      file = sites[0]?.getFileName();
    };
    // Reading `stack` triggers prepareStackTrace.
    void new Error().stack;
    return typeof file === "string" ? file : undefined;
  } catch {
    // Assignment fails if Error is frozen.
    return undefined;
  } finally {
    if (Error.prepareStackTrace !== prepareStackTrace) {
      if (prepareStackTrace) Error.prepareStackTrace = prepareStackTrace;
      else delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
    }
  }
}

/**
 * Returns the file in a stack's first line: `name@file:1:2` in Firefox and Safari, `at name (file:1:2)` or `at file:1:2` in V8;
 * undefined if there is none. The file's URL may contain "@" too.
 */
export function fileOfStack(stack: string): string | undefined {
  return /^(?:.*?@|\s*at (?:.*? \()?)?((?:[a-z][\w+.-]*:|\/).*?):\d+:\d+\)?$/im.exec(stack)?.[1];
}

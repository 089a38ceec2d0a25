/** The worker's file without its extension: in src/ as in what is published, beside the file that runs this. */
const NAME = "latentflow-worker";

/**
 * Where the worker's file is: beside the file that is running, which V8 knows; undefined on other engines. In a
 * bundle there is none, unless the bundler was told; starting it then fails, and the name is too much our own to
 * be somebody else's.
 */
export function workerFileBeside(): string | undefined {
  const running = runningFile();
  if (!running || !/\.[cm]?[jt]s(?=$|\?)/.test(running)) return undefined;
  return running.replace(/[^/\\]*(\.[cm]?[jt]s)(\?.*)?$/, `${NAME}$1`);
}

/** The path or URL of this file, or of the one that it was bundled into. (The library must not say `import.meta`.) */
function runningFile(): string | undefined {
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

/**
 * Returns the path or URL of this file, or of the bundle that contains it, from a stack trace; undefined if none is found. (The
 * library must not use `import.meta`.)
 */
export function runningFile(): string | undefined {
  return fileOfCallSite() ?? fileOfStack(new Error().stack ?? "");
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

/** npm passes Ctrl-C on to what it runs, which the terminal has already sent it to: twice within this time. */
const sameKeyPress = 500;

/**
 * The signal that the first Ctrl-C aborts, with a word on stderr. A second one kills the process at once, as
 * it would have done without this.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) return;
    // First, so that the progress bar is gone from the line.
    controller.abort();
    process.stderr.write("latentflow: stopping; Ctrl-C again quits at once\n");
    setTimeout(() => process.off("SIGINT", onInterrupt), sameKeyPress).unref();
  };
  process.on("SIGINT", onInterrupt);
  return controller.signal;
}

/** Says how the work was stopped, with the exit code for it. */
export function sayInterrupted(message: string): void {
  process.stderr.write(`latentflow: ${message}\n`);
  process.exitCode = 130;
}

/**
 * What `work` comes to; undefined, with this message, when the signal has aborted it or come before anything is
 * done with its result.
 */
export async function unlessInterrupted<T>(
  signal: AbortSignal,
  work: Promise<T>,
  message: string,
): Promise<T | undefined> {
  const result = await work.catch((error) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
  if (!signal.aborted) return result;
  sayInterrupted(message);
  return undefined;
}

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

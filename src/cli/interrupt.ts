import { exitCodes } from "./exit-codes.ts";
import { say } from "./output/print.ts";

/** npm passes Ctrl-C on to what it runs, which the terminal has already sent it to: twice within this time. */
const sameKeyPress = 500;

/** The signals that ask for an end: Ctrl-C, and what `kill`, a service manager or a batch system sends. */
const names = ["SIGINT", "SIGTERM"] as const;

/** Signal that has come; undefined before one has. */
let received: (typeof names)[number] | undefined;

/**
 * The signal that the first Ctrl-C or SIGTERM aborts, with a word on stderr. A second one kills the process at once,
 * as it would have done without this.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const listeners = names.map((name) => {
    const listener = () => {
      if (controller.signal.aborted) return;
      received = name;
      // First, so that the progress bar is gone from the line.
      controller.abort();
      say(`stopping; ${name === "SIGINT" ? "Ctrl-C" : name} again quits at once`);
      setTimeout(() => {
        for (const [other, each] of listeners) process.off(other, each);
      }, sameKeyPress).unref();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return controller.signal;
}

/** The program ends with the exit code for the signal that has come. */
export function setInterrupted(): void {
  process.exitCode = exitCodes[received ?? "SIGINT"];
}

/** Says how the work was stopped, with the exit code for it. */
export function sayInterrupted(message: string): void {
  say(message);
  setInterrupted();
}

/**
 * Awaits `work` and returns its result. If the signal has aborted it, or comes before the result is used, says the message
 * and returns undefined.
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

import { exitCodes } from "./exit-codes.ts";
import { say } from "./output/print.ts";

/**
 * Milliseconds within which a second SIGINT counts as the same Ctrl-C: npm passes it on to a program that has already got it
 * from the terminal.
 */
const sameKeyPress = 500;

/** Signals that ask the program to stop: Ctrl-C, and the signal that `kill`, a service manager or a batch system sends. */
const names = ["SIGINT", "SIGTERM"] as const;

/** Signal that has arrived; undefined before the first. */
let received: (typeof names)[number] | undefined;

/**
 * Returns a signal that the first Ctrl-C or SIGTERM aborts, with a message on stderr. The second one kills the process at
 * once, as it would without a handler.
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

/** Sets the exit code to that of the signal that has arrived. */
export function setInterrupted(): void {
  process.exitCode = exitCodes[received ?? "SIGINT"];
}

/** Prints how the work was stopped, and sets the exit code for the signal. */
export function sayInterrupted(message: string): void {
  say(message);
  setInterrupted();
}

/**
 * Awaits `work` and returns its result. If the signal aborts before `work` settles, prints the message and returns
 * undefined.
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

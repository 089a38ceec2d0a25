import { exitCodes } from "./exit-codes.ts";
import { say } from "./output/print.ts";

/**
 * Milliseconds within which a second SIGINT counts as the same Ctrl-C: npm forwards the signal to a process that has
 * already received it from the terminal.
 */
const sameKeyPress = 500;

/** Signals that end a run: Ctrl-C, and the signal that `kill`, service managers and batch systems send. */
const names = ["SIGINT", "SIGTERM"] as const;

/** First signal received; undefined before. */
let received: (typeof names)[number] | undefined;

/**
 * Returns an abort signal for the first Ctrl-C or SIGTERM, which also prints a message on stderr. A second signal kills the
 * process at once, as without a handler.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const listeners = names.map((name) => {
    const listener = () => {
      if (controller.signal.aborted) return;
      received = name;
      // Before the message, so that the progress bar is removed from its line.
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

/** Sets the process's exit code to that of the received signal, 128 + its number; of SIGINT if none was received. */
export function setInterrupted(): void {
  process.exitCode = exitCodes[received ?? "SIGINT"];
}

/** Prints how the work was stopped, and sets the exit code of the received signal. */
export function sayInterrupted(message: string): void {
  say(message);
  setInterrupted();
}

/** Awaits `work` and returns its result; undefined if it rejects with the reason of the aborted signal. */
export function undefinedIfAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  return work.catch((error) => {
    if (!signal.aborted || error !== signal.reason) throw error;
    return undefined;
  });
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

import { escapeText } from "../../base/show.ts";
import { fileError } from "../../files/durable-file.ts";
import { exitCodes } from "../exit-codes.ts";

/** Prints on stdout. Errors are handled by `watchOutput`. */
export function print(text: string): void {
  try {
    process.stdout.write(text);
  } catch (error) {
    // Some streams throw instead of emitting an event.
    process.stdout.emit("error", error);
  }
}

/** Prints a line on stderr. Errors of writing are ignored: stderr may be closed, or its disk full. */
export function say(message: string): void {
  // The name of a file may hold anything, also what moves a terminal's cursor.
  note(`latentflow: ${escapeText(message, Number.POSITIVE_INFINITY)}\n`);
}

/** Writes on stderr, ignoring errors. */
export function note(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // No other place is left for the message.
  }
}

/**
 * Handles errors of stdout and stderr from now on. A reader that goes away, as `head` does, is no failure, and the work goes
 * on; stdout that cannot be written for another reason, as a full disk, is one.
 */
export function watchOutput(): void {
  process.stderr.on("error", () => {});
  let isBroken = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isBroken) return;
    isBroken = true;
    say(fileError("cannot write to stdout", error).message);
    process.exitCode = exitCodes.failed;
  });
}

import { escapeText } from "../../base/show.ts";
import { fileError } from "../../files/durable-file.ts";
import { exitCodes } from "../exit-codes.ts";

/** Prints text on stdout. `watchOutput` handles errors. */
export function print(text: string): void {
  try {
    process.stdout.write(text);
  } catch (error) {
    // Some streams throw instead of emitting an error event.
    process.stdout.emit("error", error);
  }
}

/** Prints a line on stderr, after the program's name. Write errors are ignored: stderr may be closed, or its disk full. */
export function say(message: string): void {
  // File names may contain control characters that would move a terminal's cursor.
  note(`latentflow: ${escapeText(message, Number.POSITIVE_INFINITY)}\n`);
}

/** Prints text on stderr, ignoring errors. */
export function note(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // There is nowhere else to report the error.
  }
}

/**
 * Installs handlers for write errors on stdout and stderr. A closed pipe, as with `head`, is ignored and the work goes
 * on; any other error on stdout, such as a full disk, is reported and sets the exit code.
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

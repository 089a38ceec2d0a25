import { escapeText } from "../../base/check.ts";
import { fileError } from "../../files/durable-file.ts";
import { exitCodes } from "../exit-codes.ts";

/** Prints on stdout. What goes wrong there comes as an event, see `watchOutput`. */
export function print(text: string): void {
  try {
    process.stdout.write(text);
  } catch (error) {
    // Some streams throw instead.
    process.stdout.emit("error", error);
  }
}

/** Says a line on stderr, which nothing may depend on: it may be closed, or full. */
export function say(message: string): void {
  // A message may hold a file's name, and that anything: also what moves a terminal's cursor.
  note(`latentflow: ${escapeText(message, Number.POSITIVE_INFINITY)}\n`);
}

/** Writes on stderr. */
export function note(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // There is nowhere left to say so.
  }
}

/**
 * From now on, whoever reads our output may stop reading, as `head` does: that is no failure of ours, and the work
 * goes on to its end. Output that cannot be written for another reason, a full disk, is one.
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

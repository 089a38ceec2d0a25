import { fileError } from "../data/durable-file.ts";

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
  note(`latentflow: ${oneLine(message)}\n`);
}

/** Writes on stderr. */
export function note(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // There is nowhere left to say so.
  }
}

/** A message may hold a file's name, and that anything: also what moves a terminal's cursor. */
function oneLine(message: string): string {
  return message.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
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
    process.exitCode = 1;
  });
}

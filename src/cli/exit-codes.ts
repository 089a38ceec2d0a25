/** The program's exit codes. */
export const exitCodes = {
  done: 0,
  /** Input that cannot be used, output that cannot be written, or a defect. */
  failed: 1,
  usage: 2,
  /** 128 plus the signal's number, as in shells. */
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/** Paragraph on the exit codes for the help of a command. @param stopped outcome of a run that a signal has stopped */
export function exitCodesHelp(stopped: string): string {
  const text =
    `Exit codes: ${exitCodes.done} done, ${exitCodes.failed} a file or value that cannot be used, ` +
    `${exitCodes.usage} wrong usage; ${exitCodes.SIGINT} ended by Ctrl-C (SIGINT), ${exitCodes.SIGTERM} by SIGTERM: ${stopped}.`;
  return `\n${inLines(text)}\n`;
}

/** Wraps a paragraph at 80 characters; commander does not wrap text below a command's options. */
function inLines(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/(.{1,80})( |$)/g, "$1\n")
    .trimEnd();
}

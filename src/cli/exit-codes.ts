import { Help } from "commander";

/** Exit codes of the command line. */
export const exitCodes = {
  done: 0,
  /** Unusable input, output that cannot be written, or a defect of this package. */
  failed: 1,
  usage: 2,
  /** 128 plus the signal's number, as shells report it. */
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/**
 * Returns a paragraph on the exit codes for a command's help.
 *
 * @param stopped what is left on disk after a signal, such as "nothing is written"
 */
export function exitCodesHelp(stopped: string): string {
  const text =
    `Exit codes: ${exitCodes.done} done, ${exitCodes.failed} a file or value that cannot be used, ` +
    `${exitCodes.usage} wrong usage; ${exitCodes.SIGINT} ended by Ctrl-C (SIGINT), ${exitCodes.SIGTERM} by SIGTERM: ${stopped}.`;
  // commander does not wrap text added after a command's options.
  return `\n${new Help().boxWrap(text, 80)}\n`;
}

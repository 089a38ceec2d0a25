import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { beginningOf, gotten, subject, wanted } from "./message.ts";
import { escapeText } from "./show.ts";

// Makers of errors about arguments and files.

/**
 * Makes an `invalid_argument` error with a message that names its option, if it is about one, by a mark of its own. Use
 * `refused`, `objection` or `invalidOption` where they fit; they mark the option.
 */
export function invalid(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/**
 * Makes an `invalid_argument` error that refuses the value of an option or argument: `WHERE: NAME is GOT, expected EXPECTED`, and
 * the advice.
 *
 * @param where beginning of error messages: name of the function called, plain or marked; "" for none
 * @param name name of the option or argument, plain, or marked by `subject` and with other words around it
 * @param verb words between the option and `got`
 * @param advice what to do, with the punctuation before it
 */
export function refused(
  where: string,
  name: string,
  verb: string,
  got: string,
  expected: string,
  advice = "",
  cause?: unknown,
): LatentflowError {
  return objection(where, name, `${verb} ${gotten(got)}, expected ${wanted(expected)}${advice}`, cause);
}

/**
 * Makes an `invalid_argument` error that refuses an option or argument for another reason than its value: another option rules
 * it out, or it is missing. The message: `WHERE: NAME REASON`.
 *
 * @param where beginning of error messages: name of the function called, plain or marked; "" for none
 * @param name name of the option or argument, plain, or marked by `subject` and with other words around it
 */
export function objection(where: string, name: string, reason: string, cause?: unknown): LatentflowError {
  return invalid(`${beginningOf(where) + subject(name)} ${reason}`, cause);
}

/**
 * Makes an `invalid_argument` error about an option or argument with a message that has words of its own for it:
 * `WHERE: SENTENCE`.
 *
 * @param where beginning of error messages: name of the function called, plain or marked; "" for none
 * @param option name of the option or argument, for `error.option`, perhaps a caller's; "" for the option that contains the
 *   others
 * @param sentence whole sentence, in which `gotten` and `wanted` may mark values
 */
export function invalidOption(where: string, option: string, sentence: string): LatentflowError {
  return invalid(beginningOf(where) + subject(escapeText(option), "") + sentence);
}

/** Makes an `invalid_file` error. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

function refusal(code: LatentflowErrorCode, message: string, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? cause : { cause });
}

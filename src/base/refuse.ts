import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { gotten, objectionOf, wanted } from "./message.ts";

// Makers of errors about arguments and files.

/**
 * Makes an `invalid_argument` error with a message that names its option by a mark of its own; `refused` and `objection`, which
 * make the mark, come first.
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
 * it out, it is missing, or it cannot be read. The message is that of `objectionOf`.
 */
export function objection(where: string, name: string, reason: string, cause?: unknown): LatentflowError {
  return invalid(objectionOf(where, name, reason), cause);
}

/** Makes an `invalid_file` error. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

function refusal(code: LatentflowErrorCode, message: string, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? cause : { cause });
}

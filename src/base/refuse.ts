import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { objectionOf, refusalOf } from "./message.ts";

// Makers of errors about arguments and files.

/**
 * Makes an `invalid_argument` error with a message that names its option by a mark of its own; `refused` and `objection`, which
 * make the mark, come first.
 */
export function invalid(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/** Makes an `invalid_argument` error that refuses the value of an option or argument, with the message of `refusalOf`. */
export function refused(
  where: string,
  name: string,
  verb: string,
  got: string,
  expected: string,
  advice?: string,
  cause?: unknown,
): LatentflowError {
  return invalid(refusalOf(where, name, verb, got, expected, advice), cause);
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
  return new LatentflowError(code, message, cause === undefined ? undefined : { cause });
}

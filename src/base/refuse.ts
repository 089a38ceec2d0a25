import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { refusalOf } from "./message.ts";

// Makers of errors about arguments and files.

/** Makes an `invalid_argument` error. */
export function invalid(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/** Makes an `invalid_argument` error that refuses an option or argument, with the message of `refusalOf`. */
export function refused(...parts: Parameters<typeof refusalOf>): LatentflowError {
  return invalid(refusalOf(...parts));
}

/** Makes an `invalid_file` error. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

function refusal(code: LatentflowErrorCode, message: string, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? undefined : { cause });
}

import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { refusalOf } from "./message.ts";

// Errors about what came from outside, ready to be thrown.

/** An `invalid_argument` error, ready to be thrown. */
export function invalid(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/** An `invalid_argument` error about an option or argument, ready to be thrown; see `refusalOf`. */
export function refused(...parts: Parameters<typeof refusalOf>): LatentflowError {
  return invalid(refusalOf(...parts));
}

/** An `invalid_file` error, ready to be thrown. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

function refusal(code: LatentflowErrorCode, message: string, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? undefined : { cause });
}

import * as assert from "uvu/assert";
import { LatentflowError, type LatentflowErrorCode } from "../../src/base/errors.ts";

/** Asserts that `call` throws a LatentflowError with this code and a message that matches. */
export function refused(call: () => unknown, code: LatentflowErrorCode, message: RegExp): void {
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  checkError(error, code, message);
}

/** As `refused`, for a promise that rejects. */
export async function rejected(
  promise: Promise<unknown>,
  code: LatentflowErrorCode,
  message: RegExp,
): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  checkError(error, code, message);
}

function checkError(error: unknown, code: LatentflowErrorCode, message: RegExp): void {
  if (error === undefined) assert.unreachable(`nothing was refused, expected ${code} ${message}`);
  if (!(error instanceof LatentflowError)) throw error;
  assert.match(error.message, message);
  assert.is(error.code, code, error.message);
}

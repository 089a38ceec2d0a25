import { withCall } from "../../base/calling.ts";
import { LatentflowError } from "../../base/errors.ts";

/** Makes the `unsupported` error of what this runtime, device or backend lacks. */
export function unsupported(words: string, cause?: unknown): LatentflowError {
  const options = cause === undefined ? cause : { cause };
  return withCall("webgpu", new LatentflowError("unsupported", words, options));
}

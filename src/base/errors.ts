/**
 * What went wrong, for programs:
 * - `invalid_argument`: an argument has the wrong type, length or value
 * - `invalid_file`: a file is truncated, malformed, larger than allowed or not what its name says, or the system lets
 *   nobody read or write it
 * - `needs_conversion`: a safetensors file whose tensors alone do not say what its decoder computes; the message has the
 *   line of Python that exports it to ONNX
 * - `not_found`: a path or URL does not lead to a file that may be read
 * - `unreachable`: a server did not answer, failed or broke off; another try may help
 * - `disposed`: the object was used after `dispose()`
 * - `unsupported`: this runtime lacks something that is needed (WebAssembly SIMD, say)
 * - `out_of_memory`: the memory that the call needs could not be had
 * - `worker_failed`: workers have died again and again, or one has thrown what no argument explains
 * - `other_run`: what was to be gone on from is of a run with other options, data or networks
 * - `locked`: another run keeps its checkpoints in the file, or has taken it over from this one
 */
export type LatentflowErrorCode =
  | "invalid_argument"
  | "invalid_file"
  | "needs_conversion"
  | "not_found"
  | "unreachable"
  | "disposed"
  | "unsupported"
  | "out_of_memory"
  | "worker_failed"
  | "other_run"
  | "locked";

const CODES: Readonly<Record<LatentflowErrorCode, true>> = {
  invalid_argument: true,
  invalid_file: true,
  needs_conversion: true,
  not_found: true,
  unreachable: true,
  disposed: true,
  unsupported: true,
  out_of_memory: true,
  worker_failed: true,
  other_run: true,
  locked: true,
};

/** Is it a code, whoever says so? */
export function isErrorCode(value: unknown): value is LatentflowErrorCode {
  return typeof value === "string" && Object.hasOwn(CODES, value);
}

/**
 * Every error that latentflow throws on purpose. The message says what came, what was expected and what to
 * do; `code` is for programs. (An aborted call rejects with its signal's reason instead.)
 */
export class LatentflowError extends Error {
  override readonly name = "LatentflowError";
  readonly code: LatentflowErrorCode;

  constructor(code: LatentflowErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Is it one of ours, with one of these codes? */
export function hasCode(error: unknown, ...codes: readonly LatentflowErrorCode[]): boolean {
  return error instanceof LatentflowError && codes.includes(error.code);
}

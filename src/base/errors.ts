import { marksOf, plainText } from "./message.ts";

/**
 * Kind of an error, for programs:
 * - `invalid_argument`: an argument has the wrong type, length or value
 * - `invalid_file`: a file is truncated, malformed, larger than allowed or not what its name says, or the system refuses to
 *   read or write it
 * - `needs_conversion`: the tensors of a safetensors file do not determine what its decoder computes; the message has the
 *   line of Python that exports the decoder to ONNX
 * - `not_found`: a path or URL does not lead to a readable file
 * - `unreachable`: a server did not answer, failed or broke off; another try may succeed
 * - `disposed`: the object was used after `dispose()`
 * - `unsupported`: this runtime or backend lacks a required feature, such as WebAssembly SIMD
 * - `out_of_memory`: memory that the call needs could not be allocated
 * - `worker_failed`: a worker has died during a call, or has thrown an unexpected error
 * - `other_run`: a checkpoint to resume from is of a run with other options, data or networks
 * - `locked`: another run uses the checkpoint file, or the file that locks it for this run was removed
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

let marksIn: (error: LatentflowError) => string;

/**
 * Error that latentflow throws on purpose. The message says what was passed, what was expected and what to do; `code` is for
 * programs. An aborted call rejects with its abort signal's reason instead. If an argument is refused, `option`, `got` and
 * `expected` have the parts of the message.
 *
 * @example
 * try {
 *   await encode(decoder, y, { batchSize: 0 });
 * } catch (error) {
 *   if (!(error instanceof LatentflowError)) throw error;
 *   console.log(error.option, error.got, error.expected); // batchSize, 0, an integer >= 1
 * }
 */
export class LatentflowError extends Error {
  override readonly name = "LatentflowError";
  /** Kind of the error, such as `"invalid_argument"`, for programs to branch on. */
  readonly code: LatentflowErrorCode;
  /** Message with marks (base/message.ts) around option names and other parts, which the command line replaces. */
  readonly #marked: string;

  static {
    marksIn = (error) => error.#marked;
  }

  constructor(code: LatentflowErrorCode, message: string, options?: { cause?: unknown }) {
    super(plainText(message), options);
    this.code = code;
    this.#marked = message;
  }

  /** Path of the refused argument or option, such as `y` or `validation.everyImages`; undefined if the error is not about one. */
  get option(): string | undefined {
    const marks = marksOf(this.#marked);
    const subject = marks.findIndex(({ kind }) => kind === "subject");
    if (subject < 0) return undefined;
    const path = marks.slice(0, subject + 1).map(({ option }) => option);
    // A subject without a name is what contains the options: the scope, or the argument that has them all.
    return path.filter(Boolean).join(".") || "options";
  }

  /** Refused value of the argument or option, as shown in the message; undefined if the error is not about one. */
  get got(): string | undefined {
    return this.#textOf("got");
  }

  /** Description of the allowed values of the refused argument or option; undefined if the error is not about one. */
  get expected(): string | undefined {
    return this.#textOf("expected");
  }

  #textOf(kind: "got" | "expected"): string | undefined {
    const mark = marksOf(this.#marked).find((each) => each.kind === kind);
    return mark && plainText(mark.text);
  }
}

/**
 * Returns an error's message with its marks (pieces with a role, such as the name of an option), to be used in another message
 * or sent to another thread.
 */
export function markedMessage(error: LatentflowError): string {
  return marksIn(error);
}

/** True for a LatentflowError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly LatentflowErrorCode[]): boolean {
  return error instanceof LatentflowError && codes.includes(error.code);
}

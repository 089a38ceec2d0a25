import { piecesOf, plainText } from "./message.ts";

/**
 * Kind of an error, for programs:
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
export type LatentflowErrorCode = (typeof CODES)[number];

const CODES = [
  "invalid_argument",
  "invalid_file",
  "needs_conversion",
  "not_found",
  "unreachable",
  "disposed",
  "unsupported",
  "out_of_memory",
  "worker_failed",
  "other_run",
  "locked",
] as const;

/** True for one of the codes of errors; a text from a worker may be none. */
export function isErrorCode(value: unknown): value is LatentflowErrorCode {
  return CODES.includes(value as LatentflowErrorCode);
}

let marksIn: (error: LatentflowError) => string;

/**
 * Every error that latentflow throws on purpose. The message says what came, what was expected and what to
 * do; `code` is for programs. (An aborted call rejects with its signal's reason instead.) Where an argument is refused,
 * `option`, `got` and `expected` have the parts of the message.
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
  readonly code: LatentflowErrorCode;
  /** Message with the marks of its parts; see message.ts. */
  readonly #marked: string;

  static {
    marksIn = (error) => error.#marked;
  }

  constructor(code: LatentflowErrorCode, message: string, options?: { cause?: unknown }) {
    super(plainText(message), options);
    this.code = code;
    this.#marked = message;
  }

  /** Path of the argument or option that is refused, such as `y` or `validation.everyImages`; undefined if none is. */
  get option(): string | undefined {
    const pieces = piecesOf(this.#marked).filter((piece) => typeof piece === "object");
    const subject = pieces.findIndex(({ kind }) => kind === "subject");
    if (subject < 0) return undefined;
    return pieces
      .slice(0, subject + 1)
      .flatMap(({ option = [] }) => option)
      .join(".");
  }

  /** Value of that option as the message shows it; undefined if no option is refused. */
  get got(): string | undefined {
    return this.#textOf("got");
  }

  /** Values that the option may have; undefined if no option is refused. */
  get expected(): string | undefined {
    return this.#textOf("expected");
  }

  #textOf(kind: "got" | "expected"): string | undefined {
    const piece = piecesOf(this.#marked).find((each) => typeof each === "object" && each.kind === kind);
    return typeof piece === "object" ? plainText(piece.text) : undefined;
  }
}

/** Returns an error's message with the marks of its parts, to be used within another message or sent to another thread. */
export function markedMessage(error: LatentflowError): string {
  return marksIn(error);
}

/** True for a LatentflowError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly LatentflowErrorCode[]): boolean {
  return error instanceof LatentflowError && codes.includes(error.code);
}

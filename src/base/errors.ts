import { markIn, plainText, type Words } from "./message.ts";

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

/** What an error's message names before its words: the function called, an option that contains the refused one, or a file. */
export interface Place {
  /** Text that the library prints. */
  readonly text: string;
  /** Name of the function called. */
  readonly call?: string;
  /** File passed to the function called, as messages show it. */
  readonly file?: string | undefined;
  /** Name of the option. */
  readonly option?: string;
}

/** Parts of an error, of which its message is made. */
export interface ErrorParts {
  /** Places of the message's beginning, from the outermost to the innermost. */
  readonly places: readonly Place[];
  readonly words: Words;
}

// Assigned in the class's static block, which sees its # members: other code, and users, do not.

/** Returns the parts of an error, for another error, or for a message that names options otherwise. */
export let partsOf: (error: LatentflowError) => ErrorParts;

/**
 * Adds a place to the beginning of an error's message, unless the message begins with the function called.
 *
 * @param isForced true to add the place in any case: the error is about a part of another call's arguments. Default false
 */
export let placeError: (error: LatentflowError, place: Place, isForced?: boolean) => void;

/**
 * Error that latentflow throws on purpose. The message says what was passed, what was expected and what to do; `code` is for
 * programs. An aborted call rejects with its abort signal's reason instead. The parts of the message are there for programs, too.
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
  #places: readonly Place[] = [];
  readonly #words: Words;

  static {
    partsOf = (error) => ({ places: error.#places, words: error.#words });
    placeError = (error, place, isForced) => {
      if (error.#places[0]?.call && !isForced) return;
      // Read before the message changes: engines that format the stack late take the message as it then is.
      const { message, stack } = error;
      error.#places = [place, ...error.#places];
      error.message = `${place.text}: ${message}`;
      if (typeof stack === "string") error.stack = stack.replace(message, () => error.message);
    };
  }

  /** @internal */
  constructor(code: LatentflowErrorCode, words: Words, options?: { readonly cause?: unknown }) {
    super(plainText(words), options);
    this.code = code;
    this.#words = words;
  }

  /** Name of the function that was called, such as `encode`; undefined if the error is about no call. */
  get call(): string | undefined {
    return callIn(this.#places)?.call;
  }

  /** Path of the refused argument or option, such as `y` or `validation.everyImages`; undefined if the error is not about one. */
  get option(): string | undefined {
    const subject = markIn(this.#words, "subject");
    // A subject without a name is what contains the options: the option at work, or the argument that has them all.
    const path = [...this.#places, subject].map((each) => each?.option).filter(Boolean);
    return subject && (path.join(".") || "options");
  }

  /** Refused value of the argument or option, as shown in the message; undefined if the error is not about one. */
  get got(): string | undefined {
    return this.#textOf("got");
  }

  /** Description of the allowed values of the refused argument or option; undefined if the error is not about one. */
  get expected(): string | undefined {
    return this.#textOf("expected");
  }

  /** What to do, where a message about a refused argument ends with that; else undefined. */
  get advice(): string | undefined {
    // Without the punctuation before it, or the brackets around it.
    return this.#textOf("advice")?.replace(/^ \((.*)\)$|^[;,:]? /s, "$1") || undefined;
  }

  #textOf(kind: "got" | "expected" | "advice"): string | undefined {
    const mark = markIn(this.#words, kind);
    return mark && plainText(mark.text);
  }
}

/** Returns the place of the function called: the outermost, which the caller has called; undefined if there is none. */
export function callIn(places: readonly Place[]): Place | undefined {
  return places.find(({ call }) => call);
}

/**
 * Makes an error of the parts of another one, its cause, with changes.
 *
 * @param change `before` is added to the beginning of the message; others take the place of the error's own
 */
export function remade(
  error: LatentflowError,
  change: Partial<ErrorParts> & { readonly code?: LatentflowErrorCode; readonly before?: Place },
): LatentflowError {
  const { code, before, places, words } = { code: error.code, ...partsOf(error), ...change };
  const made = new LatentflowError(code, words, { cause: error });
  for (const place of [...(before ? [before] : []), ...places].reverse()) placeError(made, place, true);
  return made;
}

/** True for a LatentflowError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly LatentflowErrorCode[]): boolean {
  return error instanceof LatentflowError && codes.includes(error.code);
}

import { LatentflowError, type LatentflowErrorCode, partsOf, remade } from "./errors.ts";
import { advised, gotten, ofFile, subject, type Words, wanted, words } from "./message.ts";
import { escapeText } from "./show.ts";

// Makers of errors about arguments and files. Those about an argument, from the most specific, with a message of each:
//
//   refused        t1 is 0, expected a finite number > 0; give t1: 10
//   objection      relaxed chooses a build of the package; leave it out together with module
//   invalidOption  the decoder is over points; give how many there are: points: 2000
//   invalid        --parts 14: the results of a part would be more than 1 GiB; give 15 parts or more

/**
 * Makes an `invalid_argument` error with a message that names its option, if it is about one, by a mark of its own. Use
 * `refused`, `objection` or `invalidOption` where they fit; they mark the option.
 */
export function invalid(message: Words, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/**
 * Makes an `invalid_argument` error that refuses the value of an option or argument: `NAME is GOT, expected EXPECTED`, and
 * the advice.
 *
 * @param name name of the option or argument, plain, or marked by `subject` and with other words around it
 * @param verb words between the option and `got`
 * @param advice what to do, with the punctuation before it
 */
export function refused(
  name: Words,
  verb: string,
  got: Words,
  expected: Words,
  advice: Words = "",
  cause?: unknown,
): LatentflowError {
  return objection(name, words`${verb} ${gotten(got)}, expected ${wanted(expected)}`, advice, cause);
}

/**
 * Makes an `invalid_argument` error that refuses an option or argument for another reason than its value: another option rules
 * it out, or it is missing. The message: `NAME REASON`, and the advice.
 *
 * @param name name of the option or argument, plain, or marked by `subject` and with other words around it
 * @param advice what to do, with the punctuation before it
 */
export function objection(name: Words, reason: Words, advice: Words = "", cause?: unknown): LatentflowError {
  return invalid(words`${subject(name)} ${reason}${advised(advice)}`, cause);
}

/**
 * Makes an `invalid_argument` error about an option or argument with a message that has words of its own for it.
 *
 * @param option name of the option or argument, for `error.option`, perhaps a caller's; "" for the option that contains the
 *   others
 * @param sentence whole sentence, in which `gotten` and `wanted` may mark values
 * @param advice what to do, with the punctuation before it
 */
export function invalidOption(option: string, sentence: Words, advice: Words = ""): LatentflowError {
  return invalid(words`${subject(escapeText(option), "")}${sentence}${advised(advice)}`);
}

/** Makes an `invalid_file` error. */
export function invalidFile(message: Words, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

/**
 * Makes an `invalid_file` error of the refusal of what a file holds.
 *
 * @param more words to add
 */
export function refusedFile(error: LatentflowError, more: Words = ""): LatentflowError {
  const { places, words: own } = partsOf(error);
  return remade(error, {
    code: "invalid_file",
    places: places.map(({ option, ...place }) => place),
    words: words`${ofFile(own)}${more}`,
  });
}

function refusal(code: LatentflowErrorCode, message: Words, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? cause : { cause });
}

import { LatentflowError, type Place, placeError } from "./errors.ts";
import type { Pausable } from "./event-loop.ts";

// Checks do not know which function was called, or in which option the refused value is. The functions here are doors: an error
// passes them on its way out, and each adds its place to the beginning of the message. What they run may be asynchronous.

/**
 * Runs a public function: an error that leaves it begins with the function's name. An error of another public
 * function, which a callback has called, say, keeps that function's name.
 *
 * @param file file passed to the function, if any, as messages show it
 */
export function calling<T>(name: string, run: () => T, file?: string): T {
  return placing({ text: file ? `${name}(${file})` : name, call: name, file }, run);
}

/** Adds the name of a public function to an error that is about it and does not pass its door; returns the error. */
export function withCall(name: string, error: LatentflowError): LatentflowError {
  placeError(error, { text: name, call: name });
  return error;
}

/**
 * Runs checks of what an option contains, such as `validation`: an error that they throw names the option first.
 *
 * @param text text that the library prints for the option. Default: the name
 */
export function within<T>(option: string, run: () => T, text = option): T {
  return placing({ text, option }, run);
}

/** Runs work on a file or another thing: an error that it throws begins with the words for it, if any. */
export function about<T>(text: string, run: () => T): T {
  return text === "" ? run() : placing({ text }, run);
}

/** Runs work on a thing as `about` does, with pauses. */
export function* aboutSteps<T>(text: string, work: Pausable<T>): Pausable<T> {
  try {
    return yield* work;
  } catch (error) {
    return rethrow(error, { text });
  }
}

function placing<T>(place: Place, run: () => T): T {
  try {
    const result = run();
    return result instanceof Promise ? (result.catch((error) => rethrow(error, place)) as T) : result;
  } catch (error) {
    return rethrow(error, place);
  }
}

/** Throws what was caught; an error of the library with the place at the beginning of its message. */
function rethrow(error: unknown, place: Place): never {
  if (error instanceof LatentflowError) placeError(error, place);
  throw error;
}

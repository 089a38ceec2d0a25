import { LatentflowError, type Place, placeError } from "./errors.ts";
import type { Pausable } from "./event-loop.ts";

// Checks do not know which function was called, or in which option the refused value is. The functions here, through which an
// error passes on its way out, add that to the beginning of its message.

// What they run may be asynchronous.

/**
 * Runs a public function: an error that leaves it begins with the function's name. An error that another public function has
 * thrown, such as one that a callback has called, keeps that function's name.
 *
 * @param file file passed to the function, if any, as messages show it
 */
export function calling<T>(name: string, run: () => T, file?: string): T {
  return placing({ text: file ? `${name}(${file})` : name, call: name, file }, run);
}

/** Returns an error with the name of the public function that it is about, for errors that pass no door of it. */
export function named(name: string, error: LatentflowError): LatentflowError {
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
    return about(text, () => {
      throw error;
    });
  }
}

function placing<T>(place: Place, run: () => T): T {
  const fail = (error: unknown): never => {
    if (error instanceof LatentflowError) placeError(error, place);
    throw error;
  };
  try {
    const result = run();
    return result instanceof Promise ? (result.catch(fail) as T) : result;
  } catch (error) {
    return fail(error);
  }
}

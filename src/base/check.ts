import { LatentflowError } from "./errors.ts";
import { refusalOf, subject } from "./message.ts";
import { invalid, refused } from "./refuse.ts";
import { type Bounds, show, showBounds } from "./show.ts";

// Checks of arguments and options, each of which refuses a wrong one by its name.

/**
 * Refuses options that are no object or hold a name outside `known`: a misspelt option must not be ignored.
 *
 * @param known every name of the options' interface, so that the compiler names what has been forgotten; the values
 *   do not matter
 * @param why options that one might look for, and why there are none such
 */
export function checkOptions<Options extends object>(
  where: string,
  options: Options | undefined,
  known: { readonly [Name in keyof Required<Options>]: unknown },
  why: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined) return;
  const names = Object.keys(known).join(", ");
  const given = optionNames(where, options);
  if (given === undefined) {
    const expected = `a plain object${names && ` with any of ${names}`}`;
    throw invalid(`${where}: options are ${show(options)}, expected ${expected}`);
  }
  for (const name of given) {
    if (!Object.hasOwn(known, name)) {
      const reason = Object.hasOwn(why, name) ? why[name] : `the options are ${names}`;
      throw invalid(`${where}: unknown option ${subject(name, show(name))}; ${reason}`);
    }
    if (isRevoked(optionOf(where, options, name))) {
      throw refused(where, name, "is", "a Proxy that has been revoked", "a value that can be read");
    }
  }
}

/** Reads an option. An error of its getter becomes the cause of an error that names the option. */
function optionOf(where: string, options: object, name: string): unknown {
  try {
    return (options as Readonly<Record<string, unknown>>)[name];
  } catch (cause) {
    throw invalid(`${where}: ${subject(name)} cannot be read`, cause);
  }
}

/** True for a Proxy that has been revoked: to read anything of it throws a TypeError. */
export function isRevoked(value: unknown): boolean {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
}

/** Names of an object's properties; undefined for a list, a Map, a Date, a Promise, and any value that is no object. */
export function optionNames(where: string, options: unknown): string[] | undefined {
  if (options === null || typeof options !== "object") return undefined;
  try {
    // Before its keys, of which a list may have millions; a proxy that is revoked throws here.
    const isPlain = Object.prototype.toString.call(options) === "[object Object]";
    return isPlain ? Object.keys(options) : undefined;
  } catch (cause) {
    throw invalid(`${where}: the options cannot be read`, cause);
  }
}

/** Reads a value from outside. @throws LatentflowError `invalid_argument` where code of the value's own, a getter say, throws */
export function readValue<Value>(where: string, name: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof LatentflowError) throw cause;
    throw invalid(
      refusalOf(where, name, "is", "a value that throws as it is read", "one that can be read"),
      cause,
    );
  }
}

/** Returns the value, or the default if it is undefined. `null` is returned, to be refused like any other wrong value. */
export function orDefault<Value, Default>(value: Value | undefined, standard: Default): Value | Default {
  return value === undefined ? standard : value;
}

/** Options completed with their defaults: none is undefined. */
export type Complete<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** Refuses a value that is not a number within bounds; returns it otherwise. */
export function checkNumber(where: string, name: string, value: unknown, bounds: Bounds = {}): number {
  const {
    min = -Infinity,
    above = -Infinity,
    max = Number.MAX_VALUE,
    below = Infinity,
    integer = false,
  } = bounds;
  const ok =
    typeof value === "number" &&
    value >= min &&
    (value > above || above === -Infinity) &&
    value <= max &&
    value < below &&
    (!integer || Number.isSafeInteger(value));
  if (ok) return value;
  // Beyond it is an integer too, but not told apart from its neighbours.
  const isUnsafe = integer && typeof value === "number" && value > Number.MAX_SAFE_INTEGER;
  const most = bounds.max ?? (isUnsafe ? Number.MAX_SAFE_INTEGER : undefined);
  const expected = showBounds(most === undefined ? bounds : { ...bounds, max: most });
  throw refused(where, name, "is", show(value), expected);
}

/** Refuses a value that is none of `choices`; returns it otherwise. */
export function checkChoice<T extends string>(
  where: string,
  name: string,
  value: unknown,
  choices: readonly T[],
): T {
  if (choices.includes(value as T)) return value as T;
  throw refused(where, name, "is", show(value), choices.map((choice) => `"${choice}"`).join(" or "));
}

/** Refuses a value that is neither true nor false; returns it otherwise. */
export function checkFlag(where: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw refused(where, name, "is", show(value), "true or false");
}

/** Refuses a value that is not an AbortSignal. */
export function checkSignal(where: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw refused(where, "signal", "is", show(signal), "an AbortSignal");
  }
}

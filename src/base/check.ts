import { LatentflowError, type LatentflowErrorCode } from "./errors.ts";
import { refusalOf, subject } from "./message.ts";

/** An `invalid_argument` error, ready to be thrown. */
export function invalid(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_argument", message, cause);
}

/** An `invalid_argument` error about an option or argument, ready to be thrown; see `refusalOf`. */
export function refused(...parts: Parameters<typeof refusalOf>): LatentflowError {
  return invalid(refusalOf(...parts));
}

/** An `invalid_file` error, ready to be thrown. */
export function invalidFile(message: string, cause?: unknown): LatentflowError {
  return refusal("invalid_file", message, cause);
}

function refusal(code: LatentflowErrorCode, message: string, cause: unknown): LatentflowError {
  return new LatentflowError(code, message, cause === undefined ? undefined : { cause });
}

/** Largest number of characters of a text that a message shows. */
const LONGEST_TEXT = 60;
/** Largest number of characters of a path in a message; a path's end says more than its start. */
const LONGEST_PATH = 300;

/** Controls, marks of direction, what cannot be seen, halves of a character: what would change how a line is read. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Text that came in, for a line of a message: what a terminal or a reader would not see as it is becomes \u…, and
 * what is too long is cut.
 *
 * @param most so many characters at most
 * @param isQuoted between double quotes, which are then escaped
 */
export function escapeText(text: string, most = LONGEST_TEXT, isQuoted = false): string {
  let all = "";
  let cut = "";
  for (const character of text.slice(0, most + 1)) {
    if (UNPRINTABLE.test(character)) all += escapeCharacter(character);
    else all += isQuoted && /["\\]/.test(character) ? `\\${character}` : character;
    if (all.length > most) return `${cut}...`;
    if (all.length <= most - 3) cut = all;
  }
  return all;
}

/** Code units of a character, each as \uXXXX; the common ones as JSON writes them. */
function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Path or URL in a message, without a URL's secrets. */
export function showPath(path: string | URL): string {
  return escapeText(withoutSecrets(String(path)), LONGEST_PATH);
}

/** Location in a message, in quotes and without secrets, as short as other values. */
export function showLocation(location: string): string {
  return show(withoutSecrets(location));
}

/**
 * Where a URL begins: with what may have come along when it was copied, and of http with slashes that are missing, lie the
 * other way or have spaces before them. Others than http are not read, but their messages go into logs as well.
 */
const SCHEME = /^[\s\p{Cc}"'<]*(?:https?:[\s\\/]*|(?!file:)[a-z][a-z\d+.-]*:\/\/)/iu;
/** User and password of a URL. A password with a slash that is not escaped looks like a port. */
const USER = /^(?:[^\\/?#]*@|[^\\/?#:@[]+:(?!\d*(?:[\\/?#]|$)).*@)/su;

/** Removes the password and the query, which may hold a token, from a URL. */
export function withoutSecrets(location: string): string {
  const [scheme] = SCHEME.exec(location) ?? [];
  if (scheme === undefined) return location;
  const rest = location.slice(scheme.length).replace(USER, "");
  return scheme + rest.replace(/\?[^#]+/, "?…");
}

/** Name of a value from outside in a message, such as a solver's; a text has no quotes. */
export function showName(name: unknown): string {
  return typeof name === "string" ? escapeText(name) : show(name);
}

/**
 * Text of a value from outside in a message: on a line, in at most some 80 characters, and telling -0, NaN and
 * strings apart. It never throws, whatever the value's own code does.
 */
export function show(value: unknown): string {
  if (typeof value === "string") return `"${escapeText(value, LONGEST_TEXT, true)}"`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return "a BigInt";
  if (typeof value === "symbol") return "a symbol";
  const name = className(value);
  return `${/^[AEIOU]/i.test(name) && !/^Uint/.test(name) ? "an" : "a"} ${name}`;
}

/** Name of a value's class, by its prototype's constructor: an own property may come from a file. */
function className(value: object): string {
  try {
    const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
    if (typeof name === "string" && name !== "Object" && /^[\w$]{1,40}$/.test(name)) return name;
  } catch {
    // A getter or a proxy has thrown.
  }
  return "object";
}

/** Largest number of items that a message lists. */
const MOST_LISTED = 12;
/** Largest number of characters of a list in a message, unless its first item is longer. */
const LONGEST_LIST = 400;

/** Joins items for a message: as many as stay readable, then the number of the others. */
export function showList(items: readonly string[], longest = LONGEST_LIST): string {
  const shown: string[] = [];
  for (const item of items.slice(0, MOST_LISTED)) {
    if (shown.length > 0 && shown.join(", ").length + item.length > longest) break;
    shown.push(item);
  }
  const rest = items.length - shown.length;
  return shown.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

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

/** Value of an option; an error of its getter becomes the cause of one that names the option. */
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

/** Advice for a value given in place of its member, such as a result in place of its z; else empty. */
export function memberHint(value: unknown, member: string): string {
  try {
    const has = typeof value === "object" && value !== null && member in value;
    return has ? `; give its member .${member}` : "";
  } catch {
    return ""; // A proxy has thrown.
  }
}

/** Advice for a function given in place of its result; else empty. */
export function callHint(value: unknown): string {
  return typeof value === "function" ? " (are the brackets of the call missing?)" : "";
}

/** Bounds of a number: `min` and `max` are allowed values, `above` and `below` are not. */
export interface Bounds {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
  readonly integer?: boolean;
}

/** Value, or the default if it is undefined. `null` stays, to be refused as any other wrong value is. */
export function orDefault<Value, Default>(value: Value | undefined, standard: Default): Value | Default {
  return value === undefined ? standard : value;
}

/** Options with their defaults, none of them undefined. */
export type Complete<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** Refuses a value that is no number within its bounds; returns it otherwise. */
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

/** Number within its bounds, for messages: `a finite number > 0 and <= 1`. */
export function showBounds(bounds: Bounds): string {
  const limits = showLimits(bounds);
  return (bounds.integer ? "an integer" : "a finite number") + (limits && ` ${limits}`);
}

/** Bounds of a number as messages show them: `> 0 and <= 1`; empty if there are none. */
export function showLimits({ above, min, max, below }: Bounds): string {
  const limits = { ">": above, ">=": min, "<=": max, "<": below };
  return Object.entries(limits)
    .flatMap(([sign, limit]) => (limit === undefined ? [] : [`${sign} ${limit}`]))
    .join(" and ");
}

/** Joins what is allowed for a message: `a, b or c`. */
export function alternatives(items: readonly string[]): string {
  return [items.slice(0, -1).join(", "), ...items.slice(-1)].filter(Boolean).join(" or ");
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

/** Refuses an option that is given and is no function. */
export function checkCallback(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw refused(where, name, "is", show(value), "a function");
}

/** Refuses a value that is no AbortSignal. */
export function checkSignal(where: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw refused(where, "signal", "is", show(signal), "an AbortSignal");
  }
}

/** Axes of a shape that a message has at most. */
const MOST_AXES_SHOWN = 8;

/** A shape as messages write it: `[150, 20]`, cut after a few axes. */
export function showShape(shape: readonly unknown[]): string {
  const axes = shape.slice(0, MOST_AXES_SHOWN).map(show);
  return `[${[...axes, ...(shape.length > MOST_AXES_SHOWN ? ["..."] : [])].join(", ")}]`;
}

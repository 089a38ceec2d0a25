import { advised, gotten, subject, wanted, words } from "./message.ts";
import { invalidOption, refused } from "./refuse.ts";
import { type Bounds, show, showBounds } from "./show.ts";

// Checks of arguments and options. Each throws an `invalid_argument` error that names the wrong one.

/** Name in messages of the object that has the options. */
const OPTIONS = subject("", "options");

/**
 * Throws if `options` is not a plain object, or has a property outside `known` (a misspelt option must not be ignored).
 * Undefined passes.
 *
 * @param known every name of the options' interface, so that the compiler reports a missing name; the values are ignored
 * @param why reasons why certain options do not exist, by name, for users who look for them
 * @throws LatentflowError `invalid_argument`
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  known: { readonly [Name in keyof Required<Options>]: unknown },
  why: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined) return;
  const names = Object.keys(known).join(", ");
  const given = optionNames(options);
  if (given === undefined) {
    const expected = `a plain object${names && ` with any of ${names}`}`;
    throw refused(OPTIONS, "are", show(options), expected);
  }
  for (const name of given) {
    if (Object.hasOwn(known, name)) continue;
    // Letters left out, added, replaced or swapped: the order of the others is not looked at, which is short to write.
    const near = Object.keys(known).find(
      (each) => lacks(each, name) + lacks(name, each) < (each.length > 3 ? 3 : 2),
    );
    const reason = Object.hasOwn(why, name)
      ? advised(why[name]!)
      : words`the options are ${wanted(names)}${near ? advised(`; did you mean ${near}?`) : ""}`;
    throw invalidOption(name, words`unknown option ${gotten(show(name))}; ${reason}`);
  }
}

/** Returns the number of characters of `a` that `b` lacks, a repeated character as often as it occurs. */
function lacks(a: string, b: string): number {
  return [...b].reduce((left, character) => left.replace(character, ""), a).length;
}

/**
 * Returns reasons for `checkOptions` that name the option with the one that a caller looks for: `solver: lbfgs({ tolerance })`.
 *
 * @param option option whose value has options of its own
 * @param maker function that makes such a value
 * @param fields options of `maker`, by name
 */
// @__NO_SIDE_EFFECTS__
export function elsewhere(option: string, maker: string, fields: object): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(fields).map((name) => [name, `give ${option}: ${maker}({ ${name} })`]),
  );
}

/** Returns the names of a plain object's properties; undefined for a list, a Map, a Date, a Promise, and any non-object. */
export function optionNames(options: unknown): string[] | undefined {
  // Before Object.keys, which for a list may return millions.
  const isPlain = Object.prototype.toString.call(options) === "[object Object]";
  return isPlain ? Object.keys(options as object) : undefined;
}

/** Returns `value`, or the default `standard` if it is undefined. `null` is returned unchanged, so that checks reject it. */
export function orDefault<Value, Default>(value: Value | undefined, standard: Default): Value | Default {
  return value === undefined ? standard : value;
}

/** Options with their defaults filled in: none is undefined. */
export type Complete<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> };

/** Returns `value` if it is a finite number within bounds; throws `invalid_argument` otherwise. */
export function checkNumber(name: string, value: unknown, bounds: Bounds = {}): number {
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
  // Larger integers are exact in float64 too, but not distinguishable from their neighbours.
  const isUnsafe = integer && typeof value === "number" && value > Number.MAX_SAFE_INTEGER;
  const most = bounds.max ?? (isUnsafe ? Number.MAX_SAFE_INTEGER : undefined);
  const expected = showBounds(most === undefined ? bounds : { ...bounds, max: most });
  throw refused(name, "is", show(value), expected);
}

/** Returns `value` if it is one of `choices`; throws `invalid_argument` otherwise. */
export function checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  throw refused(name, "is", show(value), choices.map((choice) => `"${choice}"`).join(" or "));
}

/** Returns `value` if it is true or false; throws `invalid_argument` otherwise. */
export function checkFlag(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw refused(name, "is", show(value), "true or false");
}

/** Throws `invalid_argument` unless `signal` is undefined or an AbortSignal. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw refused("signal", "is", show(signal), "an AbortSignal");
  }
}

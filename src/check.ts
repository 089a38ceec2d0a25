import { LatentflowError } from "./errors.ts";

/** An `invalid_argument` error, ready to be thrown. */
export function invalid(message: string): LatentflowError {
  return new LatentflowError("invalid_argument", message);
}

/** How a value that came in is named in a message: short, and telling -0, NaN and strings apart. */
export function show(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "function") return "a function";
  const name = value.constructor?.name;
  if (!name || name === "Object") return "an object";
  return `${/^[AEIOU]/.test(name) && !/^Uint/.test(name) ? "an" : "a"} ${name}`;
}

/** Refuses options that are no object or hold a name outside `known`: a misspelt option must not be ignored. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (options === null || typeof options !== "object") {
    throw invalid(`${where}: options are ${show(options)}, expected an object`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw invalid(`${where}: unknown option ${show(name)}; the options are ${known.join(", ")}`);
    }
  }
}

/** The bounds of a number: `min` and `max` are allowed values, `above` is not. */
export interface Bounds {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

/** Refuses a value that is no number within its bounds; returns it otherwise. */
export function checkNumber(where: string, name: string, value: unknown, bounds: Bounds = {}): number {
  const { min = -Infinity, above = -Infinity, max = Number.MAX_VALUE, integer = false } = bounds;
  const ok =
    typeof value === "number" &&
    value >= min &&
    (value > above || above === -Infinity) &&
    value <= max &&
    (!integer || Number.isSafeInteger(value));
  if (ok) return value;
  const limits = [
    bounds.above !== undefined ? `> ${bounds.above}` : "",
    bounds.min !== undefined ? `>= ${bounds.min}` : "",
    bounds.max !== undefined ? `<= ${bounds.max}` : "",
  ].filter(Boolean);
  const expected = `${integer ? "an integer" : "a finite number"}${limits.length ? ` ${limits.join(" and ")}` : ""}`;
  throw invalid(`${where}: ${name} is ${show(value)}, expected ${expected}`);
}

/** Refuses a value that is none of `choices`; returns it otherwise. */
export function checkChoice<T extends string>(
  where: string,
  name: string,
  value: unknown,
  choices: readonly T[],
): T {
  if (choices.includes(value as T)) return value as T;
  throw invalid(`${where}: ${name} is ${show(value)}, expected ${choices.map((c) => `"${c}"`).join(" or ")}`);
}

/** Refuses what is no AbortSignal. */
export function checkSignal(where: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw invalid(`${where}: signal is ${show(signal)}, expected an AbortSignal`);
  }
}

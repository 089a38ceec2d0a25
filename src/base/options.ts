import { checkCallback, checkChoice, checkFlag, checkNumber, checkOptions, checkSignal } from "./check.ts";
import type { Bounds } from "./show.ts";

// A function's options are one table, of a field for each: its checks and its default, from which the program's flags come
// as well.

/** Option of a function: how its value is checked, and its default. */
export interface Field<Value> {
  /** Returns a value that is right; throws otherwise, an `invalid_argument` error that names the option. */
  readonly check: (where: string, name: string, value: unknown) => Value;
  /** Default; without this key the option has to be given. */
  readonly standard?: Value;
  /** Words that are right; undefined for other values. */
  readonly choices?: readonly string[];
  /** Bounds of a number; undefined for other values. */
  readonly bounds?: Bounds;
}

/** Fields of all options of an interface: the compiler names one that is missing, and one that is none. */
export type FieldsOf<Options> = {
  readonly [Name in keyof Options]-?: Field<
    undefined extends Options[Name] ? Exclude<Options[Name], undefined> | undefined : Options[Name]
  >;
};

/** Values that fields make of options. */
export type ValuesOf<Fields> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never;
};

/** Help of the program for the options of an interface: what a value is, and what it does. */
export type HelpOf<Options> = {
  readonly [Name in keyof Options]-?: readonly [value: string, text: string];
};

/** Field of a number within its bounds. */
// @__NO_SIDE_EFFECTS__
export function number(bounds: Bounds, standard?: number): Field<number> {
  const check = (where: string, name: string, value: unknown) => checkNumber(where, name, value, bounds);
  return { check, bounds, ...(standard !== undefined && { standard }) };
}

/** Field of a count, an integer that is at least `min`. */
// @__NO_SIDE_EFFECTS__
export function count(min: number, standard?: number, max?: number): Field<number> {
  return number({ min, integer: true, ...(max !== undefined && { max }) }, standard);
}

/** Field of one of several words, the first of which is the default. */
// @__NO_SIDE_EFFECTS__
export function choice<const Word extends string>(...choices: readonly Word[]): Field<Word> {
  const check = (where: string, name: string, value: unknown) => checkChoice(where, name, value, choices);
  return { check, choices, standard: choices[0]! };
}

/** Field of true or false. */
// @__NO_SIDE_EFFECTS__
export function flag(standard: boolean): Field<boolean> {
  return { check: checkFlag, standard };
}

/** Field of a function that is called back, or none. */
// @__NO_SIDE_EFFECTS__
export function callback<Callback>(): Field<Callback | undefined> {
  return optional({
    check: (where, name, value) => {
      checkCallback(where, name, value);
      return value as Callback;
    },
  });
}

/** Field of an AbortSignal, or none. */
// @__NO_SIDE_EFFECTS__
export function signal<Signal>(): Field<Signal | undefined> {
  return optional({
    check: (where, _, value) => {
      checkSignal(where, value as AbortSignal);
      return value as Signal;
    },
  });
}

/** Field of a value that is checked later, with what else is given. */
// @__NO_SIDE_EFFECTS__
export function later<Value>(): Field<Value> {
  return { check: (_where, _name, value) => value as Value, standard: undefined as Value };
}

/** Field that may be left out, and is then undefined. */
// @__NO_SIDE_EFFECTS__
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  return { ...field, standard: undefined };
}

/**
 * Options with their defaults, each checked: what is undefined is left out.
 *
 * @param why reasons against options that one might look for, by name
 * @throws LatentflowError `invalid_argument` on an unknown option, or a value that is wrong
 */
export function completeOptions<Fields extends { readonly [name: string]: Field<unknown> }>(
  where: string,
  given: { readonly [Name in keyof Fields]?: unknown } | undefined,
  fields: Fields,
  why?: Readonly<Record<string, string>>,
): ValuesOf<Fields> {
  checkOptions(where, given as object | undefined, fields, why);
  const values = Object.entries<Field<unknown>>(fields).map(([name, field]) => {
    const value = given?.[name];
    const isDefault = value === undefined && "standard" in field;
    return [name, isDefault ? field.standard : field.check(where, name, value)];
  });
  return Object.fromEntries(values) as ValuesOf<Fields>;
}

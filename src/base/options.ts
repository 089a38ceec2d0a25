import { checkChoice, checkFlag, checkNumber, checkOptions, checkSignal } from "./check.ts";
import { refused } from "./refuse.ts";
import { type Bounds, show } from "./show.ts";

// A function's options are one table, of a field for each: its checks and its default, from which the program's flags come
// as well.

/** Description of an option: how its value is checked, and its default. */
export interface Field<Value> {
  /** Returns a valid value; throws an `invalid_argument` error that names the option otherwise. */
  readonly check: (where: string, name: string, value: unknown) => Value;
  /** Default of the option; a field without this key is a required option. */
  readonly standard?: Value;
  /** Valid words; undefined for options of other types. */
  readonly choices?: readonly string[];
  /** Bounds of a number; undefined for options of other types. */
  readonly bounds?: Bounds;
}

/** Fields of all options of an interface: the compiler reports a missing one, and one too many. */
export type FieldsOf<Options> = {
  readonly [Name in keyof Options]-?: Field<
    undefined extends Options[Name] ? Exclude<Options[Name], undefined> | undefined : Options[Name]
  >;
};

/** Checked values of the options that fields describe. */
export type ValuesOf<Fields> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never;
};

/** Help of the program for the options of an interface: what a value is, and what it does. */
export type HelpOf<Options> = {
  readonly [Name in keyof Options]-?: readonly [value: string, text: string];
};

/** Makes the field of a number within bounds. */
// @__NO_SIDE_EFFECTS__
export function number(bounds: Bounds, standard?: number): Field<number> {
  const check = (where: string, name: string, value: unknown) => checkNumber(where, name, value, bounds);
  return { check, bounds, ...(standard !== undefined && { standard }) };
}

/** Makes the field of a count, an integer that is at least `min`. */
// @__NO_SIDE_EFFECTS__
export function count(min: number, standard?: number, max?: number): Field<number> {
  return number({ min, integer: true, ...(max !== undefined && { max }) }, standard);
}

/** Makes the field of one of several words, the first of which is the default. */
// @__NO_SIDE_EFFECTS__
export function choice<const Word extends string>(...choices: readonly Word[]): Field<Word> {
  const check = (where: string, name: string, value: unknown) => checkChoice(where, name, value, choices);
  return { check, choices, standard: choices[0]! };
}

/** Makes the field of true or false. */
// @__NO_SIDE_EFFECTS__
export function flag(standard: boolean): Field<boolean> {
  return { check: checkFlag, standard };
}

/** Makes the field of a callback function, or none. */
// @__NO_SIDE_EFFECTS__
export function callback<Callback>(): Field<Callback | undefined> {
  return optional({
    check: (where, name, value) => {
      if (typeof value === "function") return value as Callback;
      throw refused(where, name, "is", show(value), "a function");
    },
  });
}

/** Makes the field of an AbortSignal, or none. */
// @__NO_SIDE_EFFECTS__
export function signal<Signal>(): Field<Signal | undefined> {
  return optional({
    check: (where, _, value) => {
      checkSignal(where, value as AbortSignal);
      return value as Signal;
    },
  });
}

/** Makes the field of a value that is checked later, together with other options. */
// @__NO_SIDE_EFFECTS__
export function later<Value>(): Field<Value> {
  return { check: (_where, _name, value) => value as Value, standard: undefined as Value };
}

/** Makes the field of an option that may be left out, and is then undefined. */
// @__NO_SIDE_EFFECTS__
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  return { ...field, standard: undefined };
}

/**
 * Checks options and completes them with their defaults; undefined counts as left out.
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
